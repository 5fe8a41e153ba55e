"""Queries of the sums give the same results as the single requests."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.utils import timezone

from tests.usage.log import finished, log
from usage.analytics import (
    AnalyticsQuery,
    Dimension,
    FilterOption,
    Totals,
    UsageReport,
    by,
    choices,
    over_time,
    period,
    totals,
)
from usage.analytics.numbers import totals_of
from usage.analytics.report import OF_LINES, OF_POINTS, Latency
from usage.models import Grain, RequestRecord, UsageBucket

pytestmark = pytest.mark.django_db
ALL = AnalyticsQuery()
ALL_OF_TOTALS = [column.name for column in fields(Totals)]


def names(asked: AnalyticsQuery, dimension: Dimension) -> list[tuple[str, int]]:
    return [(line.name, line.totals.requests) for line in by(asked, dimension)]


def test_everything_is_added_up():
    tokens: dict[str, Any] = {"input_tokens": 10, "output_tokens": 5, "cached_tokens": 4, "reasoning_tokens": 3}
    log(finished(cost_usd=0.5, first_token_ms=4.0, **tokens), finished(cost_usd=0.25, days_ago=40, **tokens))
    log(finished(status=503), finished(status=400), finished(status=499), finished(cost_usd=2.0, is_own_key=True))
    found = totals(ALL)
    assert (found.requests, found.successes, found.failures, found.refused, found.left) == (6, 3, 1, 1, 1)
    assert (found.input_tokens, found.output_tokens, found.cached_tokens, found.reasoning_tokens) == (20, 10, 8, 6)
    assert (found.total_tokens, found.cost_usd, found.saved_usd, found.own_key_requests) == (30, 0.75, 2.0, 1)
    assert (found.success_rate, found.first_token_ms) == (0.75, 4.0)


def test_what_is_charged_besides_tokens_is_added_up_by_unit():
    log(finished(unit="image", units=2.0), finished(unit="image", units=1.0), finished(unit="second", units=12.5))
    log(finished(unit="search", units=1.0, is_own_key=True), finished(unit="lightyear", units=4.0), finished())
    found = totals(ALL)
    assert found.units == {"search": 1.0, "image": 3.0, "second": 12.5}
    assert totals(AnalyticsQuery(owner="nobody")).units == {}


def test_percentiles_are_those_of_all_that_is_asked_for():
    rng = random.Random(8)
    middle_ms = {"a": 80, "b": 900}
    taken = {name: sorted(ms * rng.lognormvariate(0, 0.5) for _ in range(400)) for name, ms in middle_ms.items()}
    log(*(finished(owner=owner, duration_ms=ms) for owner, times in taken.items() for ms in times))
    both, slow = totals(ALL), totals(AnalyticsQuery(owner="b"))
    assert both.p95_ms == pytest.approx(sorted(taken["a"] + taken["b"])[760], rel=0.05)
    assert slow.p50_ms == pytest.approx(taken["b"][200], rel=0.05)


def test_nothing_has_no_rate_and_no_latency():
    assert totals(ALL) == Totals()
    log(finished(status=400))
    found = totals(ALL)
    assert (found.success_rate, found.p50_ms, found.p95_ms, found.first_token_ms) == (None, None, None, None)


FILTERS: dict[str, dict[str, Any]] = {
    "team": {"team": "red", "team_id": "1"},
    "key_id": {"key_id": "k", "key_name": "mine"},
    "owner": {"owner": "ann"},
    "group": {"model_group": "chat"},
    "provider": {"provider": "P"},
    "model": {"deployment_name": "P/llama", "model": "llama"},
    "virtual_model": {"virtual_model": "auto"},
}


@pytest.mark.parametrize(
    ("field", "value"),
    [*((field, value) for field, columns in FILTERS.items() for value in columns.values())],
)
def test_each_filter_leaves_its_own(field: str, value: str):
    log(finished(cost_usd=1.0, **FILTERS[field]), finished(cost_usd=2.0))
    its_own: dict[str, Any] = {field: value}
    assert totals(AnalyticsQuery(**its_own)).cost_usd == 1.0
    assert totals(AnalyticsQuery(**its_own | {field: "unheard of"})).requests == 0


def test_filters_narrow_each_other():
    log(finished(owner="ann", provider="P"), finished(owner="ann", provider="Q"), finished(owner="bob", provider="P"))
    assert totals(AnalyticsQuery(owner="ann", provider="P")).requests == 1


def test_lines_are_sorted_by_requests():
    log(*(finished(provider="A") for _ in range(2)), finished(provider="B"), finished(provider=""))
    assert names(ALL, "provider") == [("A", 2), ("B", 1)]


def test_a_team_or_key_is_one_line_under_its_newest_name():
    log(finished(team="old", team_id="1", key_id="k", key_name="one"))
    log(finished(team="new", team_id="1", key_id="l", key_name="one"))
    log(finished(team="new", team_id="2"))
    teams = [(line.name, line.id, line.totals.requests) for line in by(ALL, "team")]
    assert teams == [("new", "1", 2), ("new", "2", 1)]
    assert [(line.name, line.id) for line in by(ALL, "key")] == [("one", "k"), ("one", "l")]


def test_a_period_is_counted_from_its_first_day():
    log(finished(days_ago=0), finished(days_ago=6.01), finished(days_ago=8))
    assert totals(AnalyticsQuery(since=period("7d"))).requests == 1 + (
        period("7d") <= timezone.now() - timedelta(days=6.01)
    )
    assert totals(AnalyticsQuery(since=period("30d"))).requests == 3


def test_until_is_not_included():
    log(finished(at="2026-01-01T10:00"), finished(at="2026-01-02T10:00"))
    assert totals(AnalyticsQuery(until=datetime(2026, 1, 2, tzinfo=UTC))).requests == 1


@pytest.mark.parametrize("since", [None, 200, 150, 95, 62, 40, 29, 3])
@pytest.mark.parametrize("until", [None, 0, 2, 33, 64])
def test_months_and_days_add_up_to_every_period(since: int | None, until: int | None):
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    records = [finished(days_ago=n, cost_usd=2.0**-n, duration_ms=10.0 + n) for n in range(0, 180, 3)]
    log(*records)
    begin, end = (None if days is None else today - timedelta(days=days) for days in (since, until))
    within = [r for r in records if (not begin or r.started_at >= begin) and (not end or r.started_at < end)]
    found = UsageReport(AnalyticsQuery(since=begin, until=end), grain=Grain.DAY)
    assert found.totals().cost_usd == pytest.approx(sum(r.cost_usd or 0.0 for r in within), rel=1e-12)
    assert found.totals().requests == len(within) == sum(point.totals.requests for point in found.over_time())


def test_whole_months_are_not_read_by_days():
    log(*(finished(days_ago=n) for n in range(150)))
    counted = UsageBucket.objects.filter(UsageReport(AnalyticsQuery()).window.buckets)
    assert set(counted.values_list("grain", flat=True)) == {"mon"}
    assert counted.count() in (5, 6)


@pytest.mark.parametrize("latency", ["all", "totals", "none", "model", "owner"])
def test_percentiles_where_they_are_wanted(latency: Latency):
    log(finished(owner="ann", deployment_name="P/llama"), finished(owner="bob", is_own_key=True, cost_usd=1.0))
    whole, report = UsageReport(ALL), UsageReport(ALL, latency=latency)
    assert report.totals().p50_ms == (None if latency == "none" else whole.totals().p50_ms)
    assert (report.totals().requests, report.totals().saved_usd) == (2, 1.0)
    for dimension in ("model", "owner"):
        measured = [line.totals.p95_ms for line in report.by(dimension)]
        wanted = [line.totals.p95_ms for line in whole.by(dimension)]
        assert measured == (wanted if latency in ("all", dimension) else [None] * len(wanted))


def test_days_without_requests_are_points_too():
    log(finished(days_ago=3, cost_usd=1.0), finished(days_ago=0))
    points = over_time(AnalyticsQuery(since=period("7d")))
    assert [point.totals.requests for point in points] == [0, 0, 0, 1, 0, 0, 1]
    assert points[3].totals.cost_usd == 1.0
    assert [p.start.hour for p in points] == [0] * 7


def test_a_short_period_has_points_by_the_hour():
    log(finished(days_ago=0), finished(days_ago=0))
    points = over_time(AnalyticsQuery(since=period("24h")))
    assert len(points) == 24
    assert points[-1].totals.requests == 2
    assert points[1].start - points[0].start == timedelta(hours=1)


def test_hours_that_are_forgotten_are_answered_by_days():
    log(finished(days_ago=80))
    UsageBucket.objects.filter(grain="hour").delete()
    then = timezone.now() - timedelta(days=81)
    assert totals(AnalyticsQuery(since=then, until=then + timedelta(days=2))).requests == 1


def test_points_by_name_and_with_latencies():
    log(finished(provider="A", duration_ms=100.0), finished(provider="B", days_ago=1), finished(provider=""))
    found = over_time(AnalyticsQuery(since=period("7d")), by="provider", latency=True)
    assert {name: [p.totals.requests for p in points[-2:]] for name, points in found.items()} == {
        "A": [0, 1],
        "B": [1, 0],
    }
    assert found["A"][-1].totals.p50_ms == pytest.approx(100.0, rel=0.19)
    assert over_time(AnalyticsQuery(since=period("7d")))[-1].totals.p50_ms is None


def test_what_can_be_chosen():
    log(finished(provider="B", team="red", team_id="1"))
    log(finished(provider="A", team="blue", team_id="1"))
    found = choices()
    assert found["provider"] == [FilterOption("A", "A"), FilterOption("B", "B")]
    assert found["team"] == [FilterOption("1", "blue")]
    assert found["virtual_model"] == []


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "4000d", "-1d", "week", "²d"])
def test_a_period_that_is_none(text: str):
    with pytest.raises(ValueError, match="A period is"):
        period(text)


def test_a_report_reads_the_tables_once(django_assert_num_queries):
    log(finished(provider="A"), finished(provider="B"))
    with django_assert_num_queries(3):
        report = UsageReport(AnalyticsQuery(since=period("30d")))
        report.totals()
        report.by("provider")
        report.by("model")
    with django_assert_num_queries(1):
        report.over_time()


def test_a_report_adds_up_the_lines_of_a_dimension_once(monkeypatch):
    log(finished(provider="A"), finished(provider="B"), finished(provider="B"))
    report, counting = UsageReport(AnalyticsQuery(since=period("30d"))), Mock(side_effect=totals_of)
    monkeypatch.setattr("usage.analytics.report.totals_of", counting)
    report.by("provider").reverse()
    assert [line.name for line in report.by("provider")] == ["B", "A"]
    assert counting.call_count == 2


def test_only_the_first_lines_with_an_answer_are_measured_and_as_in_a_whole_report():
    for name, times in (("a", 4), ("b", 3), ("c", 2)):
        log(*(finished(deployment_name=f"P/{name}", duration_ms=100.0 * n + 50) for n in range(times)))
    log(*(finished(deployment_name="P/failed", status=503) for _ in range(9)))
    asked = AnalyticsQuery(since=period("30d"))
    whole, few = UsageReport(asked, latency="model"), UsageReport(asked, latency="model", measured=2)
    assert few.totals() == whole.totals()
    assert [line.name for line in few.by("model")] == ["P/failed", "P/a", "P/b", "P/c"]
    assert few.by("model")[:3] == whole.by("model")[:3]
    assert [line.totals.p95_ms is None for line in few.by("model")] == [True, False, False, True]


@pytest.mark.parametrize("seed", range(6))
def test_a_brief_report_says_the_same_of_what_it_has(seed: int):
    rng = random.Random(seed)
    log(*(_any_request(rng) for _ in range(40)))
    now = timezone.now()
    for since in (period("24h"), period("7d"), None):
        asked = AnalyticsQuery(since=since, until=now)
        whole, brief = (UsageReport(asked, is_brief=is_brief) for is_brief in (False, True))
        assert _rounded(brief.totals(), ALL_OF_TOTALS) == _rounded(whole.totals(), ALL_OF_TOTALS)
        for dimension in ("provider", "model", "owner"):
            lines = [
                [(line.name, _rounded(line.totals, OF_LINES)) for line in one.by(dimension)] for one in (brief, whole)
            ]
            assert lines[0] == lines[1]
        points = [
            [(point.start, _rounded(point.totals, OF_POINTS)) for point in one.over_time()] for one in (brief, whole)
        ]
        assert points[0] == points[1]


def _any_request(rng: random.Random) -> RequestRecord:
    outcome = rng.choice(["answered", "answered", "failed", "refused", "left"])
    return finished(
        owner=rng.choice(["ann", "bob"]),
        provider=rng.choice("AB"),
        deployment_name=rng.choice(["A/x", "B/y", ""]),
        is_own_key=rng.random() < 0.3,
        outcome=outcome,
        cost_usd=rng.choice([None, rng.random()]),
        input_tokens=rng.randrange(100),
        output_tokens=rng.randrange(100),
        cached_tokens=rng.randrange(10),
        duration_ms=rng.uniform(1, 9000),
        first_token_ms=rng.choice([None, rng.uniform(1, 900)]),
        unit=rng.choice(["", "image"]),
        units=2.0,
        days_ago=rng.choice([0, 0, 1, 5, 40]),
    )


def _rounded(totals: Totals, names: Collection[str]) -> dict[str, float | None]:
    """Sums of floats in another order differ in the last digits."""
    numbers = {name: getattr(totals, name) for name in names}
    return {name: round(number, 9) if number is not None else None for name, number in numbers.items()}
