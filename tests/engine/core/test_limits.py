"""One request: limits a minute, and sizes."""

from random import Random

import pytest

from engine.core.actions import GiveUp, Step
from engine.core.failures import Failure, Kind
from engine.core.policies import POLICIES
from engine.ledger import SkipReason
from tests.engine.core.working import SERVER, TOO_LONG, ask_of, asked, end_of, group, health_of, journey, key_of, path

# Limits a minute


@pytest.mark.parametrize("strategy", POLICIES)
def test_twenty_requests_a_minute_are_twenty_under_every_strategy(strategy: str):
    g = group("ab", strategy=strategy, rows={"a": {"rpm": 20, "cost_usd": 1.0}, "b": {"rpm": 20, "cost_usd": 2.0}})
    rng, refused = Random(1), 0
    for n in range(50):
        request = journey(g, seed=rng.randrange(1000))
        action = request.begin(n)
        if isinstance(action, GiveUp):
            refused += 1
            assert action.free_in_s == 60 - n
        else:
            request.answered(ask_of(action), n + 0.5, 0.5, 1, 1)
    assert [row.health.requests for row in g.targets()] == [20, 20]
    assert refused == 10


def test_one_over_its_limit_is_passed_over_at_once_and_comes_back_with_the_minute():
    g = group("a", "b", rows={"a": {"rpm": 1}})
    assert path(journey(g), {}) == ["a"]
    request = journey(g)
    assert key_of(request.begin(1.0)) == "b"
    assert request.noted is not None
    assert (request.noted["g", "a"].reason, request.noted["g", "a"].until_s) == (SkipReason.RATE_LIMITED, 60.0)
    assert path(journey(g), {}, now=60.0) == ["a"]


def test_a_last_deployment_that_cools_down_is_not_asked_over_its_limit():
    g = group("a", rows={"a": {"rpm": 1}})
    path(journey(g), {"a": Failure(Kind.RATE_LIMIT, 100.0)}, now=1.0)
    end = end_of(journey(g).begin(10.0))
    assert (end.failure, end.free_in_s) == (None, 50.0)


def test_a_repeat_needs_room_too():
    g = group("a", repeats=5, rows={"a": {"rpm": 2}}, has_breakers=False)
    assert asked(path(journey(g), {"a": SERVER})) == "aa"


def test_tokens_are_counted_as_guessed_until_the_answer_says_how_many_they_were():
    g = group("a", rows={"a": {"tpm": 100}})
    request = journey(g, tokens=40)
    ask = ask_of(request.begin(1.0))
    assert health_of(g, "a").tokens == 40
    assert end_of(journey(g, tokens=61).begin(2.0)).free_in_s == 58.0
    request.answered(ask, 3.0, 1.0, 10, 70)
    assert health_of(g, "a").tokens == 70


def test_tokens_of_an_answer_in_the_next_minute_are_counted_there():
    g = group("a", rows={"a": {"tpm": 100}})
    request = journey(g, tokens=40)
    request.answered(ask_of(request.begin(59.0)), 61.0, 1.0, 10, 70)
    assert (health_of(g, "a").minute, health_of(g, "a").tokens) == (1, 70)


def test_one_that_the_count_of_all_processes_refuses_is_passed_over_and_costs_no_repeat():
    g = group("ab", "c", repeats=0, rows={"a": {"rpm": 5}, "b": {"rpm": 5}})
    request = journey(g)
    first = ask_of(request.begin(0.0))
    second = ask_of(request.refused(first, 0.0))
    assert {first.target.key, second.target.key} == {"a", "b"}
    assert second.step is Step.FIRST
    assert key_of(request.refused(second, 0.0)) == "c"
    assert [row.health.in_flight for row in g.targets()] == [0, 0, 1]


# Sizes


def test_one_whose_context_is_known_to_be_too_small_is_not_asked():
    g = group("a", "b", "c", rows={"a": {"context_tokens": 1000}, "c": {"context_tokens": 9000}})
    request = journey(g, tokens=2000)
    assert key_of(request.begin(0.0)) == "b"
    assert request.noted is not None
    assert request.noted["g", "a"].reason is SkipReason.CONTEXT_TOO_SMALL


def test_a_context_that_proved_too_small_leads_to_larger_and_unknown_ones_in_tier_order():
    sizes = {"a": 4000, "b": 4000, "c": None, "d": 8000}
    g = group("a", "b", "c", "d", rows={key: {"context_tokens": size} for key, size in sizes.items()})
    assert path(journey(g), {"a": TOO_LONG, "c": TOO_LONG}) == ["a", "c", "d"]


def test_a_context_that_is_too_long_goes_to_the_groups_named_for_it_and_counts_for_nobody():
    g = group("a", "b", context=("long",), general=("other",))
    others = group("c", name="long"), group("d", name="other")
    for _ in range(5):
        assert path(journey(g, *others), {"a": TOO_LONG}) == ["a", "c"]


def test_a_prompt_too_long_for_all_of_a_group_goes_to_the_groups_named_for_it_without_asking():
    g = group("ab", context=("long",), general=("other",), rows={key: {"context_tokens": 1000} for key in "ab"})
    others = group("c", name="long"), group("d", name="other")
    assert path(journey(g, *others, tokens=2000), {}) == ["c"]
