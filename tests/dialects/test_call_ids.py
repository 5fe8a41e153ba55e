"""Ids of tool calls that another provider made: each dialect gets them in its form, the call and its result alike."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dialects.anthropic.adapt import adapted
from engine.dialects.anthropic.turns import split
from engine.dialects.call_ids import UNCLEAN, cleaned, shortened, with_short_ids
from engine.dialects.responses.replayed import with_short_calls
from engine.dialects.responses.upstream.request import request

LONG = "call_" + "x" * 200
IDS = [LONG, "functions.f:0", "call.1", "call:1", "ü", "a b"]


def chat(*ids: str) -> list[dict[str, Any]]:
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": id, "type": "function", "function": function} for id in ids]
    answers = [{"role": "tool", "tool_call_id": id, "content": "1"} for id in ids]
    return [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": calls}, *answers]


def test_an_id_that_fits_stays():
    assert [shortened("call_1"), cleaned("toolu_1-A")] == ["call_1", "toolu_1-A"]
    assert cleaned("toolu_" + "x" * 200) == "toolu_" + "x" * 200


def test_ids_that_differ_still_differ_and_are_the_same_each_time():
    for change in (cleaned, lambda id: shortened(id, 20)):
        assert len({change(id) for id in IDS}) == len(IDS)
        assert [change(id) for id in IDS] == [change(id) for id in IDS]


def test_a_chat_server_gets_short_ids():
    _, said, answer = with_short_ids(chat(LONG))
    assert said["tool_calls"][0]["id"] == answer["tool_call_id"] == shortened(LONG)
    assert len(answer["tool_call_id"]) == 64
    same = chat("call_1")
    assert all(new is old for new, old in zip(with_short_ids(same), same, strict=True))


@pytest.mark.parametrize("odd", [{"tool_calls": None}, {"tool_calls": [None, 1]}, {"tool_call_id": 7}])
def test_odd_shapes_do_no_harm(odd: dict[str, Any]):
    assert with_short_ids([odd]) == [odd]


@pytest.mark.parametrize("id", IDS)
def test_anthropic_gets_its_letters(id: str):
    _, turns = split(chat(id))
    used, result = (dict(turn["content"][0]) for turn in turns[1:])
    assert used["id"] == result["tool_use_id"]
    assert not UNCLEAN.search(used["id"])


@pytest.mark.parametrize("id", IDS)
def test_a_messages_client_that_moves_to_anthropic_brings_no_id_that_is_refused(id: str):
    call = {"type": "tool_use", "id": id, "name": "f", "input": {"id": "a.b"}}
    result = {"type": "tool_result", "tool_use_id": id, "content": "1"}
    body: dict[str, Any] = {
        "messages": [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result, "odd"]}]
    }
    made, lost = adapted(body, "claude-sonnet-4-5")
    [used], [answer, odd] = (message["content"] for message in made["messages"])
    assert (used["id"], used["input"], odd) == (answer["tool_use_id"], {"id": "a.b"}, "odd")
    assert lost == (["messages.tool_use_id"] if used["id"] != id else [])
    assert not UNCLEAN.search(used["id"])
    assert body["messages"][0]["content"][0]["id"] == id


def test_responses_get_short_ids_from_their_own_clients_and_from_those_of_chat():
    call = {"type": "function_call", "call_id": LONG, "name": "f", "arguments": "{}"}
    made = with_short_calls({"input": [call, {"type": "function_call_output", "call_id": LONG, "output": "1"}]})
    assert [item["call_id"] for item in made["input"]] == [shortened(LONG)] * 2
    asked: Any = request({"model": "m", "messages": chat(LONG)}, "m").body["input"]
    assert [item["call_id"] for item in asked[1:]] == [shortened(LONG)] * 2
