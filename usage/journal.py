"""Writes a batch of finished requests: rows of the log, sums of the buckets, charges; all of it once, or none of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import structlog
from django.db import DataError, connection
from django.db.models import CharField
from django.db.transaction import atomic

from access.credits import Settlement, settle_many
from usage.models import RequestRecord
from usage.rollups import add_up
from usage.tallies import tally

log = structlog.get_logger(__name__)

# What an upstream counted or said may fit no column: a number beyond it, text that PostgreSQL refuses.
UNSTORABLE = (DataError, OverflowError, ValueError)
TEXTS = {f.attname: f.max_length for f in RequestRecord._meta.concrete_fields if isinstance(f, CharField)}

ROWS_PER_STATEMENT = 200
ADAPTED = ("started_at", "attempts")
COLUMNS = (*(f.attname for f in RequestRecord._meta.concrete_fields if f.attname not in ADAPTED), *ADAPTED)
columns_of = attrgetter(*COLUMNS)
ROW = f"({', '.join(['%s'] * len(COLUMNS))})"
INSERT = f'INSERT INTO "{RequestRecord._meta.db_table}" ({", ".join(COLUMNS)}) VALUES '  # noqa: S608  # our own names


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished request, and what its account owes for it (None: nobody's account pays)."""

    record: RequestRecord
    settlement: Settlement | None = None


def write(batch: Sequence[Entry]) -> None:
    """Writes a batch; without a row that no database takes, which would otherwise hold up all after it for ever."""
    try:
        _write(batch)
    except UNSTORABLE as error:
        if len(batch) > 1:
            for entry in batch:
                write([entry])
            return
        log.error("a request can't be recorded", call_id=batch[0].record.call_id, error=str(error)[:200])
        _settle(batch)


@atomic
def _write(batch: Sequence[Entry]) -> None:
    """A batch whose answer was lost comes again: what is in the table already is not counted again."""
    records = {entry.record.call_id: entry.record for entry in batch}
    for known in RequestRecord.objects.filter(pk__in=list(records)).values_list("pk", flat=True):
        del records[known]
    for record in records.values():
        _cut(record)
    _insert(list(records.values()))
    add_up(tally(records.values()))
    _settle(batch)


def _insert(records: Sequence[RequestRecord]) -> None:
    """Not `bulk_create`: it takes longer than all the rest together, in the process that serves."""
    with connection.cursor() as cursor:
        for start in range(0, len(records), ROWS_PER_STATEMENT):
            rows = [_row(record) for record in records[start : start + ROWS_PER_STATEMENT]]
            cursor.execute(INSERT + ", ".join([ROW] * len(rows)), [value for row in rows for value in row])


def _row(record: RequestRecord) -> list[Any]:
    *values, started_at, attempts = columns_of(record)
    started = connection.ops.adapt_datetimefield_value(started_at)
    return [*values, started, connection.ops.adapt_json_value(attempts, None)]


def _settle(batch: Iterable[Entry]) -> None:
    if settlements := [entry.settlement for entry in batch if entry.settlement is not None]:
        settle_many(settlements)


def _cut(record: RequestRecord) -> None:
    """Text that is too long loses its end, rather than the request its row."""
    for name, limit in TEXTS.items():
        text = getattr(record, name)
        if limit is not None and len(text) > limit:
            setattr(record, name, text[:limit])
