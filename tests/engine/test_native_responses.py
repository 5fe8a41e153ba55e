"""Upstreams that speak Responses, over a real socket: for clients of Responses, and for clients of chat."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest

from engine.exceptions import RequestFailed
from engine.ledger import SkipReason, Trace
from engine.spec import Router
from engine.upstreams.call import Call, Stream, Usage
from engine.upstreams.choose import obstacle
from engine.upstreams.responses import asked_as_responses
from tests.dialects.golden_files import ROOT
from tests.engine.direct_calls import HI, RETRY, Sent, Whole, upstream_of_a_test
from tests.engine.scripted import deployment, group, path_of, routing_of

GOLDEN = ROOT / "chat-over-responses"
TEXT = (GOLDEN / "stream-text" / "got.sse").read_bytes()
TOOLS = (GOLDEN / "stream-interleaved-tools" / "got.sse").read_bytes()
FAILED = (GOLDEN / "stream-failed" / "got.sse").read_bytes()
WHOLE = json.loads((GOLDEN / "whole-tools" / "got.json").read_text())
USAGE = Usage(20, 10, 30, cached_tokens=8, cache_write_tokens=2, reasoning_tokens=3)
NATIVE = {"dialects": frozenset({"chat", "responses"})}
ONLY = {"dialects": frozenset({"responses"})}
ENVELOPE = TEXT[: TEXT.index(b"event: response.output_text.delta")]


@pytest.fixture
async def upstream() -> AsyncIterator[Any]:
    async with upstream_of_a_test() as server:
        yield server


@dataclass
class Result:
    """What a client got, or why not."""

    body: bytes
    error: Exception | None
    call: Call
    usage: Usage | None
    stream: Stream | None = None

    @property
    def path(self) -> str:
        return path_of(self.call.trace)


async def asked(
    upstream: Any, endpoint: Any, body: dict[str, Any], *rows: dict[str, Any], seen: Event | None = None
) -> Result:
    """One request to a group of deployments `a`, `b`, … with these fields, read to its end; `seen` is set when the
    first part of a stream has come."""
    made = (
        deployment(n, priority=i, api_base=upstream.url, **row)
        for i, (n, row) in enumerate(zip("abc", rows, strict=False), 1)
    )
    routing = await routing_of(group(deployments=tuple(made), retry=RETRY, router=Router.NATIVE))
    live = routing.get("g")
    assert live is not None
    call = Call(endpoint, {"model": "g", **body}, Trace("r", "g"), bool(body.get("stream")))
    parts: list[bytes] = []
    try:
        result = await routing.route(call, live)
    except Exception as error:
        return Result(b"", error, call, None)
    if not isinstance(result, Stream):
        return Result(result.body, None, call, result.usage)
    try:
        async for piece in result:
            parts.append(piece)
            if seen is not None:
                seen.set()
    except Exception as error:
        return Result(b"".join(parts), error, call, result.usage, result)
    return Result(b"".join(parts), None, call, result.usage, result)


def streamed(**fields: Any) -> dict[str, Any]:
    return {"input": "Hello", "stream": True, **fields}


@pytest.mark.parametrize("sent", [TEXT, TOOLS], ids=["text", "tools"])
async def test_a_responses_client_gets_the_upstreams_bytes(upstream, sent: bytes):
    upstream.script(Sent((sent,)))
    got = await asked(upstream, "responses", streamed(include=["reasoning.encrypted_content"]), NATIVE)
    assert (got.body, got.error, got.usage, got.path) == (sent, None, USAGE, "a:success")
    assert got.stream is not None
    assert got.stream.is_complete
    [seen] = upstream.seen
    assert seen.path == "/v1/responses"
    assert seen.body == {**got.call.body, "model": "gpt-4o", "store": False}


async def test_it_gets_them_however_they_are_cut_into_packets(upstream):
    upstream.script(Sent(tuple(TEXT[i : i + 37] for i in range(0, len(TEXT), 37))))
    got = await asked(upstream, "responses", streamed(), NATIVE)
    assert (got.body, got.usage) == (TEXT, USAGE)


async def test_a_whole_response_comes_back_as_it_is(upstream):
    upstream.script(Whole(WHOLE))
    got = await asked(upstream, "responses", {"input": "Hello", "store": True}, NATIVE)
    assert (json.loads(got.body), got.usage) == (WHOLE, USAGE)
    assert got.call.trace.attempts[0].dropped_params == ("store",)


@pytest.mark.parametrize("sent", [ENVELOPE, ENVELOPE + FAILED[FAILED.index(b"event: response.failed") :]])
async def test_an_upstream_that_fails_after_its_envelope_is_passed_over_unseen(upstream, sent: bytes):
    upstream.script(Sent((sent,)), Sent((TEXT,)))
    got = await asked(upstream, "responses", streamed(), NATIVE, NATIVE)
    assert (got.body, got.path) == (TEXT, "a:error>b:success")


async def test_an_error_inside_a_stream_is_told_once_and_in_its_words(upstream):
    begin = FAILED[: FAILED.index(b"event: response.failed")]
    failed = begin + TEXT[TEXT.index(b"event: response.output_text.delta") :].split(b"\n\n")[0] + b"\n\n"
    upstream.script(Sent((failed, seen := Event(), FAILED[len(begin) :])))
    got = await asked(upstream, "responses", streamed(), NATIVE, seen=seen)
    assert b"response.failed" not in got.body
    assert got.error is not None
    assert got.call.trace.attempts[0].error_class == "RateLimitError"
    assert got.stream is not None
    assert got.stream.fail is not None
    last = json.loads(got.stream.fail("Slow down.", "rate_limit_error", "rate_limit_exceeded").split(b"data: ")[1])
    assert last["response"]["id"] == "resp_1"
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Slow down."}


async def test_a_cut_stream_is_counted_and_fails_with_the_next_number(upstream):
    upto = TEXT.index(b"event: response.output_text.done")
    upstream.script(Sent((TEXT[:upto],)))
    got = await asked(upstream, "responses", streamed(input="x" * 40), NATIVE)
    assert (got.body, got.path) == (TEXT[:upto], "a:error")
    assert got.usage is not None
    assert (got.usage.is_estimated, got.usage.input_tokens >= 10, got.usage.output_tokens) == (True, True, 2)
    assert got.stream is not None
    assert got.stream.fail is not None
    assert b'"sequence_number":6' in got.stream.fail("gone", "api_error", None)


async def test_a_chat_client_gets_chunks_of_an_upstream_that_speaks_only_responses(upstream):
    upstream.script(Sent((TOOLS,)))
    body = {"messages": HI, "stream": True, "stream_options": {"include_usage": True}, "seed": 1}
    got = await asked(upstream, "chat/completions", body, ONLY)
    told = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: {")]
    wanted = (GOLDEN / "stream-interleaved-tools" / "given.sse").read_text()
    assert told == [json.loads(line[6:]) for line in wanted.split("\n") if line.startswith("data: {")]
    assert got.body.endswith(b"data: [DONE]\n\n")
    assert (got.usage, got.call.trace.attempts[0].dropped_params) == (USAGE, ("seed",))
    assert upstream.seen[0].body["input"] == HI
    assert upstream.seen[0].body["store"] is False


async def test_a_chat_client_who_did_not_ask_for_tokens_gets_none(upstream):
    upstream.script(Sent((TEXT,)))
    got = await asked(upstream, "chat/completions", {"messages": HI, "stream": True}, ONLY)
    assert b"usage" not in got.body
    assert got.usage == USAGE


async def test_a_chat_client_gets_a_whole_answer_of_it(upstream):
    upstream.script(Whole(WHOLE))
    got = await asked(upstream, "chat/completions", {"messages": HI}, ONLY)
    assert json.loads(got.body) == json.loads((GOLDEN / "whole-tools" / "given.json").read_text())
    assert got.usage == USAGE


async def test_a_chat_stream_that_is_cut_counts_what_came(upstream):
    upstream.script(Sent((TEXT[: TEXT.index(b"event: response.output_text.done")],)))
    got = await asked(upstream, "chat/completions", {"messages": HI, "stream": True}, ONLY)
    assert got.error is not None
    assert got.usage is not None
    assert (got.usage.is_estimated, got.usage.output_tokens > 0) == (True, True)


async def test_what_chat_can_not_do_passes_a_chat_deployment_over_and_reaches_one_of_responses(upstream):
    upstream.script(Whole(WHOLE))
    tool = {"type": "web_search"}
    got = await asked(upstream, "responses", {"input": "x", "tools": [tool], "tool_choice": tool}, {}, NATIVE)
    assert got.path == "b:success"
    [skip] = got.call.trace.skipped
    assert (skip.deployment_id, skip.reason) == ("a", SkipReason.UNSUITABLE)
    assert upstream.seen[0].body["tool_choice"] == tool


@pytest.mark.parametrize(
    ("endpoint", "body", "param", "rows"),
    [
        ("responses", {"input": "x", "previous_response_id": "resp_0"}, "previous_response_id", ({}, NATIVE)),
        ("responses", {"input": "x", "conversation": "conv_0"}, "conversation", (NATIVE,)),
        ("responses", {"input": [{"type": "item_reference", "id": "msg_0"}]}, "input[0]", (NATIVE,)),
        ("responses", {"input": "x", "background": True}, "background", ({},)),
        ("chat/completions", {"messages": HI, "n": 2}, "n", (ONLY,)),
    ],
)
async def test_a_request_that_nobody_can_do_is_refused_by_its_parameter(upstream, endpoint, body, param, rows):
    got = await asked(upstream, endpoint, body, *rows)
    assert isinstance(got.error, RequestFailed)
    assert (got.error.status, got.error.param) == (400, param)
    assert got.path == ""
    assert {skip.reason for skip in got.call.trace.skipped} == {SkipReason.UNSUITABLE}
    assert upstream.count == 0


async def test_the_next_request_finds_the_deployment_that_could_not_do_one(upstream):
    upstream.script(Sent((TEXT,)))
    await asked(upstream, "responses", {"input": "x", "background": True}, {})
    assert (await asked(upstream, "responses", streamed(), NATIVE)).path == "a:success"


def test_a_chat_is_put_into_the_words_of_responses_once_for_the_choice_and_the_upstream():
    call, row = Call("chat/completions", {"model": "g", "messages": HI}, Trace("id", "g")), deployment("a", **ONLY)
    assert obstacle(call, row) is None
    assert asked_as_responses(call, row) is asked_as_responses(call, row)
    assert [name.partition(":")[0] for name in call.prepared] == ["responses"]
