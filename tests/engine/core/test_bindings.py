"""Conversations that stay where they were answered: what is remembered, and where a journey begins."""

from engine.core.actions import Step
from engine.core.bindings import Bindings
from tests.engine.core.working import SERVER, ask_of, asked, group, health_of, journey, open_for, path


def test_a_conversation_is_remembered_for_its_time():
    bound = Bindings()
    bound.put("one", "a", until_s=10.0)
    assert [bound.get("one", now) for now in (0.0, 9.9, 10.0)] == ["a", "a", ""]
    assert bound.get("another", 0.0) == ""


def test_the_last_answer_counts():
    bound = Bindings()
    bound.put("one", "a", until_s=10.0)
    bound.put("one", "b", until_s=20.0)
    assert bound.get("one", 15.0) == "b"


def test_of_too_many_the_one_that_is_silent_for_longest_is_forgotten():
    bound = Bindings(most=2)
    for conversation in ("one", "two", "one", "three"):
        bound.put(conversation, "a", until_s=10.0)
    assert len(bound) == 2
    assert [bound.get(conversation, 0.0) for conversation in ("one", "two", "three")] == ["a", "", "a"]


def test_a_request_begins_where_its_conversation_was_in_whichever_tier():
    request = journey(group("ab", "c"))
    ask = ask_of(request.begin(0.0, "c"))
    assert (ask.target.key, ask.depth, ask.step) == ("c", 1, Step.FIRST)


def test_one_that_cannot_be_asked_leaves_it_to_the_others():
    g = group("a", "b")
    open_for(health_of(g, "b"), 30.0)
    assert ask_of(journey(g).begin(0.0, "b")).target.key == "a"
    assert ask_of(journey(g).begin(0.0, "gone")).target.key == "a"


def test_when_it_fails_there_the_tiers_come_in_their_order():
    request = journey(group("a", "b", "c", repeats=0))
    action = request.failed(ask_of(request.begin(0.0, "b")), 0.0, SERVER)
    assert asked(["b", *_rest(request, action)]) == "bac"


def _rest(request, action) -> list[str]:
    keys = []
    while hasattr(action, "target"):
        keys.append(action.target.key)
        action = request.failed(action, 0.0, SERVER)
    return keys


def test_without_a_conversation_nothing_changes():
    assert asked(path(journey(group("a", "b")), {"a": SERVER})) == "ab"
