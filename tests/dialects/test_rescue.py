"""Joining two chat streams: what the first has told its caller, and what the second is shown of."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.rescue import MOST_BYTES, READ_AT_ONCE, AnotherAnswer, Joint, Told, ToldChat, with_usage
from engine.upstreams.tokens import Usage, sum_of


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta = ({} if content is None else {"content": content}) | more
    return {"id": "1", "created": 5, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def told(*chunks: dict[str, Any]) -> Told:
    made = ToldChat()
    for one in chunks:
        made.add(b"data: " + json.dumps(one).encode() + b"\n\n")
    list(made.read())
    return made


def shown(joint: Joint, *chunks: dict[str, Any]) -> str:
    made = [found for one in chunks for found in joint.chunks({**one, "id": "2", "created": 6})]
    assert all(found["id"] == "1" for found in made if found["choices"])
    return "".join(found["choices"][0]["delta"].get("content") or "" for found in made if found["choices"])


def joint_of(text: str, *, is_continued: bool, lost: str = "") -> Joint:
    first = told(chunk(text))
    assert first.can_be_continued
    return Joint(first, is_continued=is_continued, lost=lost)


@pytest.mark.parametrize(
    "last",
    [
        chunk("b", "stop"),
        chunk(None, tool_calls=[{"index": 0}]),
        chunk(None, refusal="no"),
        {"choices": [{"index": 1, "delta": {"content": "b"}}]},
    ],
)
def test_only_the_unfinished_text_of_one_answer_can_be_continued(last: dict[str, Any]):
    assert told(chunk("a")).can_be_continued
    assert not told(chunk("a"), last).can_be_continued


def test_nothing_and_too_much_can_not_be_continued():
    assert not told(chunk(None, role="assistant"), chunk(None, reasoning_content="hm")).can_be_continued
    assert not told(chunk("a" * MOST_BYTES)).can_be_continued


def test_it_is_read_in_small_steps():
    made = ToldChat()
    for _ in range(3 * READ_AT_ONCE // 100):
        made.add(b"data: " + json.dumps(chunk("a" * 20)).encode() + b"\n\n")
    assert len(list(made.read())) >= 3
    assert made.can_be_continued
    assert list(made.read()) == []


@given(st.text(min_size=1), st.text(), st.lists(st.integers(0, 20), max_size=8))
def test_one_that_begins_again_is_shown_from_where_the_caller_is(text: str, rest: str, cuts: list[int]):
    pieces = [chunk(part) for part in parts_of(text + rest, cuts)]
    assert shown(joint_of(text, is_continued=False), *pieces, chunk(None, "stop")) == rest


@given(st.text(min_size=3), st.text(), st.lists(st.integers(0, 20), max_size=8))
def test_one_that_goes_on_is_shown_whole(text: str, rest: str, cuts: list[int]):
    pieces = [chunk(part) for part in parts_of(rest, cuts)]
    seen = shown(joint_of(text, is_continued=True), *pieces, chunk(None, "stop"))
    assert seen == (rest.removeprefix(text) if rest.startswith(text) else rest)


def parts_of(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [text[begin:end] for begin, end in pairwise(places)]


@pytest.mark.parametrize(
    "other",
    [
        [chunk("Hallo")],
        [chunk("He"), chunk("y")],
        [chunk("Hel"), chunk(None, "stop")],
        [chunk("Hel"), chunk(None, tool_calls=[{"index": 0}])],
    ],
)
def test_one_that_says_something_else_is_no_rescue(other: list[dict[str, Any]]):
    with pytest.raises(AnotherAnswer):
        shown(joint_of("Hello", is_continued=False), *other)


def test_a_server_that_repeats_what_it_continues_is_understood():
    joint = joint_of("Hello", is_continued=True)
    assert shown(joint, chunk("Hel"), chunk("lo wor"), chunk("ld"), chunk(None, "stop")) == " world"


def test_white_space_that_was_not_sent_is_not_said_twice():
    assert shown(joint_of("Hello ", is_continued=True, lost=" "), chunk(" world")) == "world"
    assert shown(joint_of("Hello ", is_continued=True, lost=" "), chunk("world")) == "world"


def test_role_and_thoughts_are_not_said_again():
    joint = joint_of("Hello", is_continued=False)
    made = joint.chunks(chunk("", role="assistant", reasoning_content="hm")) + joint.chunks(chunk("Hello!"))
    assert [found["choices"][0]["delta"] for found in made] == [{"content": "!"}]


def test_usage_is_that_of_both_parts():
    first = Usage(10, 4, 14, cached_tokens=2, is_estimated=True)
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    assert with_usage({"usage": usage}, first)["usage"] == {
        "prompt_tokens": 22,
        "completion_tokens": 7,
        "total_tokens": 29,
    }
    assert with_usage({"choices": []}, first) == {"choices": []}
    assert sum_of([first, Usage(12, 3, 15)]) == Usage(22, 7, 29, cached_tokens=2, is_estimated=True)


@pytest.mark.parametrize(
    "again", [("pong ", "from"), ("pong", " ", "from"), ("pong", " from"), (" ", "from"), ("from",)]
)
def test_white_space_that_the_caller_has_is_not_said_again_in_whatever_chunks_it_comes(again: tuple[str, ...]):
    joint = joint_of("pong ", is_continued=True, lost=" ")
    assert shown(joint, *map(chunk, again)) == "from"
