"""`manage.py migrate` of several processes at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from providers.management.commands.migrate import LOCK, one_at_a_time, psycopg_of
from tests.servers import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such lock"),
]


def waiting() -> int:
    with psycopg_of(connection) as other:
        asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s"
        return int(other.execute(asked, [LOCK]).fetchone()[0])


def test_the_second_waits_until_the_first_is_done():
    done = []

    def second() -> None:
        with one_at_a_time("default"):
            done.append("second")

    with one_at_a_time("default"):
        thread = threading.Thread(target=second)
        thread.start()
        assert eventually(lambda: waiting() == 1, deadline_s=30)
        done.append("first")
    thread.join(30)
    assert done == ["first", "second"]
