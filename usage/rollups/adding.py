"""Adds tallies to the tables of buckets, as increments, so that several processes may do so at the same time.

Rows are written in the order of their keys in every process, so that there are no deadlocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

from usage.models import LatencyCount, UsageBucket, UsageSeries
from usage.rollups.tallies import SUMS, BucketTally, Series, Slot

ROWS_PER_STATEMENT = 500


def add_up(tally: BucketTally) -> None:
    """Adds to the buckets in the caller's transaction; four statements for any number of requests."""
    if not tally.sums:
        return
    keys = _keys(tally)
    sums = sorted((*keys[slot], *sums.values()) for slot, sums in tally.sums.items())
    latencies = sorted((*keys[slot], level, count) for (slot, level), count in tally.latencies.items())
    add_to(UsageBucket, ("grain", "start", "series_id"), SUMS, sums)
    add_to(LatencyCount, ("grain", "start", "series_id", "level"), ("count",), latencies)


def _keys(tally: BucketTally) -> dict[Slot, tuple[Any, ...]]:
    """The slots as keys of the tables."""
    ids = _series_ids(tally.series)
    starts = {slot.start for slot in tally.sums}
    adapted = {start: connection.ops.adapt_datetimefield_value(start) for start in starts}
    return {slot: (slot.grain, adapted[slot.start], ids[slot.series]) for slot in tally.sums}


def _series_ids(wanted: Iterable[Series]) -> dict[Series, int]:
    """The ids of series; creates new ones."""
    by_hash = {series.hash: series for series in wanted}
    ids = _known(by_hash)
    if missing := sorted(by_hash.keys() - ids.keys()):
        new = [UsageSeries(hash=name, **by_hash[name]._asdict()) for name in missing]
        UsageSeries.objects.bulk_create(new, ignore_conflicts=True)
        ids |= _known(missing)
    return {by_hash[name]: pk for name, pk in ids.items()}


def _known(hashes: Iterable[str]) -> dict[str, int]:
    return dict(UsageSeries.objects.filter(hash__in=list(hashes)).values_list("hash", "pk"))


def add_to(model: type[Model], keys: Sequence[str], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """`INSERT … ON CONFLICT … DO UPDATE` with sums; SQLite and PostgreSQL have the same syntax here."""
    table, names = model._meta.db_table, (*keys, *columns)
    sums = ", ".join(f'"{name}" = "{table}"."{name}" + EXCLUDED."{name}"' for name in columns)
    head = f'INSERT INTO "{table}" ({_quoted(names)}) VALUES '  # noqa: S608  # names of our own columns
    tail = f" ON CONFLICT ({_quoted(keys)}) DO UPDATE SET {sums}"
    row = f"({', '.join(['%s'] * len(names))})"
    with connection.cursor() as cursor:
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            part = rows[start : start + ROWS_PER_STATEMENT]
            cursor.execute(head + ", ".join([row] * len(part)) + tail, [value for values in part for value in values])


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def keep_writers_out(model: type[Model]) -> None:
    """Makes other writers of a table wait, until the transaction ends. In SQLite they wait anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{model._meta.db_table}" IN SHARE ROW EXCLUSIVE MODE')
