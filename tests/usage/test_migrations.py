"""What was logged by earlier versions is counted as it would be today, as far as the log tells."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.transaction import atomic
from django.utils import timezone

from providers.management.commands.migrate import psycopg_of
from tests.servers import eventually
from tests.usage.log import finished, log
from usage.models import RequestRecord, UsageBucket, UsageSeries
from usage.request_log.partitions import partitions

BEFORE_SUMS = ("usage", "0005_log_who_asked_and_sum_it_up")
TEN = datetime(2030, 1, 1, 10, tzinfo=UTC)
BY_B = [{"provider": "A", "deployment_id": "1"}, {"provider": "B", "deployment_name": "B/llama"}]
# Status, attempts, columns, and what became of the request by the rule of today.
ENDINGS: list[tuple[int, list[dict[str, str]], dict[str, Any], str]] = [
    (200, BY_B, {}, "answered"),
    (503, BY_B, {}, "failed"),
    (429, BY_B, {}, "failed"),
    (404, BY_B, {}, "failed"),
    (400, BY_B, {}, "refused"),
    (429, BY_B, {"is_own_key": True}, "refused"),
    (402, [], {"error_class": "OutOfCredits"}, "refused"),
    (499, [], {}, "left"),
]


@pytest.fixture
def old() -> Iterator[Any]:
    """The tables as they were before there were sums; those of today afterwards."""
    executor = MigrationExecutor(connection)
    executor.migrate([BEFORE_SUMS])
    yield executor.loader.project_state([BEFORE_SUMS]).apps
    _to_today()


def _to_today() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.django_db(transaction=True)
def test_old_requests_get_outcomes_and_are_summed_up_by_them(old: Any):
    records = old.get_model("usage", "RequestRecord").objects
    for number, (status, attempts, columns, _) in enumerate(ENDINGS):
        same = {"model_group": "g", "started_at": TEN, "duration_ms": 10.0, "input_tokens": 5}
        records.create(call_id=f"old-{number}", status=status, attempts=attempts, **same, **columns)
    _to_today()
    found = RequestRecord.objects.order_by("call_id").values_list("outcome", flat=True)
    assert list(found) == [outcome for *_, outcome in ENDINGS]
    for grain in ("hour", "day", "mon"):
        rows = UsageBucket.objects.filter(grain=grain)
        assert sum(row.requests for row in rows) == len(ENDINGS)
        for column, outcome in (("successes", "answered"), ("failures", "failed"), ("refused", "refused")):
            assert sum(getattr(row, column) for row in rows) == [end[-1] for end in ENDINGS].count(outcome)
        assert sum(row.left for row in rows) == 1
    assert UsageBucket.objects.filter(grain="hour").first().start == TEN  # type: ignore[union-attr]
    series = UsageSeries.objects.filter(provider="B", is_own_key=False).get()
    assert (series.deployment_name, series.model) == ("B/llama", "llama")


@pytest.mark.django_db(transaction=True)
def test_old_requests_get_their_marks():
    executor = MigrationExecutor(connection)
    before = ("usage", "0020_compare_secrets")
    executor.migrate([before])
    records = executor.loader.project_state([before]).apps.get_model("usage", "RequestRecord").objects
    same = {"model_group": "g", "started_at": TEN, "duration_ms": 1.0, "status": 200, "outcome": "answered"}
    broken = [{"status": "error", "rescue": ""}, {"status": "success", "rescue": "continued"}]
    records.create(call_id="plain", attempts=BY_B, **same)
    records.create(call_id="rescued", attempts=broken, is_stream=True, **same)
    records.create(call_id="lost", attempts=broken, is_stream=True, **{**same, "outcome": "failed"})
    records.create(call_id="skipped", skipped=[{"reason": "cooling"}], **same)
    _to_today()
    marked = RequestRecord.objects.values_list("call_id", "rescued", "has_skips").order_by("call_id")
    assert [*marked] == [
        ("lost", False, False),
        ("plain", False, False),
        ("rescued", True, False),
        ("skipped", False, True),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_log_keeps_its_rows_when_it_gets_partitions_and_when_it_is_one_table_again():
    before = ("usage", "0023_prove_standbys")
    _to(before)
    now = timezone.now()
    log(finished("old", started_at=now - timedelta(days=9)), finished("ahead", started_at=now + timedelta(days=9)))
    indexes = _indexes()
    _to_today()
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"old", "ahead"}
    if connection.vendor == "postgresql":
        assert [one.name for one in partitions()] == ["usage_requestrecord_before", "usage_requestrecord_default"]
        assert indexes.keys() - _indexes().keys() == {"usage_requestrecord_pkey"}  # each partition has its own
    log(finished("old", started_at=now - timedelta(days=9)), finished("new", started_at=now))
    assert RequestRecord.objects.count() == 3
    _to(before)
    assert _indexes() == indexes
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"old", "ahead", "new"}
    _to_today()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions")
@pytest.mark.parametrize("is_way_back", [False, True])
def test_a_server_that_was_not_stopped_loses_no_row_while_the_log_gets_partitions_or_loses_them(is_way_back):
    module = import_module("usage.migrations.0024_partition_the_log_by_day")
    if not is_way_back:
        _to(module.Migration.dependencies[0])
    log(finished("before"))
    batch = threading.Thread(target=_log_in_a_thread, args=[finished("meanwhile")])
    with atomic():
        (module.make_whole if is_way_back else module.partition)(None, connection.schema_editor())
        batch.start()
        assert eventually(_somebody_waits, deadline_s=30)
    batch.join(30)
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"before", "meanwhile"}
    with atomic():
        (module.partition if is_way_back else module.make_whole)(None, connection.schema_editor())
    _to_today()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions")
def test_the_way_back_waits_for_the_rows_that_are_being_written():
    module, failed = import_module("usage.migrations.0024_partition_the_log_by_day"), []
    with psycopg_of(connection) as other, other.transaction():
        log(finished("before"))
        other.execute("CREATE TEMPORARY TABLE copied ON COMMIT DROP AS SELECT * FROM usage_requestrecord")
        other.execute("UPDATE copied SET call_id = 'meanwhile'")
        other.execute("INSERT INTO usage_requestrecord SELECT * FROM copied")
        way_back = threading.Thread(target=_in_a_thread, args=[module.make_whole, failed])
        way_back.start()
        assert eventually(_somebody_waits, deadline_s=30)
    way_back.join(30)
    assert failed == []
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"before", "meanwhile"}
    with atomic():
        module.partition(None, connection.schema_editor())


def _log_in_a_thread(*rows: RequestRecord) -> None:
    log(*rows)
    connection.close()


def _in_a_thread(work: Any, failed: list[Any]) -> None:
    try:
        with atomic():
            work(None, connection.schema_editor())
    except Exception as error:
        failed.append(error)
    finally:
        connection.close()


def _somebody_waits() -> bool:
    """For a table of this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE NOT granted AND relation IS NOT NULL AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def _to(state: tuple[str, str]) -> None:
    MigrationExecutor(connection).migrate([state])


def _indexes() -> dict[str, Any]:
    """Their columns by name."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, RequestRecord._meta.db_table)
    return {name: one["columns"] for name, one in found.items() if one["index"] or one["primary_key"]}
