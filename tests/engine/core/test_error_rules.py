"""What a group's own rules for kinds of errors change."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.failures import RULES, FallbackList, Kind, rules_with
from engine.core.state import Group
from engine.spec import ErrorRule
from tests.engine.core.working import (
    BLOCKED,
    LIMITED,
    SERVER,
    SILENT,
    WRONG,
    ask_of,
    group,
    journey,
    key_of,
    limited,
    path,
    wait_of,
)


def ruled(*tiers: str, rule: ErrorRule, **fields: Any) -> Group:
    return group(*tiers, rules=rules_with([rule]), has_breakers=False, **fields)


def test_what_a_group_does_not_change_is_as_in_the_table():
    changed = rules_with([ErrorRule("timeout", here=2)])
    assert {kind for kind in Kind if changed[kind] != RULES[kind]} == {Kind.TIMEOUT}
    assert (changed[Kind.TIMEOUT].again, changed[Kind.TIMEOUT].most) == (True, 2)
    assert rules_with([]) == RULES


def test_nobody_else_is_asked_after_an_error_that_is_to_stay_where_it_is():
    changed = rules_with([ErrorRule("server", elsewhere=False)])[Kind.SERVER]
    assert (changed.elsewhere, changed.fallbacks) == (False, FallbackList.NONE)


@pytest.mark.parametrize(("here", "steps"), [(0, ["a"]), (1, ["a", 0.5, "a"]), (3, ["a", *([0.5, "a"] * 3)])])
def test_a_kind_of_error_has_its_own_number_of_retries(here: int, steps: list[str | float]):
    rule = ErrorRule("server", here=here, wait_s=0.5)
    assert path(journey(ruled("a", rule=rule, repeats=2)), {"a": SERVER}) == steps
    assert len(path(journey(ruled("a", rule=rule, repeats=2)), {"a": LIMITED})) == 5


def test_a_time_limit_may_be_repeated_where_a_group_says_so():
    g = ruled("a", rule=ErrorRule("timeout", here=1, wait_s=0.0))
    assert path(journey(g), {"a": SILENT}) == ["a", "a"]


def test_others_are_asked_before_retries_also_where_these_have_a_number():
    g = ruled("ab", "c", rule=ErrorRule("server", here=1, wait_s=1.0))
    steps = path(journey(g), dict.fromkeys("abc", SERVER))
    assert "".join(map(str, steps)).replace("1.0", "")[2:3] == "c"
    assert len([step for step in steps if isinstance(step, str)]) == 4


def test_without_others_retries_come_first_and_then_the_end():
    g = ruled("a", "b", rule=ErrorRule("server", here=2, elsewhere=False, wait_s=1.0), general=("x",))
    assert path(journey(g, group("x", name="x")), {"a": SERVER}) == ["a", 1.0, "a", 1.0, "a"]


def test_without_others_and_retries_it_ends_at_once():
    g = ruled("a", "b", rule=ErrorRule("rate_limit", here=0, elsewhere=False), general=("x",))
    assert path(journey(g, group("x", name="x")), {"a": LIMITED}) == ["a"]


def test_another_error_during_these_retries_goes_elsewhere_as_usual():
    g = ruled("a", "b", rule=ErrorRule("server", here=2, elsewhere=False, wait_s=1.0))
    request = journey(g)
    waited_s = wait_of(request.failed(ask_of(request.begin(0.0)), 0.0, SERVER))
    ask = ask_of(request.woke(waited_s))
    assert ask.target.key == "a"
    assert key_of(request.failed(ask, 2.0, SILENT)) == "b"


def test_the_wait_of_a_retry_is_the_groups_and_never_shorter_than_what_an_upstream_asks_for():
    rule = ErrorRule("rate_limit", here=1, wait_s=2.0)
    assert path(journey(ruled("a", rule=rule)), {"a": LIMITED}) == ["a", 2.0, "a"]
    assert path(journey(ruled("a", rule=rule)), {"a": limited(4.0)}) == ["a", 4.0, "a"]


def test_a_wait_that_a_group_wants_may_be_longer_than_any_retry_after_may_be():
    rule = ErrorRule("server", here=1, wait_s=30.0)
    assert path(journey(ruled("a", rule=rule, longest_wait_s=5.0)), {"a": SERVER}) == ["a", 30.0, "a"]


def test_a_faulty_request_may_be_tried_elsewhere_or_again():
    elsewhere = ruled("a", "b", rule=ErrorRule("bad_request", elsewhere=True))
    assert path(journey(elsewhere), {"a": WRONG}) == ["a", "b"]
    again = ruled("a", "b", rule=ErrorRule("bad_request", here=1, wait_s=0.0))
    assert path(journey(again), {"a": WRONG}) == ["a", "a"]


def test_retries_after_a_content_policy_come_before_the_groups_for_it():
    g = ruled("a", "b", rule=ErrorRule("content_policy", here=1, wait_s=0.0), content=("x",))
    assert path(journey(g, group("x", name="x")), {"a": BLOCKED}) == ["a", "a", "x"]


def test_each_group_of_a_way_has_its_own_rules():
    first = ruled("a", rule=ErrorRule("server", here=0), general=("x",))
    other = ruled("x", rule=ErrorRule("server", here=1, wait_s=0.0), name="x")
    assert path(journey(first, other), {"a": SERVER, "x": SERVER}) == ["a", "x", "x"]
