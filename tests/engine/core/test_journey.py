"""One request: whom it asks, in which order, and how often."""

from itertools import pairwise

import pytest

from engine.core.actions import Exclusion, GiveUp, Step
from engine.core.breaker import State
from engine.core.failures import Failure, Kind
from engine.core.policies import POLICIES
from engine.core.state import RoutingState
from engine.ledger import SkipReason
from tests.engine.core.working import (
    BLOCKED,
    LIMITED,
    REFUSED,
    SERVER,
    SILENT,
    WRONG,
    ask_of,
    asked,
    end_of,
    group,
    health_of,
    journey,
    key_of,
    open_for,
    path,
)

# The order of candidates


@pytest.mark.parametrize("strategy", POLICIES)
@pytest.mark.parametrize("seed", range(20))
def test_a_failure_is_followed_by_whom_was_not_asked(strategy: str, seed: int):
    steps = path(journey(group("ab", strategy=strategy, repeats=1), seed=seed), {"a": SERVER})
    assert steps in (["b"], ["a", "b"])


def test_those_of_this_tier_come_before_the_next_tier_and_that_before_a_fallback_group():
    g = group("ab", "c", general=("h",), repeats=0)
    steps = path(journey(g, group("d", name="h")), dict.fromkeys("abc", SERVER))
    assert asked(steps) in ("abcd", "bacd")


def test_only_when_all_have_failed_those_that_were_asked_are_asked_again():
    g = group("a", "b", general=("h",), repeats=2)
    steps = path(journey(g, group("c", name="h")), dict.fromkeys("abc", SERVER), takes_s=1.0)
    assert asked(steps) == "abcab"


@pytest.mark.parametrize("repeats", [0, 1, 2, 5])
def test_there_are_at_most_so_many_repeats(repeats: int):
    g = group("a", repeats=repeats, has_breakers=False)
    assert asked(path(journey(g), {"a": SERVER})) == "a" * (1 + repeats)


def test_a_timeout_is_not_repeated_at_the_silent_one():
    assert path(journey(group("a", repeats=2)), {"a": SILENT}) == ["a"]
    assert path(journey(group("a", "b", repeats=2)), {"a": SILENT, "b": SILENT}) == ["a", "b"]


def test_beside_a_silent_one_another_is_repeated():
    steps = path(journey(group("a", "b", repeats=2)), {"a": SILENT, "b": SERVER})
    assert asked(steps) == "abbb"


@pytest.mark.parametrize("kind", [Kind.CREDENTIALS, Kind.QUOTA, Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.OWN_KEY])
def test_what_stays_wrong_is_not_repeated_without_breakers_either(kind: Kind):
    assert path(journey(group("a", repeats=2, has_breakers=False)), {"a": Failure(kind)}) == ["a"]


@pytest.mark.parametrize("failure", [WRONG, BLOCKED])
def test_a_wrong_request_is_tried_nowhere_else_in_its_group(failure: Failure):
    assert path(journey(group("ab", "c", repeats=2)), dict.fromkeys("abc", failure)) in (["a"], ["b"])


def test_a_group_without_deployments_gives_up_at_once():
    end = end_of(journey(group()).begin(0.0))
    assert (end.failure, end.free_in_s) == (None, float("inf"))


def test_the_end_tells_the_last_failure():
    request = journey(group("a", "b", repeats=0))
    first = request.begin(0.0)
    second = request.failed(ask_of(first), 1.0, SERVER)
    assert end_of(request.failed(ask_of(second), 2.0, SILENT)).failure is SILENT


def test_after_the_deadline_nobody_is_asked():
    request = journey(group("a", "b"), deadline_s=10.0)
    assert end_of(request.failed(ask_of(request.begin(0.0)), 10.0, SERVER)).failure is SERVER


# What a step is


def test_a_step_is_the_first_a_retry_in_the_same_tier_or_a_fallback_to_another():
    request, steps = journey(group("ab", "c", repeats=1, has_breakers=False)), []
    action, now = request.begin(0.0), 0.0
    while not isinstance(action, GiveUp):
        steps.append(ask_of(action).step)
        now += 5.0
        action = request.failed(ask_of(action), now, SERVER)
    assert steps == [Step.FIRST, Step.RETRY, Step.FALLBACK, Step.FALLBACK]


def test_an_attempt_knows_its_distance_from_the_first_tier_of_all():
    g = group("a", "b", general=("h",), repeats=0, span=3)
    request = journey(g, group("c", "d", name="h"))
    action, depths = request.begin(0.0), []
    while not isinstance(action, GiveUp):
        depths.append(ask_of(action).depth)
        action = request.failed(ask_of(action), 1.0, SERVER)
    assert depths == [0, 1, 3, 4]


# Moves


@pytest.mark.parametrize(("moves", "whom"), [(0, "aaa"), (1, "abb"), (2, "abc"), (3, "abcd")])
def test_there_are_at_most_so_many_moves_to_another_tier_or_group(moves: int, whom: str):
    g = group("a", "b", "c", general=("h",), repeats=2, moves=moves, has_breakers=False)
    steps = asked(path(journey(g, group("d", name="h")), dict.fromkeys("abcd", SERVER), takes_s=1.0))
    assert steps.startswith(whom)
    assert sum(one != other for one, other in pairwise(steps)) <= moves


def test_a_repeat_in_another_tier_is_a_move():
    g = group("a", "b", repeats=3, moves=2, has_breakers=False)
    assert asked(path(journey(g), dict.fromkeys("ab", SERVER), takes_s=1.0)) == "abaaa"


def test_a_tier_of_which_nobody_can_be_asked_costs_no_move_of_its_own():
    g = group("a", "b", "c", moves=1)
    for key in "ab":
        open_for(health_of(g, key), 60.0)
    assert path(journey(g), {}, now=1.0) == ["c"]


# What stands in the way


def test_a_cooling_one_is_passed_over_with_the_reason_and_what_was_known_then():
    g = group("a", "b")
    health_of(g, "a").breaker.failed(1.0, Failure(Kind.RATE_LIMIT, 20.0, "429"), 0, "call 1")
    request = journey(g)
    assert key_of(request.begin(5.0)) == "b"
    assert request.noted is not None
    seen = request.noted["g", "a"]
    assert (seen.reason, seen.seen_s, seen.until_s, seen.since_s) == (SkipReason.COOLING, 5.0, 21.0, 1.0)
    assert (seen.cause, seen.request_id) == ("1×429", "call 1")


def test_a_request_that_its_first_choice_answers_notes_nothing():
    request = journey(group("a", "b"))
    request.begin(0.0)
    assert request.noted is None


def test_while_one_request_probes_the_others_pass_it_over():
    g = group("a", "b")
    open_for(health_of(g, "a"), 2.0)
    probing, other = journey(g), journey(g)
    probe = ask_of(probing.begin(3.0))
    assert probe.target.key == "a"
    assert key_of(other.begin(3.1)) == "b"
    assert other.noted is not None
    assert other.noted["g", "a"].reason is SkipReason.PROBE_RUNNING
    probing.answered(probe, 4.0, 1.0, 1, 1)
    assert key_of(journey(g).begin(4.1)) == "a"


def test_a_caller_who_leaves_gives_the_probe_back():
    g = group("a", "b")
    open_for(health_of(g, "a"), 2.0)
    request = journey(g)
    request.left(ask_of(request.begin(3.0)))
    assert health_of(g, "a").in_flight == 0
    assert key_of(journey(g).begin(3.1)) == "a"


def test_a_streams_first_token_ends_the_probe_and_its_end_adds_nothing():
    g = group("a", "b")
    open_for(health_of(g, "a"), 2.0)
    request = journey(g, is_stream=True)
    ask = ask_of(request.begin(3.0))
    request.started(ask, 4.0)
    other = journey(g, is_stream=True)
    assert key_of(other.begin(4.1)) == "a"
    assert key_of(journey(g).begin(4.2)) == "b"  # one at a time while it recovers
    request.answered(ask, 60.0, 1.0, 1, 1)
    assert key_of(journey(g).begin(60.1)) == "b"


def test_streams_that_break_after_their_first_token_count_against_their_deployment():
    g = group("a", "b")
    for now in (1.0, 2.0, 3.0):
        request = journey(g, is_stream=True)
        ask = ask_of(request.begin(now))
        request.started(ask, now + 0.1)
        request.broke(ask, now + 0.5, SERVER)
    assert health_of(g, "a").breaker.state(3.6) is State.OPEN
    assert health_of(g, "a").in_flight == 0


def test_a_hanging_primary_at_one_request_a_minute_is_not_asked_by_every_request():
    g, met = group("a", "b"), 0
    for minute in range(120):
        request = journey(g)
        ask = ask_of(request.begin(60.0 * minute))
        if ask.target.key == "a":
            met += 1
            ask = ask_of(request.failed(ask, 60.0 * minute + 15.0, SILENT))
        request.answered(ask, 60.0 * minute + 16.0, 1.0, 1, 1)
    assert met <= 12


def test_where_one_that_hangs_has_nobody_beside_it_requests_do_not_pass_it_over():
    g = group("a", repeats=0)
    for n in range(3):
        path(journey(g), {"a": SILENT}, now=20.0 * n, takes_s=15.0)
    assert path(journey(g), {}, now=120.0) == ["a"]


def test_a_refused_key_is_not_asked_for_any_model_of_its_provider_in_any_group():
    state, providers = RoutingState(), {"a": "p", "b": "p", "c": "q"}
    one = group("a", "c", state=state, providers=providers, name="one")
    other = group("b", "c", state=state, providers=providers, name="other")
    assert path(journey(one), {"a": REFUSED}) == ["a", "c"]
    assert path(journey(other), {}, now=1.0) == ["c"]


def test_a_missing_model_leaves_the_other_models_of_its_provider_alone():
    g = group("a", "b", "c", providers={"a": "p", "b": "p", "c": "q"})
    path(journey(g), {"a": Failure(Kind.NOT_FOUND)})
    assert path(journey(g), {}, now=1.0) == ["b"]


def test_an_own_key_that_was_refused_strikes_nobody_and_is_not_asked_for_again():
    g = group("a", "b")
    request = journey(g, bar=lambda target: Exclusion(SkipReason.OWN_KEY_REFUSED) if target.key == "a" else None)
    assert key_of(request.begin(0.0)) == "b"
    assert request.noted is not None
    assert request.noted["g", "a"].reason is SkipReason.OWN_KEY_REFUSED
    for _ in range(10):
        path(journey(g), {"a": Failure(Kind.OWN_KEY)})
    assert path(journey(g), {}) == ["a"]


def test_a_group_without_breakers_asks_whom_another_group_leaves_alone():
    state = RoutingState()
    one, other = group("a", "b", state=state), group("a", "b", state=state, name="h", has_breakers=False)
    path(journey(one), {"a": LIMITED})
    assert path(journey(one), {}, now=1.0) == ["b"]
    assert path(journey(other), {}, now=1.0) == ["a"]


def test_a_deployment_that_two_groups_share_has_one_breaker_and_one_probe():
    state = RoutingState()
    one, other = (group("a", f"{name}", state=state, name=name) for name in "xy")
    path(journey(one), {"a": LIMITED})
    assert path(journey(other), {}, now=1.0) == ["y"]
    assert key_of(journey(one).begin(3.0)) == "a"
    assert key_of(journey(other).begin(3.0)) == "y"
