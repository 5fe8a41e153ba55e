"""The chunks of a stream, put together: as the same upstream's whole answer."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dialects.whole_chat import WholeChat

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
WHOLE = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"}
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 5,
    "total_tokens": 8,
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **choice: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": index, "delta": delta, **choice, "finish_reason": finish}]}


def whole(*chunks: dict[str, Any]) -> dict[str, Any]:
    made = WholeChat()
    for one in chunks:
        made.add(one)
    return made.answer()


def one(message: dict[str, Any], finish: str | None = "stop", **choice: Any) -> dict[str, Any]:
    return {**WHOLE, "choices": [{"index": 0, "message": message, **choice, "finish_reason": finish}]}


def test_text_is_joined_and_the_last_chunk_says_how_it_ended_and_what_it_cost():
    said = whole(
        chunk({"role": "assistant", "content": "", "refusal": None}, logprobs=None),
        chunk({"content": "Hel"}, logprobs=None),
        chunk({"content": "lo"}, logprobs=None),
        chunk({}, "stop", logprobs=None),
        {**HEAD, "choices": [], "usage": USAGE},
    )
    message = {"role": "assistant", "content": "Hello", "refusal": None}
    assert said == {**one(message, logprobs=None), "usage": USAGE}
    assert list(said) == ["id", "object", "created", "model", "choices", "usage"]


def test_tool_calls_are_put_together_by_their_place_and_lose_it():
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
    second = {"index": 1, "id": "call_2", "type": "function", "function": {"name": "go", "arguments": "{"}}
    said = whole(
        chunk({"role": "assistant", "content": None, "tool_calls": [first]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
        chunk({"tool_calls": [second]}),
        chunk(
            {
                "tool_calls": [
                    {"index": 0, "function": {"arguments": "1}"}},
                    {"index": 1, "function": {"arguments": "}"}},
                ]
            }
        ),
        chunk({}, "tool_calls"),
    )
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "go", "arguments": "{}"}},
    ]
    assert said == one({"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls")


def test_servers_that_repeat_role_id_and_name_with_every_chunk_say_them_once():
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": "1"}}
    said = whole(*(chunk({"role": "assistant", "content": "a", "tool_calls": [call]}) for _ in range(3)))
    message = said["choices"][0]["message"]
    assert message["role"] == "assistant"
    assert message["tool_calls"] == [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "111"}}]
    assert message["content"] == "aaa"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "refusal"])
def test_reasoning_and_refusals_are_text_too(name: str):
    said = whole(chunk({"role": "assistant", name: "I "}), chunk({name: "think"}), chunk({}, "stop"))
    assert said == one({"role": "assistant", "content": None, name: "I think"})


def test_details_of_reasoning_are_put_together_by_their_place():
    said = whole(
        chunk({"reasoning_details": [{"type": "reasoning.text", "text": "a", "index": 0}]}),
        chunk({"reasoning_details": [{"type": "reasoning.text", "text": "b", "index": 0}]}),
        chunk({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "index": 1}]}),
    )
    details = said["choices"][0]["message"]["reasoning_details"]
    assert [part.get("text") or part.get("data") for part in details] == ["ab", "x"]


def test_several_answers_stand_in_the_order_of_their_numbers():
    said = whole(
        chunk({"role": "assistant", "content": "b"}, index=1),
        chunk({"role": "assistant", "content": "a"}, index=0),
        chunk({"content": "B"}, "length", index=1),
        chunk({"content": "A"}, "stop", index=0),
    )
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in said["choices"]] == [
        (0, "aA", "stop"),
        (1, "bB", "length"),
    ]


def test_probabilities_are_one_list():
    token = {"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}
    said = whole(
        chunk({"role": "assistant", "content": "x"}, logprobs={"content": [token], "refusal": None}),
        chunk({"content": "x"}, logprobs={"content": [token], "refusal": None}),
        chunk({}, "stop", logprobs=None),
    )
    assert said["choices"][0]["logprobs"]["content"] == [token, token]


def test_what_only_a_stream_has_is_left_out_and_what_else_is_said_is_kept():
    said = whole(
        {
            **chunk({"role": "assistant", "content": "x"}),
            "obfuscation": "abc",
            "system_fingerprint": "fp",
            "provider": "P",
        },
        {**chunk({}, "stop", stop_reason=7), "service_tier": "default", "obfuscation": "z"},
    )
    assert "obfuscation" not in said
    assert (said["system_fingerprint"], said["provider"], said["service_tier"]) == ("fp", "P", "default")
    assert said["choices"][0]["stop_reason"] == 7


def test_the_old_function_call_is_put_together():
    said = whole(
        chunk({"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
    )
    assert said["choices"][0]["message"]["function_call"] == {"name": "look", "arguments": "{}"}
