"""Whom a change is attributed to. Rights are another matter: see `access/rules.py`."""

from __future__ import annotations

from typing import Protocol, cast

from rest_framework.request import Request


class Author(Protocol):
    """Anybody with a name to write into `created_by` and `updated_by`."""

    @property
    def name(self) -> str: ...


def author_of(request: Request) -> Author:
    """Who sent an authenticated API request: a signed-in user or the holder of a key."""
    return cast(Author, request.user)
