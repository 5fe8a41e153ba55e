"""Differences of two configurations, seed by seed."""

from __future__ import annotations

import pytest

from engine.rehearsal.metric_differences import BETTER, MetricDifference, better_of, differences_of
from engine.rehearsal.ranges import AS_THEY_ARE, COUNTED, COUNTED_OF_CLIENTS, share_of

COST, RATE, P95 = "cost_usd", "success_rate", "latency_p95_ms"


def difference(metric: str, a: list[float], b: list[float]) -> MetricDifference:
    found = differences_of([{metric: value} for value in a], [{metric: value} for value in b])
    assert [one.metric for one in found] == [metric]
    return found[0]


def test_a_difference_has_medians_and_the_range_of_the_steps_from_a_to_b():
    found = difference(RATE, [0.5, 0.6, 0.9], [0.7, 0.7, 0.95])
    assert found == MetricDifference(RATE, 0.6, 0.7, 0.05, 0.2, "b")


def test_seeds_are_compared_one_by_one_and_not_as_two_heaps():
    """The sides overlap widely, but with each seed b is a little better."""
    assert difference(RATE, [0.1, 0.5, 0.9], [0.11, 0.51, 0.91]).better == "b"


@pytest.mark.parametrize(
    ("metric", "low", "high", "better"),
    [
        (RATE, 0.01, 0.2, "b"),
        (RATE, -0.2, -0.01, "a"),
        (RATE, -0.01, 0.2, None),
        (RATE, 0.0, 0.2, None),
        (RATE, 0.0, 0.0, None),
        (P95, 1.0, 2.0, "a"),
        (P95, -2.0, -1.0, "b"),
        (COST, -2.0, 0.0, None),
        ("fallback_share", 0.1, 0.2, None),
        (share_of("x"), 0.1, 0.2, None),
    ],
)
def test_a_side_is_better_only_if_it_was_with_every_seed(metric, low, high, better):
    assert better_of(metric, low, high) == better


def test_what_one_side_never_measured_has_no_difference():
    found = differences_of([{RATE: 0.0}], [{RATE: 1.0, P95: 900.0}])
    assert found == [
        MetricDifference(RATE, 0.0, 1.0, 1.0, 1.0, "b"),
        MetricDifference(P95, None, 900.0, None, None, None),
    ]


def test_only_seeds_that_both_sides_measured_make_a_range():
    found = {one.metric: one for one in differences_of([{P95: 5.0}, {}, {P95: 7.0}], [{P95: 6.0}, {P95: 99.0}, {}])}
    assert found[P95] == MetricDifference(P95, 6.0, 52.5, 1.0, 1.0, "a")


def test_a_deployment_that_one_side_lacks_has_answered_nothing_there():
    found = differences_of([{share_of("x"): 1.0}, {}], [{share_of("x"): 0.25, share_of("y"): 0.75, RATE: 1.0}, {}])
    told = {one.metric: (one.a, one.b, one.low) for one in found}
    assert list(told) == [RATE, share_of("x"), share_of("y")]
    assert told[share_of("y")] == (0.0, 0.75, 0.75)


def test_every_metric_has_a_better_direction_or_is_known_to_have_none():
    without = {"fallback_share", "rescued_share", "hedged_share"}
    assert set(BETTER) | without == {"success_rate", *AS_THEY_ARE, *COUNTED, *COUNTED_OF_CLIENTS}
    assert not set(BETTER) & without
