"""What was logged by earlier versions is counted as it would be today, as far as the log tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from usage.models import RequestRecord, UsageBucket, UsageSeries

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
