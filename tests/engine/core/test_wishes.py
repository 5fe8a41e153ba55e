from engine.core.breaker import BreakerPolicy
from engine.core.state import RoutingState
from engine.core.wishes import RETRY_SHARE, Wish, Wishes


def test_the_strictest_wish_counts_and_one_that_is_gone_does_not():
    wishes = Wishes()
    assert (wishes.breaker(), wishes.retry_share()) == (BreakerPolicy(), RETRY_SHARE)
    wishes.put("one", Wish(BreakerPolicy(consecutive=5, longest_s=10.0), 0.5))
    wishes.put("other", Wish(BreakerPolicy(consecutive=2, longest_s=90.0), 0.1))
    assert (wishes.breaker().consecutive, wishes.breaker().longest_s, wishes.retry_share()) == (2, 90.0, 0.1)
    wishes.drop("other")
    assert (wishes.breaker().consecutive, wishes.breaker().longest_s, wishes.retry_share()) == (5, 10.0, 0.5)


def test_groups_with_equal_wishes_do_not_forget_each_others():
    wishes = Wishes()
    for name in ("one", "other"):
        wishes.put(name, Wish(BreakerPolicy(consecutive=9), 0.5))
    wishes.drop("one")
    assert (wishes.breaker().consecutive, wishes.retry_share()) == (9, 0.5)
    assert wishes
    wishes.drop("other")
    assert not wishes


def test_a_providers_key_takes_the_times_that_double_and_no_fixed_one():
    wishes = Wishes()
    wishes.put("one", Wish(BreakerPolicy(fixed_s=9.0, allowed_fails=9, first_s=4.0, longest_s=8.0)))
    key = wishes.key_breaker()
    assert (key.fixed_s, key.allowed_fails, key.first_s, key.longest_s) == (None, None, 4.0, 8.0)
    assert key.is_adaptive


def test_a_provider_follows_all_groups_that_have_a_deployment_of_it():
    state = RoutingState()
    health = state.health("a", "p")
    state.health("b", "p")
    state.adopt("one", ["a"], Wish(BreakerPolicy(first_s=1.0), 0.5))
    state.adopt("other", ["b"], Wish(BreakerPolicy(first_s=9.0), 0.05))
    provider = health.provider
    assert (provider.breaker.policy.first_s, provider.budget.share) == (9.0, 0.05)
    state.forget("other")
    assert (provider.breaker.policy.first_s, provider.budget.share) == (1.0, 0.5)


def test_a_deployment_that_moved_to_another_provider_leaves_the_old_ones_budget():
    state = RoutingState()
    before = state.health("a", "p").provider
    state.adopt("one", ["a"], Wish(BreakerPolicy(), 0.0))
    after = state.health("a", "q").provider
    state.adopt("one", ["a"], Wish(BreakerPolicy(), 0.0))
    assert (before.budget.share, after.budget.share) == (RETRY_SHARE, 0.0)
