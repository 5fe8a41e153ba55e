"""retry_config, cooldown_config, fallback_config."""

from __future__ import annotations

import math

import pytest
from django.core.exceptions import ValidationError

from engine.spec import CooldownPolicy, ErrorRule, FallbackPolicy, RetryPolicy
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
    assert {*config_checks.RETRY, config_checks.BY_ERROR} == set(RetryPolicy.__dataclass_fields__)
    assert set(config_checks.COOLDOWN) == set(CooldownPolicy.__dataclass_fields__)


def test_rules_for_kinds_of_errors_arrive_and_empty_ones_are_left_out():
    given = {"timeout": {"here": 2, "elsewhere": False, "wait_s": 1.5}, "server": {}, "quota": {"here": None}}
    assert config_checks.checked_retry({"by_error": given}) == {"by_error": {"timeout": given["timeout"]}}
    assert config_checks.retry_policy({"by_error": given}).by_error == (ErrorRule("timeout", 2, False, 1.5),)
    assert config_checks.checked_retry({"by_error": {"server": {}}}) == {}


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([], "by_error: Give an object with any of"),
        ({"teapot": {}}, r"by_error: Unknown: teapot\. Known: .*rate_limit"),
        ({"timeout": 3}, "by_error.timeout: Give an object with any of here, elsewhere, wait_s"),
        ({"timeout": {"there": 1}}, "by_error.timeout: Unknown: there"),
        ({"timeout": {"here": True}}, "by_error.timeout.here: give a whole number from 0 to 20"),
        ({"timeout": {"elsewhere": 1}}, "by_error.timeout.elsewhere: give true or false"),
        ({"timeout": {"wait_s": -1}}, "by_error.timeout.wait_s: give seconds from 0 to 300"),
    ],
)
def test_a_rule_for_a_kind_of_error_that_is_none_is_refused_with_its_place(rules, why):
    with pytest.raises(ValidationError, match=why):
        config_checks.checked_retry({"by_error": rules})


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "0.5"])
def test_a_share_is_from_0_to_1(value):
    with pytest.raises(ValidationError, match="retry_budget: give a share from 0 to 1"):
        config_checks.checked_retry({"retry_budget": value})
    with pytest.raises(ValidationError, match=r"failure_rate: give a share from 0\.01 to 1"):
        config_checks.checked_cooldown({"failure_rate": value})


@pytest.mark.parametrize("config", [{"first_s": 90}, {"first_s": 5, "longest_s": 4}])
def test_the_first_cooldown_is_not_longer_than_the_longest(config):
    with pytest.raises(ValidationError, match="first_s: give at most longest_s"):
        config_checks.checked_cooldown(config)


def test_a_longest_cooldown_may_be_shorter_than_the_first_one_by_default():
    assert config_checks.checked_cooldown({"longest_s": 1}) == {"longest_s": 1}


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
