import pytest

from engine.core.breaker import BreakerPolicy
from engine.core.state import RETRIES_AT_ONCE, Budget, Health, Pace, ProviderState, RoutingState, Target
from engine.core.wishes import Wish
from tests.engine.core.working import group


def target(**fields) -> Target:
    return Target("a", 0, Health("a", ProviderState("p")), **fields)


# Limits a minute


def test_three_requests_a_minute_are_three_and_the_next_minute_has_three_more():
    row = target(rpm=3)
    for _ in range(3):
        assert row.has_room(59.0, 0)
        row.health.requests += 1
    assert not row.has_room(59.9, 0)
    assert row.has_room(60.0, 0)


@pytest.mark.parametrize(("used", "wanted", "fits"), [(0, 100, True), (60, 40, True), (60, 41, False), (100, 0, False)])
def test_tokens_fit_while_those_of_this_minute_and_of_the_request_do(used: int, wanted: int, fits: bool):
    row = target(tpm=100)
    row.health.roll(5.0)
    row.health.tokens = used
    assert row.has_room(5.0, wanted) is fits


def test_a_target_without_limits_has_room():
    assert target().has_room(0.0, 10**9)


# Latency


def test_a_pace_is_the_mean_of_few_and_a_moving_average_of_many():
    pace = Pace()
    for now, seconds in enumerate((1.0, 3.0, 2.0)):
        pace.add(now, seconds)
    assert pace.mean_s == pytest.approx(2.0)
    for now in range(3, 40):
        pace.add(now, 5.0)
    assert pace.mean_s == pytest.approx(5.0, abs=0.02)


def test_a_pace_that_was_not_measured_for_a_minute_begins_again():
    pace = Pace()
    for now in range(10):
        pace.add(now, 5.0)
    assert not pace.is_fresh(69.0)
    pace.add(69.0, 1.0)
    assert (pace.mean_s, pace.count) == (1.0, 1)


def test_a_stream_and_a_whole_answer_are_measured_apart():
    health = target().health
    health.answered(1.0, None, 8.0, 4)
    assert (health.token.mean_s, health.first_token.count) == (2.0, 0)
    health.answered(2.0, 0.5, 8.0, 4)
    assert (health.first_token.mean_s, health.token.count) == (0.5, 2)


def test_an_answer_without_output_tokens_is_measured_as_a_whole():
    health = target().health
    health.answered(1.0, None, 3.0, 0)
    assert health.token.mean_s == 3.0


# Repeats at a provider


def spent(budget: Budget, now: float) -> int:
    count = 0
    while budget.has_any(now):
        budget.spend()
        count += 1
    return count


def test_repeats_are_a_share_of_the_traffic():
    budget = Budget()
    assert spent(budget, 0.0) == RETRIES_AT_ONCE
    for _ in range(11):
        budget.earned()
    assert spent(budget, 0.0) == 2


def test_a_provider_with_little_traffic_has_a_repeat_a_second_and_some_at_once():
    budget = Budget()
    spent(budget, 100.0)
    assert spent(budget, 103.0) == 3
    assert spent(budget, 1000.0) == RETRIES_AT_ONCE


def test_the_share_may_be_another():
    budget = Budget(share=1.0)
    spent(budget, 0.0)
    for _ in range(4):
        budget.earned()
    assert spent(budget, 0.0) == 4


def test_one_that_stands_for_several_processes_holds_the_repeats_of_all():
    budget = Budget(processes=4)
    assert spent(budget, 100.0) == 4 * RETRIES_AT_ONCE
    assert spent(budget, 103.0) == 12


# One state for all groups


def test_groups_that_share_a_deployment_share_its_state():
    state = RoutingState()
    one, other = group("ab", state=state, name="one"), group("b", state=state, name="other")
    assert one.tiers[0][1].health is other.tiers[0][0].health


def test_deployments_of_one_provider_share_its_key():
    g = group("abc", providers={"a": "p", "b": "p", "c": "q"})
    a, b, c = (row.health.provider for row in g.targets())
    assert a is b
    assert a is not c


def test_a_deployment_that_moves_to_another_provider_begins_as_unknown():
    state = RoutingState()
    before = state.health("a", "p")
    assert state.health("a", "q") is not before
    assert state.health("a", "q") is state.health("a", "q")


def test_the_strictest_of_all_groups_counts_and_a_change_of_one_is_followed():
    state = RoutingState()
    breaker = state.health("a", "p").breaker
    state.adopt("one", ["a"], Wish(BreakerPolicy(fixed_s=10.0, allowed_fails=5)))
    state.adopt("other", ["a"], Wish(BreakerPolicy(fixed_s=60.0, allowed_fails=9)))
    assert (breaker.policy.fixed_s, breaker.policy.allowed_fails) == (60.0, 5)
    state.adopt("one", ["a"], Wish(BreakerPolicy(fixed_s=90.0, allowed_fails=12)))
    assert (breaker.policy.fixed_s, breaker.policy.allowed_fails) == (90.0, 9)
    state.forget("other")
    assert (breaker.policy.fixed_s, breaker.policy.allowed_fails) == (90.0, 12)


def test_a_group_without_cooldowns_wants_nothing_of_a_shared_breaker():
    state = RoutingState()
    breaker = state.health("a", "p").breaker
    state.adopt("one", ["a"], Wish(BreakerPolicy(allowed_fails=7)))
    state.adopt("other", ["a"], Wish(None))
    assert breaker.policy == BreakerPolicy(allowed_fails=7)


def test_a_deployment_that_no_group_has_any_more_is_forgotten():
    state = RoutingState()
    for key in "ab":
        state.health(key, "p")
    state.adopt("one", ["a", "b"], Wish(BreakerPolicy()))
    state.adopt("one", ["b"], Wish(BreakerPolicy()))
    assert list(state.healths()) == ["b"]
    state.forget("one")
    assert not state.healths()


def test_a_group_knows_its_size_and_whether_anything_in_it_is_limited():
    assert group("ab", "c").size == 3
    assert not group("ab", "c").has_limits
    assert group("ab", "c", rows={"c": {"tpm": 5}}).has_limits
