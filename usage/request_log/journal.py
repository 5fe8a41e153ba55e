"""Writes a batch of finished requests: rows of the log, sums of the buckets, charges; all or nothing, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter, gt
from typing import Any

import structlog
from django.db import DatabaseError, DataError, IntegrityError, connection
from django.db.models import CharField
from django.db.transaction import atomic
from pydantic_core import to_json

from access.credits import Settlement, settle_many
from usage.group_traffic.tallying import count_groups
from usage.health.recent import count_recent
from usage.models import RequestRecord
from usage.request_log.finished import ATTEMPTS, COLUMNS, SKIPPED, STARTED_AT, Finished, values_of
from usage.rollups.adding import add_up
from usage.rollups.tallies import tally

log = structlog.get_logger(__name__)

# It is the row's fault: a number out of range, text that PostgreSQL refuses.
UNSTORABLE = (DataError, IntegrityError)
TEXTS = {f.attname: f.max_length or 0 for f in RequestRecord._meta.concrete_fields if isinstance(f, CharField)}
LIMITS = tuple(TEXTS.values())
texts_of = attrgetter(*TEXTS)

INTO = f'"{RequestRecord._meta.db_table}" ({", ".join(COLUMNS)})'
INSERT = f"INSERT INTO {INTO} VALUES ({', '.join(['%s'] * len(COLUMNS))})"  # noqa: S608  # our own names
COPY = f"COPY {INTO} FROM STDIN"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A finished request, and the charge of its account (None: no account pays)."""

    request: Finished
    settlement: Settlement | None = None


def write(batch: Sequence[JournalEntry]) -> None:
    """Writes a batch; leaves out a row that the database refuses, which would otherwise block all later ones for
    ever."""
    try:
        _write(batch)
    except Exception as error:
        if isinstance(error, DatabaseError) and not isinstance(error, UNSTORABLE):
            raise
        if len(batch) > 1:
            for entry in batch:
                write([entry])
            return
        log.error("a request can't be recorded", call_id=batch[0].request.call_id, error=str(error)[:200])
        _settle(batch)


def _write(batch: Sequence[JournalEntry]) -> None:
    """A batch whose answer was lost is sent again: rows that are in the table already are not counted twice."""
    requests = {entry.request.call_id: entry.request for entry in batch}
    for request in requests.values():
        if any(map(gt, map(len, texts_of(request)), LIMITS)):
            _cut(request)
    try:
        _write_new(list(requests.values()), batch)
    except IntegrityError:
        known = RequestRecord.objects.filter(pk__in=list(requests)).values_list("pk", flat=True)
        _write_new([requests[call_id] for call_id in requests.keys() - set(known)], batch)


@atomic
def _write_new(requests: Sequence[Finished], batch: Sequence[JournalEntry]) -> None:
    _insert(requests)
    add_up(tally(requests))
    count_recent(requests)
    count_groups(requests)
    _settle(batch)


def _insert(requests: Sequence[Finished]) -> None:
    """Not `bulk_create`, which takes longer than everything else together."""
    adapted = _adapter()
    rows = [list(values_of(request)) for request in requests]
    for row in rows:
        row[STARTED_AT], row[ATTEMPTS] = adapted(row[STARTED_AT]), to_json(row[ATTEMPTS]).decode()
        row[SKIPPED] = to_json(row[SKIPPED]).decode() if row[SKIPPED] else "[]"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _copy(cursor, rows)
        else:
            cursor.executemany(INSERT, rows)


def _adapter() -> Callable[[datetime], Any]:
    """A moment in the database's words. What Django asks of each, SQLite's rows of a batch need not: they are UTC."""
    if connection.vendor == "sqlite" and connection.timezone is UTC:
        return as_sqlite_has_it
    return connection.ops.adapt_datetimefield_value


def as_sqlite_has_it(moment: datetime) -> Any:
    """The same text that Django writes."""
    if moment.tzinfo is UTC:
        return str(moment.replace(tzinfo=None))
    return connection.ops.adapt_datetimefield_value(moment)


def _copy(cursor: Any, rows: Iterable[Sequence[Any]]) -> None:
    """A fifth of the time of an equivalent INSERT. Django knows neither COPY nor its errors."""
    with connection.wrap_database_errors, cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row(row)


def _settle(batch: Iterable[JournalEntry]) -> None:
    if settlements := [entry.settlement for entry in batch if entry.settlement is not None]:
        settle_many(settlements)


def _cut(request: Finished) -> None:
    """Text that is too long is cut, so that the request keeps its row."""
    for name, limit in TEXTS.items():
        setattr(request, name, getattr(request, name)[:limit])
