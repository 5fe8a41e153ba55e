"""A stream that a content filter ends: another group may answer as long as nothing was said; over a real socket."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from engine.ledger import Trace
from engine.spec import FallbackPolicy, RetryPolicy, Secret
from engine.upstreams.call import Call, Stream
from engine.upstreams.connections import close_session
from tests.engine.scripted import deployment, group, path_of, routing_of
from tests.fakes import Exchange, Ok, ScriptedUpstream


@dataclass(frozen=True)
class Filtered:
    """Says a text, or nothing, and is then stopped by the filter."""

    text: str = ""

    async def play(self, exchange: Exchange) -> None:
        exchange.start_stream()
        for delta, reason in (({"role": "assistant", "content": self.text}, None), ({}, "content_filter")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            await exchange.event(json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]}))
        await exchange.event("[DONE]")
        await exchange.end_stream()


@pytest.fixture
async def upstreams() -> AsyncIterator[tuple[ScriptedUpstream, ScriptedUpstream]]:
    with ScriptedUpstream() as first, ScriptedUpstream(Ok("from the other group")) as second:
        yield first, second
        await close_session()


async def streamed(
    upstreams: tuple[ScriptedUpstream, ScriptedUpstream], fallback: FallbackPolicy
) -> tuple[bytes, Trace]:
    rows = [deployment(n, api_base=u.url, api_key=Secret("k")) for n, u in zip("ab", upstreams, strict=True)]
    retry = RetryPolicy(num_retries=0)
    routing = await routing_of(
        group(deployments=(rows[0],), fallback=fallback, retry=retry),
        group("other", deployments=(rows[1],), retry=retry),
    )
    trace, live = Trace("r", "g"), routing.get("g")
    assert live is not None
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    stream = await routing.route(Call("chat/completions", body, trace, is_stream=True), live)
    assert isinstance(stream, Stream)
    return b"".join([event async for event in stream]), trace


async def test_a_stream_that_is_blocked_before_its_first_word_goes_to_the_group_for_that(upstreams):
    upstreams[0].usual = Filtered()
    told, trace = await streamed(upstreams, FallbackPolicy(content_policy_groups=("other",)))
    assert b"other" in told
    assert b"content_filter" not in told
    first = trace.attempts[0]
    assert (path_of(trace), first.error_class, first.status_code) == (
        "a:error>b:success",
        "ContentPolicyViolationError",
        None,
    )


async def test_once_something_was_said_the_caller_gets_what_there_is(upstreams):
    upstreams[0].usual = Filtered("half")
    told, trace = await streamed(upstreams, FallbackPolicy(content_policy_groups=("other",)))
    assert (path_of(trace), b"half" in told, b"content_filter" in told) == ("a:success", True, True)


async def test_without_a_group_for_that_the_caller_is_told_of_the_filter(upstreams):
    upstreams[0].usual = Filtered()
    told, trace = await streamed(upstreams, FallbackPolicy(groups=("other",)))
    assert (path_of(trace), b"content_filter" in told) == ("a:success", True)
