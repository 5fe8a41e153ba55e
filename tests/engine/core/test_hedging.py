"""When a second candidate is asked beside a slow one, who, and how often."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import Ask, Step
from engine.core.hedging import AT_ONCE, FEWEST, SOONEST_S, Beginnings, Hedging
from engine.core.journey import Journey
from engine.core.state import Group
from tests.engine.core.test_properties import FAST
from tests.engine.core.working import LIMITED, SERVER, ask_of, end_of, group, health_of, journey, key_of, open_for

SOON = 0.2


def hedged(*tiers: str, share: float = 1.0, after_s: float | None = SOON, **fields: Any) -> Group:
    return group(*tiers, hedging=Hedging(after_s, share), **fields)


def slow(request: Journey, now: float = 0.0) -> Ask:
    """Its first attempt, which is slow to begin."""
    ask = ask_of(request.begin(now))
    assert request.race(ask).delay_s(ask) == SOON
    return ask


def second(request: Journey, now: float = SOON) -> Ask | None:
    return request.hedge(slow(request, now - SOON), now)


def key_of_second(request: Journey) -> str:
    found = second(request)
    return "" if found is None else found.target.key


def measured(among: Group, key: str, *seconds: float, is_stream: bool = False) -> None:
    known = health_of(among, key).beginnings = Beginnings()
    for one in seconds:
        known.add(one, is_stream=is_stream)


def test_the_next_candidate_is_asked_beside_a_slow_one():
    assert key_of_second(journey(hedged("a", "b", "c"))) == "b"
    assert key_of_second(journey(hedged("ab"), seed=1)) in "ab"


def test_nobody_is_asked_beside_a_lone_one():
    assert key_of_second(journey(hedged("a"))) == ""


def test_a_later_tier_is_asked_only_where_the_request_may_move():
    assert key_of_second(journey(hedged("a", "b", moves=0))) == ""


def test_a_fallback_group_is_not_asked_beside():
    assert key_of_second(journey(hedged("a", general=("h",)), group("b", name="h"))) == ""


def test_one_that_cools_down_or_has_no_room_is_passed_over_and_not_noted():
    world = hedged("a", "bcd", rows={"c": {"rpm": 1}, "d": {"max_parallel": 1}})
    open_for(health_of(world, "b"), 10.0)
    health_of(world, "d").in_flight = 1
    health_of(world, "c").roll(0.0)
    health_of(world, "c").requests = 1
    request = journey(world)
    assert second(request) is None
    assert request.noted is None


def test_one_on_probation_is_not_asked_beside():
    world = hedged("a", "b")
    open_for(health_of(world, "b"), 1.0)
    assert second(journey(world), 50.0) is None


def test_a_request_hedges_once():
    world = hedged("a", "b", "c")
    request = journey(world)
    first = slow(request)
    beside = request.hedge(first, SOON)
    assert beside is not None
    assert (beside.step, beside.depth) == (Step.HEDGE, 1)
    assert request.race(first).delay_s(first) is None
    assert request.hedge(first, SOON) is None


def test_it_is_neither_a_repeat_nor_a_move():
    world = hedged("a", "b", "c", moves=1, repeats=0)
    request = journey(world)
    first = slow(request)
    left = health_of(world, "b").provider.budget._left
    beside = request.hedge(first, SOON)
    assert beside is not None
    assert health_of(world, "b").provider.budget._left == left
    request.race(first).ended(beside)
    request.failed_beside(beside, 0.5, SERVER)
    assert key_of(request.failed(first, 1.0, SERVER)) == "c"


@pytest.mark.parametrize("failing_first", [True, False])
def test_what_fails_beside_one_that_runs_ends_nothing(failing_first: bool):
    request = journey(hedged("a", "b", repeats=0))
    first = slow(request)
    beside = request.hedge(first, SOON)
    assert beside is not None
    fails, runs = (first, beside) if failing_first else (beside, first)
    assert request.race(first).other(fails) is runs
    request.race(first).ended(fails)
    request.failed_beside(fails, 1.0, LIMITED)
    assert request.race(first).other(runs) is None
    assert end_of(request.failed(runs, 2.0, SERVER)).failure is SERVER


def test_no_breaker_hears_of_the_loser_and_its_place_is_free():
    world = hedged("a", "b")
    for _ in range(20):
        request = journey(world)
        first = slow(request)
        beside = request.hedge(first, SOON)
        assert beside is not None
        assert request.race(first).won(beside, 1.0) is first
        request.race(first).lost(first, 1.0, 50)
        request.answered(beside, 2.0, 0.8, 10, 20)
    health = health_of(world, "a")
    assert (health.in_flight, health.breaker.is_quiet, health.requests, health.tokens) == (0, True, 20, 1000)
    assert health_of(world, "b").in_flight == 0


def test_a_winner_that_was_alone_has_beaten_nobody():
    request = journey(hedged("a", "b"))
    first = slow(request)
    assert request.race(first).won(first, 0.1) is None


def test_what_could_not_be_sent_costs_no_budget():
    world = hedged("a", "b", share=0.0001)
    request = journey(world)
    first = slow(request)
    beside = request.hedge(first, SOON)
    assert beside is not None
    request.race(first).not_sent(beside, SOON)
    assert health_of(world, "b").in_flight == 0
    assert second(journey(world)) is not None


def test_without_enough_measurements_nobody_is_asked():
    world = hedged("a", "b", after_s=None)
    request = journey(world)
    ask = ask_of(request.begin(0.0))
    assert request.race(ask).delay_s(ask) is None
    measured(world, "a", *[1.0] * (FEWEST - 1))
    assert request.race(ask).delay_s(ask) is None
    measured(world, "a", *[1.0] * FEWEST)
    assert request.race(ask).delay_s(ask) == 1.0


def test_the_delay_is_what_nineteen_of_twenty_need_at_most_and_never_less_than_the_least():
    world = hedged("a", "b", after_s=None)
    measured(world, "a", *range(1, 101))
    request = journey(world)
    ask = ask_of(request.begin(0.0))
    assert request.race(ask).delay_s(ask) == 95
    measured(world, "a", *[0.001] * 100)
    assert request.race(ask).delay_s(ask) == SOONEST_S


def test_streams_and_whole_answers_are_measured_apart():
    world = hedged("a", "b", after_s=None)
    health_of(world, "a").beginnings = Beginnings()
    for n in range(FEWEST):
        for is_stream, ends_s in ((True, 0.5), (False, 3.0)):
            request = journey(world, is_stream=is_stream)
            ask = ask_of(request.begin(n))
            if is_stream:
                request.started(ask, n + 0.5)
                ends_s = 9.0
            request.answered(ask, n + ends_s, 0.5, 10, 20)
    known = health_of(world, "a").beginnings
    assert known is not None
    assert (known.slow_s(is_stream=True), known.slow_s(is_stream=False)) == (0.5, 3.0)


def test_a_loser_counts_as_slow_as_it_was_at_least():
    world = hedged("a", "b", after_s=None)
    measured(world, "a", *[0.1] * FEWEST)
    for _ in range(FEWEST):
        request = journey(world)
        first = ask_of(request.begin(0.0))
        beside = request.hedge(first, 0.1)
        assert beside is not None
        request.race(first).won(beside, 0.7)
    known = health_of(world, "a").beginnings
    assert known is not None
    assert known.slow_s(is_stream=False) == 0.7


def test_a_group_without_budget_never_hedges():
    assert second(journey(hedged("a", "b", share=0.0))) is None


@given(share=st.floats(0, 1), requests=st.integers(0, 400), seed=st.integers(0, 1000), pauses=st.floats(0, 1))
@FAST
def test_no_more_than_the_share_of_requests_is_hedged_beside_one_at_the_start(
    share: float, requests: int, seed: int, pauses: float
):
    world, rng, hedges = hedged("a", "b", share=share), Random(seed), 0
    for n in range(requests):
        request = journey(world)
        first = slow(request, n)
        if rng.random() >= pauses and (beside := request.hedge(first, n + SOON)) is not None:
            hedges += 1
            request.race(first).won(beside, n + SOON)
            request.race(first).lost(first, n + SOON, 0)
            first = beside
        request.answered(first, n + 0.5, 0.5, 1, 2)
    assert hedges <= 1 + share * requests + 1e-6
    assert health_of(world, "a").in_flight == health_of(world, "b").in_flight == 0


@given(quiet=st.integers(0, 5000))
@FAST
def test_what_is_saved_up_is_bounded(quiet: int):
    world = hedged("a", "b", share=0.5)
    for n in range(quiet):
        request = journey(world)
        request.answered(slow(request, n), n + 0.1, 0.1, 1, 2)
    in_a_row = 0
    while second(journey(world)) is not None:
        in_a_row += 1
    # Each of these has earned a part of one, too.
    assert in_a_row <= 2 * AT_ONCE + 1
