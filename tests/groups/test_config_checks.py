"""retry_config, cooldown_config, fallback_config."""

from __future__ import annotations

import math

import pytest
from django.core.exceptions import ValidationError

from engine.spec import CooldownPolicy, FallbackPolicy, RetryPolicy
from groups import config_checks


def test_nothing_said_is_the_engines_default():
    assert config_checks.retry_policy({}) == RetryPolicy()
    assert config_checks.cooldown_policy({"cooldown_time_s": None}) == CooldownPolicy()
    assert config_checks.fallback_policy({}) == FallbackPolicy()


def test_what_is_said_arrives():
    retry = config_checks.retry_policy({"num_retries": 0, "timeout_s": 2.5, "max_fallbacks": 3.0})
    assert (retry.num_retries, retry.timeout_s, retry.max_fallbacks) == (0, 2.5, 3)
    assert isinstance(retry.max_fallbacks, int)
    assert config_checks.cooldown_policy({"cooldown_time_s": 0, "allowed_fails": 2}) == CooldownPolicy(0, 2)
    names = {"fallback_groups": ["a", "b"], "content_policy_groups": ["c"]}
    assert config_checks.fallback_policy(names) == FallbackPolicy(groups=("a", "b"), content_policy_groups=("c",))


def test_every_key_of_the_engine_can_be_set():
    assert set(config_checks.RETRY) == set(RetryPolicy.__dataclass_fields__)
    assert set(config_checks.COOLDOWN) == set(CooldownPolicy.__dataclass_fields__)


@pytest.mark.parametrize("value", [True, "2", -1, 21, 1.5, math.nan, math.inf, 10**400, [2], {}])
def test_a_number_is_a_number_within_bounds(value):
    with pytest.raises(ValidationError, match="num_retries"):
        config_checks.checked_retry({"num_retries": value})


@pytest.mark.parametrize("value", [0, -0.5, 3601, math.nan, True, "10s"])
def test_a_timeout_is_seconds_within_bounds(value):
    with pytest.raises(ValidationError, match="timeout_s"):
        config_checks.checked_retry({"timeout_s": value})


@pytest.mark.parametrize(
    "check", [config_checks.checked_retry, config_checks.checked_cooldown, config_checks.checked_fallback]
)
@pytest.mark.parametrize("config", [[], "x", 7, None, {"num_retires": 1}])
def test_an_unknown_shape_or_key_is_refused_and_the_known_ones_named(check, config):
    with pytest.raises(ValidationError, match=r"num_retries|cooldown_time_s|fallback_groups"):
        check(config)


@pytest.mark.parametrize(
    "names", ["a", {"a": 1}, [1], [""], ["x" * 129], ["a", "a"], [["a"]], list(map(str, range(21)))]
)
def test_fallbacks_are_a_short_list_of_names(names):
    with pytest.raises(ValidationError, match="fallback_groups"):
        config_checks.checked_fallback({"fallback_groups": names})


def test_a_rename_reaches_all_three_lists():
    config = {"fallback_groups": ["a", "b"], "context_window_groups": ["b"]}
    assert config_checks.renamed_fallback(config, old="b", new="c") == {
        "fallback_groups": ["a", "c"],
        "context_window_groups": ["c"],
    }
    assert config_checks.fallback_names(config) == ["a", "b"]
