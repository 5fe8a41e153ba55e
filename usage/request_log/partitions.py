"""The partitions of the log on PostgreSQL: one for each day (UTC), made ahead, and dropped as a whole (ADR 25).

Of a long retention time one has several days, because a query without a time takes some 14 locks in each. Of a
PostgreSQL as it comes, 30 such queries at once are refused with 93 partitions, and a single one with 368.

Rows of days without a partition are in DEFAULT until theirs is made, so that a missing one is never an error. All that
is done here waits for other transactions for at most LOCK_TIMEOUT, and is tried again at the next purge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.transaction import atomic

from usage.models import RequestRecord

TABLE = RequestRecord._meta.db_table
DEFAULT = f"{TABLE}_default"
# Today and the next ones.
DAYS_AHEAD = 3
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Those that retention keeps.
MOST = 40
LOCK_TIMEOUT = "2s"
# Any number will do, as long as nobody else takes it: "part" in ASCII.
LOCK = 0x70617274
LIKE_IT = f"(LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING INDEXES)"
# The bounds as PostgreSQL reads them itself: how it writes them hangs on its settings.
BOUNDS = r"""
    SELECT c.relname, substring(b.bound FROM $$FROM \('([^']+)'\)$$)::timestamptz,
        substring(b.bound FROM $$TO \('([^']+)'\)$$)::timestamptz
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
        LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) b(bound)
    WHERE i.inhparent = %s::regclass ORDER BY 3
"""
DAYS_OF_DEFAULT = f"SELECT DISTINCT date_trunc('day', started_at, 'UTC') FROM {DEFAULT}"  # noqa: S608  # our own names


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: `since` is included, `until` is not. None: without a bound; both None: DEFAULT."""

    name: str
    since: datetime | None
    until: datetime | None

    def has(self, moment: datetime) -> bool:
        """Whether it holds the rows of this time; DEFAULT holds those that no other partition does."""
        return self.until is not None and (self.since is None or self.since <= moment) and moment < self.until


def length_of(kept: timedelta) -> timedelta:
    """How many days a partition has, where rows are kept for that long."""
    return max(1, -(-kept // (MOST * DAY))) * DAY


def begin_of(moment: datetime, length: timedelta) -> datetime:
    """Where a partition of this length begins that has the moment."""
    return EPOCH + (moment - EPOCH) // length * length


def tend_partitions(*, now: datetime, oldest: datetime, length: timedelta = DAY) -> bool:
    """Makes the partitions of the next days, and drops those that have nothing after `oldest`.

    False if another process does it at this moment. Raises OperationalError if others hold the log for too long; what
    can't be made keeps no old one from being dropped.
    """
    try:
        return _make_all(now=now, oldest=oldest, length=length)
    finally:
        _drop_all(oldest)


def partitions() -> list[Partition]:
    """All of the log, by time; DEFAULT is the last."""
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS, [TABLE])
        return [Partition(*row) for row in cursor.fetchall()]


@contextmanager
def _alone() -> Iterator[bool]:
    """A transaction, and whether it is the only one of its kind."""
    with atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        yield bool(cursor.fetchone()[0])


def _drop_all(oldest: datetime) -> None:
    """A transaction for each, because the whole log waits while one is dropped."""
    for old in partitions():
        if old.until is not None and old.until <= oldest:
            with _alone() as is_alone:
                if is_alone:
                    _execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(old.name)}")


def _make_all(*, now: datetime, oldest: datetime, length: timedelta) -> bool:
    """A transaction for each, because those who read rows without a partition wait while one is attached."""
    today = begin_of(now, DAY)
    wanted = {today + n * DAY for n in range(DAYS_AHEAD)}
    last = max(wanted)
    wanted |= {day for [day] in _rows(DAYS_OF_DEFAULT) if oldest - DAY < day <= last}
    return all(_make(day, length) for day in sorted(wanted))


def _make(day: datetime, length: timedelta) -> bool:
    """The partition of a day, unless there is one; False if another process makes or drops some."""
    with _alone() as is_alone:
        there = partitions()
        if is_alone and not any(one.has(day) for one in there):
            make_partition(*_free(day, length, there))
    return is_alone


def _free(day: datetime, length: timedelta, there: Sequence[Partition]) -> tuple[datetime, datetime]:
    """A partition with this day: where it begins, and where it ends. Others, of another length, keep their days."""
    since = begin_of(day, length)
    before = (one.until for one in there if one.until and one.until <= day)
    after = (one.since for one in there if one.since and one.since > day)
    return max([since, *before]), min([since + length, *after])


def make_partition(since: datetime, until: datetime) -> None:
    """One partition, in the caller's transaction.

    Moves the rows that are in DEFAULT: most of them while others read and write, the last ones while they wait.
    """
    name, bounds = f"{TABLE}_{since:%Y%m%d}", [since, until]
    _execute(f"CREATE TABLE {name} {LIKE_IT}")
    _execute(f"ALTER TABLE {name} ADD PRIMARY KEY (call_id)")
    moved = f"WITH moved AS (DELETE FROM {DEFAULT} WHERE started_at >= %s AND started_at < %s RETURNING *)"  # noqa: S608
    move = f"{moved} INSERT INTO {name} SELECT * FROM moved"  # noqa: S608  # our own names
    _execute(move, bounds)
    _execute(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE")
    _execute(move, bounds)
    _execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", bounds)


def _execute(statement: str, parameters: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def _rows(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
