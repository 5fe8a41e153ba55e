"""The same log in another database: copied from SQLite as it is, much quicker than to write a million rows twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

from usage.models import LatencyCount, RequestRecord, UsageBucket, UsageSeries

TABLES: tuple[type[Model], ...] = (UsageSeries, UsageBucket, LatencyCount, RequestRecord)


def keep(path: Path) -> None:
    """Writes a copy of the SQLite database that Django is connected to."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])


def take(path: Path, models: Sequence[type[Model]] = TABLES) -> None:
    """Fills the tables of usage in PostgreSQL from such a copy; what they had is gone."""
    names = ", ".join(f'"{model._meta.db_table}"' for model in models)
    with closing(sqlite3.connect(path)) as source, connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {names} CASCADE")
        for model in models:
            _copy(model, source, cursor)
        for statement in connection.ops.sequence_reset_sql(no_style(), [*models]):
            cursor.execute(statement)


def _copy(model: type[Model], source: sqlite3.Connection, cursor: Any) -> None:
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields if field.column)
    rows = source.execute(f'SELECT {columns} FROM "{model._meta.db_table}"')
    with cursor.copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)
