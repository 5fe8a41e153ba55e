"""The traffic of a group: counted as the log is written, read as sums of a few slices."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from engine.outcomes import Outcome
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.group_traffic.periods import GroupTraffic, day_until, last, latencies_at, slice_at, traffic_in, traffic_of
from usage.group_traffic.tallying import KEPT_FOR, SHORT_FOR, counts_of, shrink_groups
from usage.models import GroupCount, RequestRecord

QUARTER = timedelta(minutes=15)
FAILED: dict[str, Any] = {"status": 503, "error_class": "ServiceUnavailableError"}


def failed(deployment: str = "Nebius", *, to: str = "fallback_error", **fields: Any) -> dict[str, Any]:
    usual = {"status": "error", "error_class": "ServiceUnavailableError", "moved_on": to}
    return tried(deployment, **{**usual, **fields})


def second(deployment: str, **fields: Any) -> dict[str, Any]:
    return tried(deployment, tier=2, fallback_depth=1, **fields)


def cooling(deployment: str, cause: str = "2×503") -> dict[str, Any]:
    return {"deployment_id": deployment, "provider": deployment, "reason": "cooling", "cause": cause}


def told(*requests: RequestRecord) -> GroupTraffic:
    found = counts_of(requests, now=timezone.now())
    return traffic_of((part.what, int(count), total) for part, (count, total) in found.items())


def test_requests_are_told_by_outcome_with_latencies_and_cost():
    traffic = told(
        finished(duration_ms=100.0, cost_usd=0.5, first_token_ms=20.0),
        finished(duration_ms=300.0, cost_usd=0.25, is_own_key=True),
        finished(**FAILED, attempts=[failed()]),
        finished(status=400, error_class="invalid_request_error"),
        finished(status=499),
    )
    wanted = {Outcome.ANSWERED: 2, Outcome.FAILED: 1, Outcome.REFUSED: 1, Outcome.LEFT: 1}
    assert traffic.outcomes == wanted
    assert traffic.requests == 5
    assert traffic.success_rate == pytest.approx(2 / 3)
    assert traffic.latency_ms == 200.0
    assert traffic.cost_usd == 0.5
    assert traffic.causes == {"ServiceUnavailableError": 1}
    assert 290 <= traffic.latency_at(0.95) <= 360
    assert 19 <= traffic.first_token_at(0.95) <= 24


def test_a_deployment_has_the_attempts_that_count_also_where_another_answered():
    traffic = told(
        finished(attempts=[failed("Nebius"), second("Azure", duration_ms=80.0)], fell_back=True),
        finished(attempts=[tried("Nebius", duration_ms=40.0)]),
        finished(status=400, attempts=[tried("Nebius", status="error", status_code=400)]),
        finished(attempts=[tried("Nebius", hedge="hedge_lost"), tried("Azure", duration_ms=40.0)]),
    )
    nebius, azure = traffic.at("Nebius"), traffic.at("Azure")
    assert (nebius.tried, nebius.answered, nebius.errors) == (2, 1, {"ServiceUnavailableError": 1})
    assert (azure.tried, azure.failed, azure.latency_ms) == (2, 0, 60.0)
    assert traffic.fell_back == 1


def test_ways_are_told_as_those_of_a_rehearsal():
    traffic = told(
        finished(attempts=[tried("Nebius")]),
        finished(attempts=[failed("Nebius", to="fallback_rate_limit"), second("Azure")]),
        finished(attempts=[failed("Nebius", to="retry_error"), tried("Nebius")]),
        finished(attempts=[second("Azure")], skipped=[cooling("Nebius")]),
        finished(attempts=[second("Azure")], skipped=[cooling("Nebius", "2×429")]),
    )
    assert traffic.flows == {
        (None, "Nebius", "primary"): 3,
        ("Nebius", "Azure", "fallback_rate_limit"): 1,
        (None, "Azure", "fallback_error"): 1,
        (None, "Azure", "fallback_rate_limit"): 1,
    }
    assert traffic.at("Nebius").skipped == {"cooling": 2}


def test_a_request_that_reached_no_deployment_is_told_and_standbys_are_no_skips():
    standby = {**cooling("Azure"), "reason": "not_needed"}
    traffic = told(
        finished(status=429, error_class="all_cooling_down", skipped=[cooling("Nebius"), cooling("Azure")]),
        finished(attempts=[tried("Nebius")], skipped=[standby]),
        finished(status=429, error_class="rate_limit_exceeded"),
    )
    assert (traffic.failed, traffic.untried, traffic.outcomes[Outcome.REFUSED]) == (1, 1, 1)
    assert traffic.at("Azure").skipped == {"cooling": 1}


def test_texts_of_upstreams_fit_their_column_and_come_back_whole():
    error = "É" * 200
    [row] = [
        part
        for part in counts_of([finished(attempts=[failed(error_class=error)])], now=timezone.now())
        if "error" in part.what
    ]
    assert len(row.what) <= GroupCount._meta.get_field("what").max_length
    assert traffic_of([(row.what, 1, 0.0)]).at("Nebius").errors == {"É" * 64: 1}


@pytest.mark.django_db
def test_the_last_minutes_are_those_of_the_log_to_the_request(django_assert_num_queries):
    now = timezone.now()
    ages = (0, 5, 14 * 60, 15 * 60 + 30, 3600)
    log(*(finished(started_at=now - timedelta(seconds=age)) for age in ages), finished(model_group="other"))
    period = last(QUARTER, now=now)
    with django_assert_num_queries(1):
        traffic = traffic_in("g", period)
    logged = RequestRecord.objects.filter(
        model_group="g", started_at__gte=period.since, started_at__lt=period.until
    ).count()
    assert traffic.requests == logged == 3


@pytest.mark.django_db
def test_a_day_has_144_slices_with_their_failures(django_assert_num_queries):
    now = timezone.now()
    log(finished(started_at=now, **FAILED, attempts=[failed()]))
    log(finished(started_at=now, attempts=[failed(), second("Azure")], fell_back=True))
    log(finished(started_at=now - timedelta(hours=5)), finished(started_at=now - timedelta(hours=25)))
    with django_assert_num_queries(1):
        day = day_until("g", now)
    assert len(day) == 144
    assert day[-1].since <= now < day[-1].until
    assert (day[-1].requests, day[-1].failed, day[-1].fell_back) == (2, 1, 1)
    assert sum(one.requests for one in day) == 3
    assert traffic_in("g", slice_at(now)).at("Nebius").failed == 2


@pytest.mark.django_db
def test_what_is_old_is_kept_in_long_slices_and_then_forgotten():
    log(finished(days_ago=3))
    assert not GroupCount.objects.exists()
    began = slice_at(timezone.now() - SHORT_FOR - QUARTER).since
    log(*(finished(started_at=began + timedelta(seconds=s), duration_ms=10.0) for s in (1, 12, 599)), finished())
    for _ in range(2):
        shrink_groups()
        starts = set(GroupCount.objects.values_list("start", flat=True))
        assert len(starts) == 2
        assert min(starts) == began
    traffic = traffic_in("g", slice_at(began))
    assert (traffic.answered, traffic.latency_sum_ms) == (3, 30.0)
    assert traffic.latency_at(0.5) == pytest.approx(10, rel=0.2)
    GroupCount.objects.filter(start=began).update(start=began - KEPT_FOR)
    shrink_groups()
    assert GroupCount.objects.values("start").distinct().count() == 1


@pytest.mark.django_db
def test_counts_made_once_more_are_the_same():
    log(finished(attempts=[failed(), second("Azure")], fell_back=True), finished(days_ago=0.5))
    before = sorted(GroupCount.objects.values_list())
    call_command("rebuild_usage")
    assert before
    assert sorted(GroupCount.objects.values_list()) == before
    GroupCount.objects.all().delete()
    call_command("rebuild_usage")
    assert sorted(GroupCount.objects.values_list()) == before


@pytest.mark.django_db
def test_a_percentile_of_several_groups_is_that_of_each(django_assert_num_queries):
    for number in range(1, 21):
        log(finished(model_group="a", duration_ms=100.0 * number), finished(model_group="b", duration_ms=50.0))
    log(finished(model_group="fails", **FAILED), finished(model_group="other"))
    period = last(QUARTER, now=timezone.now())
    with django_assert_num_queries(1):
        found = latencies_at(0.95, ["a", "b", "fails"], period)
    assert found == {name: traffic_in(name, period).latency_at(0.95) for name in ("a", "b")}
    with django_assert_num_queries(0):
        assert latencies_at(0.95, [], period) == {}
