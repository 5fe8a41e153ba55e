"""What ends the wait for a first token: thoughts do, in every dialect, and what keeps a connection alive does not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from engine.upstreams.call import CHAT
from tests.engine import test_messages_upstream
from tests.engine.direct_calls import DONE, RETRY, ROLE, STOP, WORD, Sent, chunk, upstream_of_a_test
from tests.fakes import ScriptedUpstream

CHAT_THOUGHT = chunk({"reasoning_content": "Let me think."})


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


MESSAGES = {
    "start": (test_messages_upstream.START, test_messages_upstream.PING),
    "alive": test_messages_upstream.PING * 3,
    "thought": event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
    + event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Let me think."}),
}
RESPONSES = {
    "start": (event("response.created", response={"id": "resp_1"}), event("response.in_progress", response={})),
    "alive": event("response.in_progress", response={}),
    "thought": event("response.reasoning_summary_text.delta", item_id="rs_1", summary_index=0, delta="Let me think."),
}
CHATS = {"start": (ROLE, chunk({"content": ""})), "alive": b": PROCESSING\n\n", "thought": CHAT_THOUGHT}
DOORS: dict[str, tuple[Any, frozenset[str], dict[str, Any]]] = {
    "chat": (CHAT, frozenset({"chat"}), CHATS),
    "messages": ("messages", frozenset({"messages"}), MESSAGES),
    "responses": ("responses", frozenset({"responses"}), RESPONSES),
    "chat over messages": (CHAT, frozenset({"messages"}), MESSAGES),
    "chat over responses": (CHAT, frozenset({"responses"}), RESPONSES),
    "messages over chat": ("messages", frozenset({"chat"}), CHATS),
    "responses over chat": ("responses", frozenset({"chat"}), CHATS),
}
each_door = pytest.mark.parametrize(("endpoint", "dialects", "parts"), DOORS.values(), ids=DOORS.keys())


def body_for(endpoint: str) -> dict[str, Any]:
    asked = test_messages_upstream.CHAT if endpoint == CHAT else test_messages_upstream.ASKED
    return {"model": "team", "input": "Hi"} if endpoint == "responses" else asked


@each_door
async def test_thoughts_are_the_first_token(
    upstream: ScriptedUpstream, monkeypatch, endpoint: Any, dialects: frozenset[str], parts: dict[str, Any]
):
    retry = replace(RETRY, first_token_timeout_s=5, stream_idle_timeout_s=0.3)
    monkeypatch.setattr(test_messages_upstream, "RETRY", retry)
    # The thought comes to the client, so that the second can follow; then it is silence that ends the stream.
    upstream.script(Sent((*parts["start"], parts["thought"], seen := Event(), parts["thought"]), then="open"))
    said = await test_messages_upstream.ask(upstream, endpoint, body_for(endpoint), dialects=dialects, seen=seen)
    assert (said.path, said.first.error_class) == ("a:error", "Timeout")
    assert said.first.first_token_ms is not None
    assert said.body  # clients of Responses and Messages see no thoughts that they did not ask for


@each_door
async def test_what_keeps_a_connection_alive_is_no_token(
    upstream: ScriptedUpstream, monkeypatch, endpoint: Any, dialects: frozenset[str], parts: dict[str, Any]
):
    monkeypatch.setattr(test_messages_upstream, "RETRY", replace(RETRY, first_token_timeout_s=0.4))
    upstream.script(Sent((*parts["start"], *[parts["alive"]] * 5), then="ping"), Sent((ROLE, WORD, STOP, DONE)))
    said = await test_messages_upstream.ask(upstream, endpoint, body_for(endpoint), dialects=dialects)
    assert (said.path, said.first.error_class) == ("a:error>b:success", "Timeout")
    assert (said.error, b"word" in said.body) == (None, True)
