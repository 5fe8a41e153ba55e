"""The author of a change. For rights see `access/rules.py`."""

from __future__ import annotations

from typing import Protocol, cast

from rest_framework.request import Request


class Author(Protocol):
    """Anyone with a name for `created_by` and `updated_by`."""

    @property
    def name(self) -> str: ...


def author_of(request: Request) -> Author:
    """The caller of an authenticated API request: a signed-in user or the holder of a key."""
    return cast(Author, request.user)
