"""`manage.py migrate`: Django's, but of several at once on one PostgreSQL the others wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

# Any number will do, as long as nobody else takes it: "rout" in ASCII.
LOCK = 0x726F7574


class Command(migrate.Command):
    """A second one finds all done when it comes to its turn."""

    def handle(self, *args: Any, **options: Any) -> None:
        with one_at_a_time(options["database"]):
            super().handle(*args, **options)


@contextmanager
def one_at_a_time(alias: str) -> Iterator[None]:
    """Waits for the lock of this database; SQLite has one of its own for each transaction."""
    connection = connections[alias]
    if connection.vendor != "postgresql":
        yield
        return
    # A connection of its own: PostgreSQL gives the lock back when it ends, also with its process.
    with psycopg_of(connection) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield


def psycopg_of(connection: Any) -> Any:
    import psycopg  # only where there is PostgreSQL

    return psycopg.connect(**connection.get_connection_params(), autocommit=True)
