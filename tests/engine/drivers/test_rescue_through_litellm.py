"""Streams that come through LiteLLM and break after their first content, over real sockets."""

from __future__ import annotations

import json
from threading import Event
from typing import Any

import pytest

from tests.engine.direct_calls import Sent
from tests.engine.drivers.test_native_rescue import (
    MADE,
    TEXT,
    WORDS,
    Got,
    ask,
    begun,
    chat,
    message,
    sent,
    upstream,
    whole,
)
from tests.fakes import ScriptedUpstream

__all__ = ["upstream"]
LITELLM: dict[str, Any] = {"dialects": frozenset({"litellm"})}


def gemini(words: tuple[str, ...] = WORDS) -> list[bytes]:
    """The same answer as Gemini streams it."""

    def event(text: str, **more: Any) -> bytes:
        candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}, **more}
        used = {"promptTokenCount": 9, "candidatesTokenCount": 6, "totalTokenCount": 15}
        return b"data: " + json.dumps({"candidates": [candidate], "usageMetadata": used}).encode() + b"\n\n"

    return [*map(event, words[:-1]), event(words[-1], finishReason="STOP")]


PROVIDERS: dict[str, tuple[str, list[bytes]]] = {
    "anthropic": ("claude-sonnet-4-5", message()),
    "mistral": ("mistral-large-latest", chat()),
    "gemini": ("gemini-2.5-flash", gemini()),
}


def through(kind: str, upstream: ScriptedUpstream) -> dict[str, Any]:
    """The fields of a deployment of this provider."""
    base = upstream.url.removesuffix("/v1") if kind == "anthropic" else upstream.url
    return {**LITELLM, "provider_type": kind, "upstream_model": PROVIDERS[kind][0], "api_base": base}


def answer_in(got: Got) -> str:
    """The text of a chat stream that ended well, once."""
    assert got.error is None
    assert got.body.count("[DONE]") == 1
    events = [json.loads(one.removeprefix("data: ")) for one in got.body.split("\n\n") if one.startswith("data: {")]
    choices = [choice for one in events for choice in one["choices"]]
    assert [choice["finish_reason"] for choice in choices if choice.get("finish_reason")] == ["stop"]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@pytest.mark.parametrize("then", ["cut", "end", "open"])
@pytest.mark.parametrize("kind", PROVIDERS)
async def test_a_stream_through_litellm_is_joined_with_another_one_through_it(upstream, kind: str, then: str):
    spec, events = through(kind, upstream), PROVIDERS[kind][1]
    upstream.script(begun(events, 3, then), sent(events if then != "open" else chat()))
    got = await ask(upstream, "chat/completions", first=spec, second="chat")
    assert answer_in(got) == TEXT
    assert got.how == [("error", "", "litellm"), ("success", "restarted", "litellm" if then != "open" else "chat")]
    assert got.usage is not None
    assert got.usage.output_tokens == sum(part.usage.output_tokens for part in got.stream.parts)


@pytest.mark.parametrize("kind", PROVIDERS)
async def test_one_through_litellm_goes_on_with_a_direct_one(upstream, kind: str):
    """The direct one has fallen silent, so that the other one is asked."""
    upstream.script(begun(chat(), 3, "open"), sent(PROVIDERS[kind][1]))
    got = await ask(
        upstream, "chat/completions", first={"dialects": frozenset({"chat"})}, other=through(kind, upstream)
    )
    assert answer_in(got) == TEXT
    assert got.how == [("error", "", "chat"), ("success", "restarted", "litellm")]


@pytest.mark.parametrize("door", ["messages", "responses"])
@pytest.mark.parametrize("is_first", [True, False])
async def test_clients_of_other_doors_get_one_whole_answer(upstream, door: str, is_first: bool):
    """From LiteLLM first, or from it after a stream of their own dialect."""
    spec = through("anthropic", upstream)
    if is_first:
        upstream.script(begun(message(), 3), sent(message()))
        got = await ask(upstream, door, first=spec)
        assert got.how == [("error", "", "litellm"), ("success", "restarted", "litellm")]
    else:
        upstream.script(begun(MADE[door](), 3, "open"), sent(message()))
        got = await ask(upstream, door, other=spec)
        whole(door, got)
        assert got.how == [("error", "", door), ("success", "restarted", "litellm")]
    assert got.error is None
    assert got.text == TEXT


async def test_an_error_inside_a_stream_is_rescued(upstream):
    seen = Event()
    failed = (
        b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n'
    )
    upstream.script(Sent((*begun(message(), 3).parts, seen, failed)), sent(message()))
    got = await ask(upstream, "chat/completions", first=through("anthropic", upstream), second="chat", seen=seen)
    assert [one[1] for one in got.how] == ["", "restarted"]
    assert answer_in(got) == TEXT


async def test_a_claude_that_takes_a_begun_answer_goes_on_through_litellm(upstream):
    spec = {**through("anthropic", upstream), "prefills": True}
    upstream.script(begun(message(), 3), sent(message(("four ", "five"))))
    got = await ask(upstream, "chat/completions", first=spec, second="chat")
    assert answer_in(got) == TEXT
    assert got.how[-1] == ("success", "continued", "litellm")
    said = upstream.seen[-1].body["messages"][-1]
    assert (said["role"], said["content"]) == ("assistant", [{"type": "text", "text": "one two three"}])


async def test_another_answer_ends_with_the_error_of_the_first(upstream):
    upstream.script(begun(message(), 3), sent(message(("one ", "zwei"))))
    got = await ask(upstream, "chat/completions", first=through("anthropic", upstream), second="chat")
    assert got.error is not None
    assert got.how[-1] == ("cancelled", "restarted", "litellm")
