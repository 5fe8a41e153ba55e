import pickle

import pytest

from engine.spec import RetryPolicy, Secret, Strategy
from tests.engine.scripted import deployment, group


def test_a_secret_cannot_be_printed_or_pickled():
    secret = Secret("sk-very-secret")
    assert "very" not in f"{secret!r} {secret} {deployment('a', api_key=secret)}"
    with pytest.raises(TypeError, match="does not leave"):
        pickle.dumps(secret)


def test_a_changed_secret_changes_the_spec():
    assert deployment("a", api_key=Secret("x")) == deployment("a", api_key=Secret("x"))
    assert deployment("a", api_key=Secret("x")) != deployment("a", api_key=Secret("y"))


def test_only_priority_failover_has_tiers():
    assert group(strategy=Strategy.PRIORITY_FAILOVER).tiers == (1, 2, 3)
    assert group(strategy=Strategy.WEIGHTED).tiers == (1,)


def test_cost_needs_both_prices():
    priced = deployment("a", input_cost_per_token_usd=1e-6, output_cost_per_token_usd=2e-6)
    assert priced.cost_usd(input_tokens=10, output_tokens=5) == pytest.approx(2e-5)
    assert deployment("a", input_cost_per_token_usd=1e-6).cost_usd(input_tokens=1, output_tokens=1) is None


@pytest.mark.parametrize(
    ("policy", "whole_s", "first_token_s", "total_s"),
    [
        (RetryPolicy(), 60, 15, 120),
        (RetryPolicy(timeout_s=5), 5, 5, 120),
        (RetryPolicy(timeout_s=300), 300, 15, 600),
        (RetryPolicy(timeout_s=5, first_token_timeout_s=40, total_timeout_s=50), 5, 40, 50),
    ],
)
def test_time_limits_have_defaults_that_fit_each_other(policy, whole_s, first_token_s, total_s):
    assert (policy.limit_s(is_stream=False), policy.limit_s(is_stream=True)) == (whole_s, first_token_s)
    assert policy.total_s == total_s
