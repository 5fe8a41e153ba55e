"""Response times of deployments, from the request log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from usage.health.response_times import POINTS, response_times, times_of
from usage.models import RequestRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def attempt(deployment: str, duration_ms: float, *, minute: int = 0, status: str = "success") -> dict[str, object]:
    when = (NOON + timedelta(minutes=minute)).isoformat()
    return {"deployment_id": deployment, "duration_ms": duration_ms, "status": status, "started_at": when}


def test_only_answers_count_by_deployment_in_order_of_time():
    first = [attempt("a", 900, minute=2, status="error"), attempt("b", 50, minute=2)]
    found = times_of([first, [attempt("a", 300, minute=1)], [attempt("a", 100)]])
    assert (found["a"].count, found["a"].mean_ms, found["a"].p95_ms) == (2, 200, 300)
    assert [ms for _, ms in found["a"].points] == [100, 300]
    assert found["b"].mean_ms == 50


def test_the_history_is_bounded_the_average_is_of_all():
    found = times_of([[attempt("a", 10 + n, minute=n)] for n in range(100)])["a"]
    assert (found.count, len(found.points), found.points[-1][1], found.p95_ms) == (100, POINTS, 109, 104)


@pytest.mark.django_db
def test_old_requests_are_left_out_and_one_query_is_enough(django_assert_num_queries):
    for number, age in enumerate((timedelta(0), timedelta(days=2))):
        started = timezone.now() - age
        rows = [attempt("a", 10.0 * (number + 1))]
        RequestRecord.objects.create(
            call_id=str(number), model_group="g", started_at=started, duration_ms=1, status=200, attempts=rows
        )
    with django_assert_num_queries(1):
        assert response_times()["a"].mean_ms == 10.0
