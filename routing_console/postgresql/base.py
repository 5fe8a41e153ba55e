"""Connections that are there soon, or are refused soon.

Django's own waits 10 s for a connection while the server is away, several times a page, and the pool tries again after
pauses that double, so that it finds a server up to a minute after it is back.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

from lib.database_link import DatabaseAway, link

# A pool whose connections are all in use is waited for.
POOL_WAIT_S = 10.0
# The shortest that libpq takes.
ANSWERS_WITHIN_S = 2


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Raises DatabaseAway as soon as it is known that the server does not answer."""
        link.check()
        if link.is_away:
            self.ask()
        deadline = monotonic() + POOL_WAIT_S
        while True:
            try:
                connection = super().get_new_connection(conn_params)
            except PoolTimeout:  # all in use, or the server is away
                self.ask()
                if monotonic() >= deadline:
                    raise
            except psycopg.OperationalError as error:  # without a pool
                link.lost(error)
                raise DatabaseAway from error
            else:
                link.answered()
                return connection

    def ask(self) -> None:
        """Raises DatabaseAway unless the server lets us in, on a connection of its own."""
        try:
            psycopg.connect(**{**self.get_connection_params(), "connect_timeout": ANSWERS_WITHIN_S}).close()
        except psycopg.OperationalError as error:
            link.lost(error)
            raise DatabaseAway from error
        link.answered()
