"""One request: when it waits, how long, and for whom."""

import pytest

from engine.core.actions import GiveUp
from engine.core.failures import Failure, Kind
from engine.core.state import RETRIES_AT_ONCE
from tests.engine.core.working import (
    LIMITED,
    SERVER,
    SILENT,
    ask_of,
    asked,
    end_of,
    group,
    health_of,
    journey,
    key_of,
    limited,
    open_for,
    path,
    wait_of,
)

WRONG_KEY = Failure(Kind.OWN_KEY)


def waits(steps: list[str | float]) -> list[float]:
    return [step for step in steps if isinstance(step, float)]


@pytest.mark.parametrize("failure", [SERVER, LIMITED, limited(3.0)])
def test_nobody_waits_while_somebody_else_may_serve(failure: Failure):
    g = group("ab", "c", general=("x",), pause_s=2.0)
    steps = path(journey(g, group("d", name="x")), dict.fromkeys("abc", failure))
    assert asked(steps)[2:] == "cd"
    assert waits(steps) == []


def test_a_lone_deployment_is_waited_for_as_long_as_it_asks_and_not_after_the_last_attempt():
    assert path(journey(group("a", repeats=2)), {"a": limited(5.0)}) == ["a", 5.0, "a", 5.0, "a"]


def test_nobody_waits_for_longer_than_the_setting_says():
    assert path(journey(group("a", repeats=2)), {"a": limited(5.5)}) == ["a"]
    assert path(journey(group("a", repeats=1, longest_wait_s=60.0, last_s=60.0)), {"a": limited(20.0)}) == [
        "a",
        20.0,
        "a",
    ]


def test_whom_the_shortest_wait_leads_to_is_waited_for():
    g = group("a", "b", repeats=1)
    assert path(journey(g), {"a": limited(4.0), "b": limited(2.0)}) == ["a", "b", 2.0, "b"]


def test_the_pause_of_a_repeat_is_drawn_from_zero_and_grows():
    waited = [waits(path(journey(group("a", repeats=3, has_breakers=False), seed=n), {"a": SERVER})) for n in range(60)]
    for n, most in enumerate((0.25, 0.5, 1.0)):
        drawn = [row[n] for row in waited]
        assert 0 <= min(drawn) < most / 4
        assert most / 2 < max(drawn) <= most


def test_a_group_may_want_a_pause_before_each_repeat():
    steps = path(journey(group("a", repeats=2, pause_s=7.0, has_breakers=False)), {"a": SERVER})
    assert steps == ["a", 7.0, "a", 7.0, "a"]


def test_a_retry_after_of_nothing_is_a_pause_all_the_same():
    request = journey(group("a", has_breakers=False))
    assert wait_of(request.failed(ask_of(request.begin(0.0)), 1.0, limited(0.0))) > 0


def test_no_wait_reaches_over_the_deadline():
    assert path(journey(group("a"), deadline_s=5.0), {"a": limited(5.0)}) == ["a"]
    assert path(journey(group("a"), deadline_s=9.0), {"a": limited(5.0)}) == ["a", 5.0, "a"]


def test_a_wait_is_over_a_moment_early_too():
    request = journey(group("a", repeats=1))
    seconds = wait_of(request.failed(ask_of(request.begin(0.0)), 0.0, limited(2.0)))
    assert key_of(request.woke(seconds - 0.0005)) == "a"


def test_after_a_wait_one_that_was_passed_over_before_comes_first():
    g = group("ab", repeats=1)
    open_for(health_of(g, "a"), 3.0)
    request = journey(g)
    ask = ask_of(request.begin(1.0))
    assert ask.target.key == "b"
    assert wait_of(request.failed(ask, 1.5, limited(2.0))) == 2.0
    assert key_of(request.woke(3.5)) == "a"


def test_nobody_waits_for_one_that_failures_have_shut():
    """In an outage all requests would, and fail later."""
    g = group("a", "b")
    request = journey(g)
    open_for(health_of(g, "a"), 20.0, now=10.0)
    ask = ask_of(request.begin(11.0))
    assert ask.target.key == "b"
    assert end_of(request.failed(ask, 12.0, SILENT)).failure is SILENT


def test_a_request_that_finds_all_of_them_cooling_is_told_when_to_come_back_and_does_not_wait():
    g = group("a", "b")
    open_for(health_of(g, "a"), 60.0)
    open_for(health_of(g, "b"), 3.0)
    end = end_of(journey(g).begin(1.0))
    assert (end.failure, end.free_in_s) == (None, 2.0)


def test_what_an_upstream_asked_for_is_told_also_where_breakers_are_off():
    g = group("a", "b", repeats=0, has_breakers=False)
    request = journey(g)
    ask = ask_of(request.failed(ask_of(request.begin(0.0)), 1.0, limited(40.0)))
    assert end_of(request.failed(ask, 2.0, limited(20.0))).free_in_s == 20.0


def test_where_the_same_would_be_said_again_no_moment_is_told():
    request = journey(group("a"))
    end = end_of(request.failed(ask_of(request.begin(0.0)), 1.0, Failure(Kind.QUOTA)))
    assert end.free_in_s == float("inf")


def test_a_last_deployment_that_asked_for_an_hour_is_probed_every_five_seconds():
    g = group("a", repeats=0)
    met = []
    for tenth in range(400):
        now = tenth / 10
        request = journey(g)
        if not isinstance(action := request.begin(now), GiveUp):
            met.append(now)
            request.failed(ask_of(action), now, limited(3600.0))
    assert met == pytest.approx([0, 5, 10, 15, 20, 25, 30, 35])


def test_beside_others_one_that_asked_for_an_hour_is_probed_after_five_minutes():
    g = group("a", "b", repeats=0)
    path(journey(g), {"a": limited(3600.0)})
    assert path(journey(g), {}, now=299.0) == ["b"]
    assert path(journey(g), {}, now=300.0) == ["a"]


def test_a_group_may_leave_its_last_deployment_alone_for_longer():
    g = group("a", repeats=0, last_s=30.0)
    path(journey(g), {"a": limited(3600.0)})
    assert end_of(journey(g).begin(29.0)).free_in_s == 1.0
    assert path(journey(g), {}, now=30.0) == ["a"]


def test_repeats_at_a_provider_that_is_down_use_up_its_budget():
    g = group("a", repeats=2, has_breakers=False)
    attempts = [len(asked(path(journey(g, seed=n), {"a": SERVER}, now=100.0))) for n in range(1000)]
    assert sum(attempts) - 1000 <= RETRIES_AT_ONCE + 0.2 * 1000 + 1
    assert attempts[-1] in (1, 2)


def test_moves_to_others_need_no_budget():
    g = group("a", "b", has_breakers=False, repeats=0)
    assert {asked(path(journey(g), {"a": SERVER})) for _ in range(100)} == {"ab"}


def test_while_somebody_probes_a_last_deployment_others_are_told_to_come_back_soon():
    g = group("a")
    open_for(health_of(g, "a"), 2.0)
    journey(g).begin(3.0)
    end = end_of(journey(g).begin(4.0))
    assert (end.failure, end.free_in_s) == (None, 1.0)


def test_a_request_that_waited_for_one_that_somebody_else_probes_by_now_waits_a_little_more():
    g = group("a", repeats=2)
    first, second = journey(g), journey(g)
    asks = [ask_of(request.begin(0.0)) for request in (first, second)]
    for request, ask in zip((first, second), asks, strict=True):
        assert wait_of(request.failed(ask, 0.0, limited(2.0))) == 2.0
    probe = ask_of(first.woke(2.0))
    assert wait_of(second.woke(2.0)) == 1.0
    first.answered(probe, 2.5, 0.5, 1, 1)
    assert key_of(second.woke(3.0)) == "a"


def test_an_attempt_that_had_the_whole_time_of_its_request_counts_as_one_that_timed_out():
    g = group("a", "b", repeats=0)
    for _ in range(3):
        request = journey(g, deadline_s=10.0)
        request.ran_out(ask_of(request.begin(0.0)), 10.0)
    assert path(journey(g), {}, now=11.0) == ["b"]
    assert health_of(g, "a").in_flight == 0


def test_one_that_had_only_the_rest_of_it_counts_against_nobody():
    g = group("a", "b", repeats=0)
    for n in range(5):
        request = journey(g, deadline_s=100.0 * n + 10.0)
        ask = ask_of(request.failed(ask_of(request.begin(100.0 * n)), 100.0 * n + 8.0, WRONG_KEY))
        assert ask.target.key == "b"
        request.ran_out(ask, 100.0 * n + 10.0)
    assert health_of(g, "b").breaker.is_quiet
