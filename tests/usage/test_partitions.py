"""The log on PostgreSQL: a partition for each day, and each request once in whichever it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from providers.management.commands.migrate import psycopg_of
from tests.servers import eventually
from tests.usage.log import Served, finished, log
from usage.models import Grain, RequestRecord, UsageBucket
from usage.request_log import partitions as log_partitions
from usage.request_log.crash_files import CrashFiles, recover
from usage.request_log.journal import write
from usage.request_log.packing import entry_of
from usage.request_log.partitions import DAYS_AHEAD, LOCK, MOST, TABLE, begin_of, length_of, partitions, tend_partitions
from usage.request_log.retention import purge
from usage.rollups.tallies import start_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions"),
]
DAY = timedelta(days=1)
MIDNIGHT = datetime(2030, 3, 5, tzinfo=UTC)
AROUND_MIDNIGHT = [MIDNIGHT + n * timedelta(microseconds=1) for n in (-2, -1, 0, 1)]


@pytest.fixture(autouse=True)
def _only_default(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the days that another test has left, and this one leaves none."""
    request.getfixturevalue("transactional_db" if "transactional_db" in request.fixturenames else "db")
    monkeypatch.setattr(connections, "close_all", lambda: None)
    _drop_days()
    yield
    _drop_days()


def _drop_days() -> None:
    with connection.cursor() as cursor:
        for one in partitions():
            if one.until:
                cursor.execute(f"DROP TABLE {one.name}")


def make_days(day: datetime, *, oldest: datetime | None = None) -> None:
    """The partitions that a purge on that day makes."""
    assert tend_partitions(now=day, oldest=oldest or day - 30 * DAY)


def days() -> list[str]:
    return [f"{one.since:%m-%d}" for one in partitions() if one.since]


def places() -> dict[str, str]:
    """The partition of each request, by its id."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT call_id, tableoid::regclass::text FROM {TABLE}")
        return {call_id: name.removeprefix(f"{TABLE}_") for call_id, name in cursor.fetchall()}


def counted() -> int:
    return sum(UsageBucket.objects.filter(grain=Grain.DAY).values_list("requests", flat=True))


def around_midnight() -> list[RequestRecord]:
    return [finished(f"call-{n}", started_at=moment) for n, moment in enumerate(AROUND_MIDNIGHT)]


def test_a_purge_makes_the_partitions_of_today_and_the_next_days():
    purge()
    today = start_of(timezone.now(), Grain.DAY)
    assert [one.since for one in partitions()] == [*(today + n * DAY for n in range(DAYS_AHEAD)), None]
    purge()
    assert len(partitions()) == DAYS_AHEAD + 1
    log(finished("now"))
    assert places() == {"now": f"{today:%Y%m%d}"}


def test_rows_of_a_day_without_a_partition_are_kept_and_move_when_it_gets_one():
    log(*around_midnight())
    assert set(places().values()) == {"default"}
    make_days(MIDNIGHT)
    assert days() == ["03-04", "03-05", "03-06", "03-07"]  # that of yesterday for the rows that were there
    assert places() == {"call-0": "20300304", "call-1": "20300304", "call-2": "20300305", "call-3": "20300305"}


def test_rows_of_a_clock_that_is_far_ahead_stay_where_they_are():
    log(finished("ahead", started_at=MIDNIGHT + 400 * DAY))
    make_days(MIDNIGHT)
    assert days() == ["03-05", "03-06", "03-07"]
    assert places() == {"ahead": "default"}


def test_a_batch_that_is_sent_again_across_midnight_is_counted_once():
    make_days(MIDNIGHT - DAY)
    batch = around_midnight()
    log(*batch[:3])
    log(*batch)
    assert RequestRecord.objects.count() == counted() == len(batch)


def test_a_batch_that_is_sent_again_after_its_rows_moved_is_counted_once():
    log(*around_midnight()[:3])
    make_days(MIDNIGHT)
    log(*around_midnight())
    assert RequestRecord.objects.count() == counted() == len(AROUND_MIDNIGHT)


def test_rows_of_a_killed_process_that_the_log_has_already_are_counted_once(tmp_path: Path):
    make_days(MIDNIGHT - DAY)
    files = CrashFiles(tmp_path)
    files.open()
    wires = [Served(record).wire() for record in around_midnight()]
    for wire in wires:
        files.keep(wire)
    write([entry_of(wire) for wire in wires[:3]])
    files.close(is_written=False)
    assert recover(tmp_path, write, oldest_s=0.0) == len(wires)
    assert RequestRecord.objects.count() == counted() == len(wires)
    assert list(RequestRecord.objects.order_by("pk").values_list("started_at", flat=True)) == AROUND_MIDNIGHT


def test_longer_retention_drops_days_and_keeps_the_one_in_which_it_ends(settings: Any):
    settings.ATTEMPTS_RETENTION_HOURS = 72
    today = start_of(timezone.now(), Grain.DAY)
    log(*(finished(f"{n} days ago", started_at=today - n * DAY) for n in range(6)))
    make_days(today)
    assert len(days()) == 6 + DAYS_AHEAD - 1
    purge()
    assert set(places()) == {f"{n} days ago" for n in range(4)}
    assert len(days()) == 4 + DAYS_AHEAD - 1


@pytest.mark.parametrize(
    ("kept", "length"), [(1, 1), (30, 1), (40, 1), (41, 2), (80, 2), (365, 10), (3650, 92)], ids=str
)
def test_a_longer_retention_time_has_no_more_partitions_but_longer_ones(kept: int, length: int):
    assert length_of(kept * DAY) == length * DAY
    assert kept / length <= MOST


def test_partitions_of_several_days_leave_the_days_of_others_alone(settings: Any):
    today = start_of(timezone.now(), Grain.DAY)
    make_days(today)
    settings.ATTEMPTS_RETENTION_HOURS = 365 * 24
    ages = (1, 9, 30, 364)
    log(*(finished(f"{n} days ago", started_at=today - n * DAY) for n in ages))
    purge()
    made = [one for one in partitions() if one.since and one.until and one.until <= today]
    assert all(one.until - one.since <= 10 * DAY for one in made)
    assert sum(one.has(today - n * DAY) for one in made for n in ages) == len(ages)
    assert set(places()) == {f"{n} days ago" for n in ages}
    assert "default" not in places().values()
    assert tend_partitions(now=today + 3 * DAY, oldest=today - 365 * DAY, length=10 * DAY)
    assert [one.since for one in partitions() if one.since and one.since >= today][:4] == [
        today + n * DAY for n in range(4)
    ]


def test_rows_stay_until_their_partition_of_several_days_is_old(settings: Any):
    settings.ATTEMPTS_RETENTION_HOURS = 365 * 24
    now = timezone.now()
    begin = begin_of(now - 365 * DAY, 10 * DAY)
    log(finished("old", started_at=begin - timedelta(seconds=1)), finished("kept", started_at=begin))
    tend_partitions(now=now, oldest=begin - 20 * DAY, length=10 * DAY)
    assert "default" not in places().values()
    purge()
    assert set(places()) == {"kept"}


def test_retention_of_hours_deletes_rows_in_the_day_in_which_it_ends(settings: Any):
    settings.ATTEMPTS_RETENTION_HOURS = 30
    now = timezone.now()
    log(finished("kept", started_at=now - timedelta(hours=29)), finished("old", started_at=now - timedelta(hours=31)))
    log(finished("of a day before", started_at=now - timedelta(hours=60)))
    make_days(now)
    purge()
    assert set(places()) == {"kept"}
    assert min(one.until for one in partitions() if one.until) > now - timedelta(hours=30)


def test_old_rows_that_have_no_partition_are_deleted_too(settings: Any):
    settings.ATTEMPTS_RETENTION_HOURS = 72
    log(finished("old", days_ago=5), finished("new"))
    purge()
    assert set(places()) == {"new"}


def test_a_day_that_cannot_get_a_partition_keeps_no_old_row_and_loses_no_new_one(settings: Any):
    settings.ATTEMPTS_RETENTION_HOURS = 72
    today = start_of(timezone.now(), Grain.DAY)
    make_days(today - 9 * DAY)
    log(*(finished(f"{n} days ago", started_at=today - n * DAY) for n in (9, 5, 0)))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {TABLE}_{today:%Y%m%d} (of_somebody_else int)")
    purge()
    assert places() == {"0 days ago": "default"}
    assert days() == []
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}_{today:%Y%m%d}")
    purge()
    assert places() == {"0 days ago": f"{today:%Y%m%d}"}


def test_queries_by_time_read_only_their_days():
    make_days(MIDNIGHT - DAY)
    day = RequestRecord.objects.filter(started_at__gte=MIDNIGHT, started_at__lt=MIDNIGHT + DAY)
    for found in (day, day.filter(model_group="g"), day.filter(pk__in=["a", "b"])):
        plan = found.explain()
        assert f"{TABLE}_20300305" in plan
        assert "20300304" not in plan
        assert "default" not in plan
    assert "default" in RequestRecord.objects.filter(started_at__gte=MIDNIGHT).explain()


def test_requests_are_found_in_the_day_before_and_farther_away():
    log(finished("old", days_ago=9), finished("older", days_ago=10), finished("new"))
    found, moment = RequestRecord.objects.order_by("-started_at"), timezone.now() - timedelta(days=9.5)
    assert [getattr(found.find(name), "pk", None) for name in ("old", "new", "nobody")] == ["old", "new", None]
    assert [[one.pk for one in found.newest(n)] for n in (1, 2)] == [["new"], ["new", "old"]]
    assert [one.pk for one in found.filter(started_at__lt=moment).newest(2, until=moment)] == ["older"]
    later = RequestRecord.objects.filter(started_at__gt=moment).order_by("started_at")
    assert [[one.pk for one in later.oldest(n, since=moment)] for n in (1, 2)] == [["old"], ["old", "new"]]


def test_a_partition_has_the_indexes_of_the_log_and_a_key_of_its_own():
    make_days(MIDNIGHT)
    with connection.cursor() as cursor:
        theirs = connection.introspection.get_constraints(cursor, f"{TABLE}_20300305").values()
        ours = connection.introspection.get_constraints(cursor, TABLE).values()
    assert [one["columns"] for one in theirs if one["primary_key"]] == [["call_id"]]
    indexes = [
        sorted(one["columns"] for one in all_ if one["index"] and not one["primary_key"]) for all_ in (theirs, ours)
    ]
    assert indexes[0] == indexes[1] != []


@pytest.mark.django_db(transaction=True)
def test_only_one_process_at_a_time_makes_and_drops_partitions():
    with psycopg_of(connection) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert not tend_partitions(now=MIDNIGHT, oldest=MIDNIGHT - DAY)
        assert days() == []
        other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    assert tend_partitions(now=MIDNIGHT, oldest=MIDNIGHT - DAY)


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_takes_long_makes_retention_wait_until_the_next_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.ATTEMPTS_RETENTION_HOURS = 72
    monkeypatch.setattr(log_partitions, "LOCK_TIMEOUT", "20ms")
    log(finished("old", days_ago=6), finished("new"))
    make_days(timezone.now())
    with psycopg_of(connection) as other, other.transaction():
        other.execute(f"SELECT count(*) FROM {TABLE}")
        purge()
        assert set(places()) == {"old", "new"}
    purge()
    assert set(places()) == {"new"}


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_waits_for_a_new_partition_is_written_into_it(monkeypatch: pytest.MonkeyPatch):
    """PostgreSQL has sent its rows to DEFAULT by then, which takes them no more."""
    written = []

    def write_it() -> None:
        log(finished("waiting", started_at=MIDNIGHT))
        written.append(True)
        connection.close()

    with psycopg_of(connection) as other, other.transaction():
        other.execute(f"LOCK TABLE {TABLE}_default IN ACCESS EXCLUSIVE MODE")
        thread = threading.Thread(target=write_it)
        thread.start()
        assert eventually(_waits, deadline_s=30)
        other.execute(f"CREATE TABLE {TABLE}_20300305 {log_partitions.LIKE_IT}")
        other.execute(f"ALTER TABLE {TABLE}_20300305 ADD PRIMARY KEY (call_id)")
        bounds = "FROM ('2030-03-05+00') TO ('2030-03-06+00')"
        other.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {TABLE}_20300305 FOR VALUES {bounds}")
    thread.join(30)
    assert written
    assert places() == {"waiting": "20300305"}
    assert counted() == 1


def _waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [f"{TABLE}_default"]
        )
        return bool(cursor.fetchone()[0])
