"""A conversation with tools and thoughts goes on at a provider of another protocol and back, and nobody refuses it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from engine.dialects.translators import TRANSLATORS
from engine.ledger import Trace
from engine.upstreams.call import Call
from tests.conformance.test_every_parameter import ENDPOINTS, NATIVE, SPOKEN, spec_of
from tests.conformance.upstreams.chat import Chat
from tests.conformance.upstreams.messages import SIGNATURE, Messages
from tests.conformance.upstreams.responses import Responses
from tests.conformance.words import PARAMETERS, Reply, ToolCall

STRICT: dict[str, Any] = {"chat": Chat(), "responses": Responses(), "messages": Messages()}
WAYS = list(itertools.product(STRICT, repeat=3))
TOOL = {"name": "read_file", "description": "d", "input_schema": PARAMETERS}


@pytest.mark.parametrize("way", WAYS, ids=["-".join(way) for way in WAYS])
def test_a_tool_loop_of_a_messages_client_may_be_at_another_provider_in_each_turn(way: tuple[str, ...]):
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Read a, then b."}]
    for number, dialect in enumerate(way):
        request = asked(dialect, messages)
        question = STRICT[dialect].read(request)
        assert [piece[1] for piece in question.pieces if piece[0] == "tool"] == ["result"] * number
        calls = (ToolCall("read_file", '{"path": "a"}', f"call_{number}"),)
        thought = "" if dialect == "messages" and not question.thinks else "I think of it."
        messages += turn(dialect, Reply(("I look.",), calls, thought), messages)


def asked(dialect: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the provider gets; strict about thoughts, results and their order."""
    thinking = {"type": "enabled", "budget_tokens": 2048}
    body = {"model": "g", "messages": messages, "max_tokens": 4096, "tools": [TOOL], "thinking": thinking}
    call = Call(ENDPOINTS["messages"], body, Trace("r", "g"))
    speech = NATIVE["messages"] if dialect == "messages" else SPOKEN[dialect]
    made: dict[str, Any] = json.loads(speech.request(call, spec_of(dialect)).body)
    return made


def turn(dialect: str, reply: Reply, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The client's next messages: the answer as it came, and the result of its call."""
    body = {"model": "g", "messages": messages, "max_tokens": 4096, "tools": [TOOL], "thinking": {"type": "adaptive"}}
    call = Call(ENDPOINTS["messages"], body, Trace("r", "g"))
    whole = json.dumps(STRICT[dialect].whole(reply, {"model": "m"})).encode()
    content = answer_of(dialect, call, whole)["content"]
    assert [block["type"] for block in content[-2:]] == ["text", "tool_use"]
    if reply.thought:
        assert (content[0]["signature"] == SIGNATURE) is (dialect == "messages")
    result = {"type": "tool_result", "tool_use_id": content[-1]["id"], "content": "ok"}
    return [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]


def answer_of(dialect: str, call: Call, whole: bytes) -> dict[str, Any]:
    """The provider's answer as the client gets it."""
    spec = spec_of(dialect)
    speech = NATIVE["messages"] if dialect == "messages" else SPOKEN[dialect]
    answer = speech.answer(call, spec, whole, speech.request(call, spec))
    if dialect == "messages":
        return dict(json.loads(answer.body))
    return TRANSLATORS["messages"].answer(call.view, json.loads(answer.body), answer.usage)


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_a_tool_loop_that_a_model_without_thoughts_began_goes_on_at_anthropic_without_any(dialect: str):
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Read a."}]
    messages += turn(dialect, Reply(("I look.",), (ToolCall("read_file", '{"path": "a"}', "call_1"),)), messages)
    request = asked("messages", messages)
    assert not STRICT["messages"].read(request).thinks
    assert "thinking" not in request
    messages.append({"role": "user", "content": "And b?"})
    assert STRICT["messages"].read(asked("messages", messages)).thinks
