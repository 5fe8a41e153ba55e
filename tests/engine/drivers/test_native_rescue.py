"""Streams of the client's own dialect that break after their first content, over real sockets.

Deployment `a` speaks the client's dialect, `b` what the test says; both are one server, which plays its script.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import pytest

from engine.ledger import Trace
from engine.spec import RetryPolicy, Router, Secret
from engine.upstreams.call import Call, Part, Stream, Usage
from tests.dialects.test_messages_over_chat import assembled
from tests.engine.direct_calls import DONE, Sent, chunk, upstream_of_a_test
from tests.engine.scripted import deployment, group, routing_of
from tests.fakes import ScriptedUpstream, Status

USER = {"role": "user", "content": "Count."}
ASKED: dict[str, dict[str, Any]] = {
    "messages": {"model": "team", "max_tokens": 50, "messages": [USER]},
    "responses": {"model": "team", "input": "Count."},
    "chat/completions": {"model": "team", "messages": [USER]},
}
DOORS = ("messages", "responses")
WORDS = ("one ", "two ", "three ", "four ", "five")
TEXT = "".join(WORDS)
RETRY = RetryPolicy(num_retries=0, timeout_s=20, stream_idle_timeout_s=0.3)


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def message(words: tuple[str, ...] = WORDS, *, more: tuple[bytes, ...] = (), stop: str = "end_turn") -> list[bytes]:
    """The events of a whole Messages stream, with `more` of them after the text."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    used = {"input_tokens": 9, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 0, "output_tokens": 1}
    deltas = [event("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in words]
    last = {"stop_reason": stop, "stop_sequence": "five" if stop == "stop_sequence" else None}
    return [
        event("message_start", message={**head, "stop_sequence": None, "usage": used}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *deltas,
        event("content_block_stop", index=0),
        *more,
        event("message_delta", delta=last, usage={"output_tokens": 6}),
        event("message_stop"),
    ]


def response(words: tuple[str, ...] = WORDS, *, more: tuple[bytes, ...] = (), store: bool = False) -> list[bytes]:
    """The events of a whole Responses stream."""
    head: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 5,
        "model": "m-1",
        "metadata": {"a": "b"},
    }
    head |= {"status": "in_progress", "error": None, "incomplete_details": None, "store": store}
    place, text = {"item_id": "msg_7", "output_index": 0, "content_index": 0}, "".join(words)
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg_7", "role": "assistant", "status": "in_progress", "content": []}
    ended = {**item, "status": "completed", "content": [{**part, "text": text}]}
    used = {"input_tokens": 9, "output_tokens": 6, "total_tokens": 15}
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": {**head, "output": [], "usage": None}}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.content_part.added", {**place, "part": part}),
        *(("response.output_text.delta", {**place, "delta": word, "logprobs": []}) for word in words),
        ("response.output_text.done", {**place, "text": text, "logprobs": []}),
        ("response.content_part.done", {**place, "part": {**part, "text": text}}),
        ("response.output_item.done", {"output_index": 0, "item": ended}),
    ]
    last = {"response": {**head, "status": "completed", "output": [ended], "usage": used}}
    made = [event(kind, sequence_number=n, **fields) for n, (kind, fields) in enumerate(told)]
    return [*made, *more, event("response.completed", sequence_number=len(told), **last)]


def chat(words: tuple[str, ...] = WORDS, finish: str = "stop") -> list[bytes]:
    """The same answer as a chat stream."""
    usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    return [*(chunk({"content": word}) for word in words), chunk({}, finish, usage=usage), DONE]


MADE: dict[str, Callable[..., list[bytes]]] = {"messages": message, "responses": response, "chat": chat}


def begun(events: list[bytes], words: int, then: Any = "cut") -> Sent:
    """The beginning of a stream, with so many of its words."""
    at = next(n for n, one in enumerate(events) if WORDS[0].encode() in one)
    return Sent(tuple(events[: at + words]), then)


def sent(events: list[bytes]) -> Sent:
    return Sent(tuple(events))


@dataclass
class Got:
    """What the caller got."""

    body: str
    error: Exception | None
    trace: Trace
    usage: Usage | None
    stream: Stream

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one.partition("\ndata: ")[2]) for one in self.body.split("\n\n") if one]

    @property
    def how(self) -> list[tuple[str, str, str]]:
        """What the ledger says of each attempt."""
        return [(attempt.status, attempt.rescue, attempt.dialect) for attempt in self.trace.attempts]

    @property
    def text(self) -> str:
        kinds = ("content_block_delta", "response.output_text.delta")
        said = [one["delta"] for one in self.events if one["type"] in kinds]
        return "".join(one if isinstance(one, str) else one.get("text", "") for one in said)


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


async def ask(
    upstream: ScriptedUpstream,
    door: Any,
    *,
    second: str = "",
    may_be_kept: bool = False,
    seen: Event | None = None,
    first: dict[str, Any] | None = None,
    other: dict[str, Any] | None = None,
    **more: Any,
) -> Got:
    """One stream; `a` speaks the door's dialect, or is the `first`; `b` speaks that or the `second`, or is the `other`.
    `seen` is set at the first part."""
    fields = {"api_base": upstream.url, "api_key": Secret("sk-test"), **more.pop("deployments", {})}
    rows = (
        deployment("a", priority=1, **{**fields, "dialects": frozenset({door}), **(first or {})}),
        deployment("b", priority=2, **{**fields, "dialects": frozenset({second or door}), **(other or {})}),
    )
    routing = await routing_of(group(deployments=rows, retry=RETRY, router=Router.NATIVE, rescues=True))
    live = routing.get("g")
    assert live is not None
    call = Call(door, {**ASKED[door], "stream": True, **more}, Trace("r", "g"), True, may_be_kept=may_be_kept)
    stream, parts, failure = await routing.route(call, live), list[bytes](), None
    assert isinstance(stream, Stream)
    try:
        async for piece in stream:
            parts.append(piece)
            if seen is not None:
                seen.set()
    except Exception as error:
        failure = error
        parts.append(b"" if stream.fail is None else stream.fail("it broke", "api_error", "stream_broken"))
    return Got(b"".join(parts).decode(), failure, call.trace, stream.usage, stream)


def whole(door: str, got: Got) -> dict[str, Any]:
    """The answer that a client of a door puts together, after a look at the order of its events."""
    assert got.error is None
    if door == "messages":
        return assembled(got.body)
    events = got.events
    assert [one["sequence_number"] for one in events] == list(range(len(events)))
    kinds = [one["type"] for one in events]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    for once in ("response.created", "response.output_text.done", "response.completed"):
        assert kinds.count(once) == 1
    assert {one["item_id"] for one in events if "output_text" in one["type"]} == {"msg_7"}
    last: dict[str, Any] = events[-1]["response"]
    assert [one["item"] for one in events if one["type"] == "response.output_item.done"] == last["output"]
    return last


def text_in(door: str, answer: dict[str, Any]) -> str:
    parts = answer["content"] if door == "messages" else answer["output"][0]["content"]
    assert len(parts) == 1
    return str(parts[0]["text"])


@pytest.mark.parametrize("second", ["messages", "responses", "chat"])
@pytest.mark.parametrize("then", ["cut", "end", "open"])
@pytest.mark.parametrize("door", DOORS)
async def test_a_stream_is_joined_with_one_of_any_dialect(upstream, door: str, then: str, second: str):
    asks_again = then != "open"  # one that has fallen silent is asked last
    other = door if asks_again else second
    upstream.script(begun(MADE[door](), 3, then), sent(MADE[other]()))
    got = await ask(upstream, door, second=second)
    answer = whole(door, got)
    assert text_in(door, answer) == got.text == TEXT
    assert got.how == [("error", "", door), ("success", "restarted", other)]
    assert got.stream.is_complete
    told = answer["usage"]
    assert got.usage is not None
    assert (
        told["output_tokens"] == got.usage.output_tokens == sum(part.usage.output_tokens for part in got.stream.parts)
    )
    cached = told.get("cache_read_input_tokens", 0)
    assert told["input_tokens"] + cached == got.usage.input_tokens


@pytest.mark.parametrize("door", DOORS)
async def test_an_error_event_after_content_is_rescued_and_not_shown(upstream, door: str):
    failed = {
        "messages": event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        "responses": event("error", sequence_number=9, code="server_error", message="Broken"),
    }
    seen, beginning = Event(), begun(MADE[door](), 2, "end")
    upstream.script(replace(beginning, parts=(*beginning.parts, seen, failed[door])), sent(MADE[door]()))
    got = await ask(upstream, door, seen=seen)
    assert [one[1] for one in got.how] == ["", "restarted"]
    assert text_in(door, whole(door, got)) == TEXT
    assert "Overloaded" not in got.body


@pytest.mark.parametrize("door", DOORS)
async def test_one_that_breaks_twice_is_joined_twice(upstream, door: str):
    events = MADE[door]()
    upstream.script(begun(events, 2), begun(events, 4), sent(events))
    got = await ask(upstream, door)
    assert text_in(door, whole(door, got)) == TEXT
    assert [one[0] for one in got.how] == ["error", "error", "success"]
    assert len(got.stream.parts) == 3
    assert all(isinstance(part, Part) for part in got.stream.parts)


@pytest.mark.parametrize("door", DOORS)
async def test_a_call_after_the_text_follows_in_the_next_place(upstream, door: str):
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
    events = [*chat()[:5], chunk({"tool_calls": [call]}), chunk({}, "tool_calls"), DONE]
    upstream.script(begun(MADE[door](), 3, "open"), sent(events))
    answer = whole(door, await ask(upstream, door, second="chat"))
    if door == "messages":
        text, used = answer["content"]
        assert (text["text"], used["name"], used["input"], answer["stop_reason"]) == (
            TEXT,
            "look",
            {"a": 1},
            "tool_use",
        )
    else:
        said, used = answer["output"]
        assert (said["content"][0]["text"], used["name"], used["arguments"]) == (TEXT, "look", '{"a":1}')


async def test_thoughts_before_the_text_stay_those_of_the_first(upstream):
    thought = [
        event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
        event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"}),
        event("content_block_stop", index=0),
    ]
    start, *text = message()
    text = [one.replace(b'"index": 0', b'"index": 1') for one in text]
    other = [one.replace(b"hm", b"well").replace(b"c2ln", b"b3Ro") for one in thought]
    upstream.script(begun([start, *thought, *text], 3), sent([start, *other, *text]))
    answer = whole("messages", await ask(upstream, "messages", thinking={"type": "enabled", "budget_tokens": 1024}))
    assert [(block["type"], block.get("thinking"), block.get("text")) for block in answer["content"]] == [
        ("thinking", "hm", None),
        ("text", None, TEXT),
    ]
    assert answer["content"][0]["signature"] == "c2ln"


async def test_reasoning_before_the_text_stays_that_of_the_first(upstream):
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x", "status": "completed"}
    head, *rest = response()
    rest = [one.replace(b'"output_index": 0', b'"output_index": 1') for one in rest]
    added = event(
        "response.output_item.added", sequence_number=1, output_index=0, item={**thought, "status": "in_progress"}
    )
    ended = event("response.output_item.done", sequence_number=2, output_index=0, item=thought)
    upstream.script(begun([head, added, ended, *rest], 3), sent(response()))
    got = await ask(upstream, "responses")
    assert got.error is None
    assert [item["id"] for item in got.events[-1]["response"]["output"]] == ["rs_1", "msg_7"]
    assert got.events[-1]["response"]["output"][0] == thought


@pytest.mark.parametrize("door", DOORS)
async def test_another_answer_ends_with_the_honest_error_in_the_clients_dialect(upstream, door: str):
    upstream.script(begun(MADE[door](), 3), sent(MADE[door](("one ", "two ", "drei"))))
    got = await ask(upstream, door)
    assert got.error is not None
    assert got.text == "one two three "
    assert got.how == [("error", "", door), ("cancelled", "restarted", door)]
    assert got.events[-1]["type"] == ("error" if door == "messages" else "response.failed")
    if door == "responses":
        assert [one["sequence_number"] for one in got.events] == list(range(len(got.events)))
        assert got.events[-1]["response"]["output"][0]["content"][0]["text"] == "one two three "


NOT_TEXT = {
    "messages": (
        event("content_block_stop", index=0),
        event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "n", "input": {}}),
        event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": {"type": "page_location"}}),
        event("content_block_start", index=1, content_block={"type": "web_search_tool_result", "content": []}),
    ),
    "responses": (
        event("response.output_text.done", item_id="msg_7", output_index=0, content_index=0, text="one "),
        event("response.output_item.added", output_index=1, item={"type": "function_call", "name": "n", "id": "fc"}),
        event("response.refusal.delta", item_id="msg_7", output_index=0, content_index=0, delta="No"),
        event("response.output_text.annotation.added", item_id="msg_7", output_index=0, annotation={}),
    ),
}


@pytest.mark.parametrize(("door", "last"), [(door, last) for door, rows in NOT_TEXT.items() for last in rows])
async def test_what_is_not_the_unfinished_text_of_one_answer_is_not_rescued(upstream, door: str, last: bytes):
    beginning = begun(MADE[door](), 1)
    upstream.script(replace(beginning, parts=(*beginning.parts, last)), sent(MADE[door]()))
    got = await ask(upstream, door)
    assert got.error is not None
    assert len(got.how) == 1


async def test_what_chat_has_no_words_for_is_not_joined(upstream):
    block = {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}}
    more = (event("content_block_start", index=1, content_block=block), event("content_block_stop", index=1))
    upstream.script(begun(message(), 3), sent(message(more=more)))
    got = await ask(upstream, "messages")
    assert got.error is not None
    assert got.how[-1][0] == "cancelled"


async def test_a_response_that_is_kept_is_not_joined(upstream):
    upstream.script(begun(response(store=True), 3), sent(response()))
    got = await ask(upstream, "responses", may_be_kept=True)
    assert got.error is not None
    assert len(got.how) == 1


async def test_a_model_that_can_is_asked_to_go_on_in_the_clients_own_words(upstream):
    upstream.script(begun(message(), 3), sent(message(("four ", "five"))))
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    got = await ask(upstream, "messages", deployments={"prefills": True}, system=system)
    assert text_in("messages", whole("messages", got)) == TEXT
    assert got.how[-1] == ("success", "continued", "messages")
    body = upstream.seen[-1].body
    assert body["messages"] == [USER, {"role": "assistant", "content": "one two three"}]
    assert body["system"] == system
    assert body["max_tokens"] < 50


@pytest.mark.parametrize(
    "more",
    [
        {"thinking": {"type": "adaptive"}},
        {"messages": [USER, {"role": "assistant", "content": "zero"}]},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ],
)
async def test_what_does_not_go_with_a_begun_answer_is_restarted(upstream, more: dict[str, Any]):
    upstream.script(begun(message(), 3), sent(message()))
    got = await ask(upstream, "messages", deployments={"prefills": True}, **more)
    assert got.how[-1] == ("success", "restarted", "messages")


async def test_responses_have_no_way_to_go_on_from_a_begun_answer(upstream):
    upstream.script(begun(response(), 3), sent(response()))
    got = await ask(upstream, "responses", deployments={"prefills": True})
    assert got.how[-1] == ("success", "restarted", "responses")


async def test_the_text_that_stopped_an_answer_is_told(upstream):
    events = message(stop="stop_sequence")
    upstream.script(begun(events, 3), sent(events))
    answer = whole("messages", await ask(upstream, "messages", stop_sequences=["five"]))
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "five")


@pytest.mark.parametrize("door", DOORS)
async def test_a_rescue_that_fails_leaves_the_first_error(upstream, door: str):
    upstream.script(begun(MADE[door](), 3), Status(503), Status(503))
    got = await ask(upstream, door)
    assert got.error is not None
    assert got.text == "one two three "
    assert [one[0] for one in got.how] == ["error", "error", "error"]
