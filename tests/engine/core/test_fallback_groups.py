"""One request: on to which groups it goes."""

from engine.core.state import RoutingState
from tests.engine.core.working import (
    BLOCKED,
    SERVER,
    SILENT,
    TOO_LONG,
    WRONG,
    ask_of,
    asked,
    group,
    journey,
    key_of,
    path,
)


def test_a_blocked_prompt_goes_to_the_groups_named_for_it():
    g = group("ab", "c", content=("safe",), general=("other",))
    steps = path(journey(g, group("s", name="safe"), group("o", name="other")), {"a": BLOCKED, "b": BLOCKED})
    assert steps in (["a", "s"], ["b", "s"])


def test_without_groups_of_its_own_a_kind_of_failure_goes_to_the_general_ones():
    for failure in (BLOCKED, TOO_LONG, WRONG):
        g = group("a", general=("other",), rows={"a": {"context_tokens": 1}})
        assert path(journey(g, group("o", name="other")), {"a": failure}) == ["a", "o"]


def test_groups_of_a_fallback_group_come_before_the_next_one():
    g = group("a", general=("x", "y"), repeats=0)
    others = group("b", name="x", general=("z",)), group("c", name="y"), group("d", name="z")
    assert path(journey(g, *others), dict.fromkeys("abcd", SERVER)) == ["a", "b", "d", "c"]


def test_a_cycle_of_groups_ends():
    g = group("a", general=("x",), repeats=0)
    other = group("b", name="x", general=("g", "x"))
    assert path(journey(g, other), dict.fromkeys("ab", SERVER)) == ["a", "b"]


def test_a_group_that_is_not_there_is_passed_by():
    assert path(journey(group("a", general=("gone", "x")), group("b", name="x")), {"a": SERVER}) == ["a", "b"]


def test_a_group_that_the_caller_may_not_use_is_visited_and_not_asked():
    g = group("a", general=("x", "y"))
    request = journey(g, group("b", name="x", general=("z",)), group("c", name="y"), may_use=lambda name: name != "x")
    assert path(request, {"a": SERVER}) == ["a", "c"]
    assert [(visit.group.name, visit.is_barred, visit.depth) for visit in request.visits] == [
        ("g", False, 0),
        ("x", True, 1),
        ("y", False, 1),
    ]


def test_a_deployment_in_two_groups_is_not_asked_twice_while_another_may_serve():
    state = RoutingState()
    g = group("a", general=("x",), state=state, repeats=0)
    assert path(journey(g, group("a", "b", name="x", state=state)), {"a": SERVER}) == ["a", "b"]


def test_a_repeat_that_fails_in_another_way_opens_the_way_to_other_groups():
    g = group("a", general=("x",), content=("safe",), repeats=1, has_breakers=False)
    request = journey(g, group("b", name="x"), group("s", name="safe"))
    ask = ask_of(request.begin(0.0))
    ask = ask_of(request.failed(ask, 1.0, SERVER))
    assert ask.target.key == "b"
    ask = ask_of(request.failed(ask, 2.0, SILENT))
    assert ask.target.key == "a"
    assert key_of(request.failed(ask, 3.0, BLOCKED)) == "s"


def test_nobody_of_a_group_that_a_failure_has_ended_is_asked_again():
    g = group("a", "b", general=("x",), context=("x",), repeats=3, has_breakers=False)
    steps = path(journey(g, group("c", name="x")), {"a": SERVER, "b": TOO_LONG, "c": SERVER}, takes_s=1.0)
    assert asked(steps) == "abccc"  # three in a row open the breaker of c
