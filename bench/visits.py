"""Whole requests through every middleware, without a socket: what `bench/pages.py` and `bench/usage.py` time."""

from __future__ import annotations

import time

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def visitor(name: str) -> Client:
    """An admin of this name, signed in."""
    from access.models import Role, User

    person, _ = User.objects.get_or_create(username=name, defaults={"role": Role.ADMIN})
    client = Client()
    client.force_login(person)
    return client


def visit_ms(client: Client, path: str) -> float:
    """One request; its time in milliseconds."""
    begin = time.perf_counter()
    answer = client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return (time.perf_counter() - begin) * 1000


def queries_of(client: Client, path: str) -> int:
    """How many queries one request takes."""
    with CaptureQueriesContext(connection) as queries:
        visit_ms(client, path)
    return len(queries)
