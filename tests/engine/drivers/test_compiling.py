"""GroupSpec -> the core: every setting arrives."""

from engine.core.breaker import BreakerPolicy
from engine.core.failures import RULES, Kind
from engine.core.state import RoutingState
from engine.drivers.compiling import compiled, compiled_together, wish_of
from engine.spec import CooldownPolicy, ErrorRule, RetryPolicy
from tests.engine.scripted import group


def test_a_group_without_settings_has_the_cores_defaults():
    made, wish = compiled(group(), RoutingState()), wish_of(group())
    assert (made.longest_wait_s, made.last_s, made.rules) == (5.0, 5.0, RULES)
    assert (wish.breaker, wish.retry_share) == (BreakerPolicy(), 0.2)


def test_every_setting_of_retries_arrives():
    spec = group(retry=RetryPolicy(retry_after_max_s=20.0, retry_budget=0.5, by_error=(ErrorRule("timeout", here=4),)))
    made = compiled(spec, RoutingState())
    assert (made.longest_wait_s, made.rules[Kind.TIMEOUT].most, wish_of(spec).retry_share) == (20.0, 4, 0.5)


def test_every_setting_of_cooldowns_arrives():
    cooldown = CooldownPolicy(
        first_s=1.0,
        longest_s=9.0,
        failure_rate=0.3,
        consecutive_failures=8,
        retry_after_cap_s=30.0,
        last_deployment_s=2.0,
    )
    spec = group(cooldown=cooldown)
    assert wish_of(spec).breaker == BreakerPolicy(
        first_s=1.0,
        longest_s=9.0,
        failure_rate=0.3,
        consecutive=8,
        fewest=8,
        retry_after_cap_s=30.0,
        is_adaptive_too=True,
    )
    assert compiled(spec, RoutingState()).last_s == 2.0


def test_allowed_failures_alone_replace_the_rule_of_rows_and_rates_and_beside_these_they_are_one_more():
    alone = wish_of(group(cooldown=CooldownPolicy(allowed_fails=9))).breaker
    beside = wish_of(group(cooldown=CooldownPolicy(allowed_fails=9, consecutive_failures=4))).breaker
    assert alone is not None
    assert beside is not None
    assert (alone.is_adaptive, beside.is_adaptive, beside.consecutive) == (False, True, 4)


def test_a_group_without_cooldowns_still_says_how_much_may_be_retried():
    wish = wish_of(group(cooldown=CooldownPolicy(cooldown_time_s=0), retry=RetryPolicy(retry_budget=0.0)))
    assert (wish.breaker, wish.retry_share) == (None, 0.0)


def test_groups_of_a_rehearsal_share_their_breakers_and_budgets():
    one = group(name="one", cooldown=CooldownPolicy(first_s=1.0))
    other = group(name="other", cooldown=CooldownPolicy(first_s=8.0), retry=RetryPolicy(retry_budget=0.1))
    made = compiled_together([one, other])
    health = next(made["one"].targets()).health
    assert (health.breaker.policy.first_s, health.provider.budget.share) == (8.0, 0.1)
