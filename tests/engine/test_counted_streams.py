"""Every stream is counted, and its client sees of that no more than it asked for; over a real socket."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from engine.ledger import Trace
from engine.spec import RetryPolicy, Secret
from engine.upstreams import asking
from engine.upstreams.call import Call, Stream, Usage
from engine.upstreams.connections import close_session
from tests.engine.dialects import Counting, Tokens
from tests.engine.scripted import deployment, group, routing_of
from tests.fakes import CutStream, Exchange, Ok, ScriptedUpstream

TOKENS = Tokens(read=100, cached=40, written=0, wrote=50, thought=0)
COUNTED = Usage(100, 50, 150, cached_tokens=40)
BY_DIALECT = {"openai": "/v1", "anthropic": "", "gemini": ""}


@pytest.fixture
async def upstream(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedUpstream]:
    monkeypatch.setattr(asking, "_refusing", set())
    with ScriptedUpstream(Counting()) as server:
        yield server
        await close_session()


@dataclass(frozen=True)
class RefusesToCount:
    """An older server: it knows no `stream_options`."""

    async def play(self, exchange: Exchange) -> None:
        if "stream_options" in exchange.body:
            message = "Unrecognized request argument supplied: stream_options"
            await exchange.answer(400, {"error": {"message": message, "type": "invalid_request_error"}})
            return
        await Ok("one two three four").play(exchange)


async def open_stream(
    upstream: ScriptedUpstream, provider_type: str = "openai", messages: Any = None, **body: Any
) -> Stream:
    base = upstream.url.removesuffix("/v1") + BY_DIALECT[provider_type]
    spec = deployment("d", provider_type=provider_type, api_base=base, api_key=Secret("key-of-a-test"))
    routing = await routing_of(group(deployments=(spec,), retry=RetryPolicy(num_retries=0, stream_idle_timeout_s=5)))
    live = routing.get("g")
    assert live is not None
    asked = {"messages": messages or TOKENS.question, "stream": True, **body}
    stream = await routing.route(Call("chat/completions", asked, Trace("r", "g"), is_stream=True), live)
    assert isinstance(stream, Stream)
    return stream


async def shown(stream: Stream) -> list[dict[str, Any]]:
    """The events that the client gets, without `[DONE]`, which must be there."""
    raw = b"".join([event async for event in stream])
    *events, done = raw.decode().removesuffix("\n\n").split("\n\n")
    assert done == "data: [DONE]"
    return [json.loads(event.removeprefix("data:")) for event in events]


@pytest.mark.parametrize("provider_type", BY_DIALECT)
async def test_a_client_that_did_not_ask_sees_no_usage_and_the_log_knows_it(upstream, provider_type: str):
    stream = await open_stream(upstream, provider_type)
    events = await shown(stream)
    assert stream.usage == COUNTED
    assert not [event for event in events if "usage" in event or not event["choices"]]
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("provider_type", BY_DIALECT)
async def test_a_client_that_asked_sees_it_in_the_last_chunk(upstream, provider_type: str):
    stream = await open_stream(upstream, provider_type, stream_options={"include_usage": True})
    events = await shown(stream)
    assert [event["usage"]["total_tokens"] for event in events if event.get("usage")] == [150]
    assert events[-1]["usage"]["prompt_tokens"] == 100
    assert stream.usage == COUNTED


async def test_the_clients_other_stream_options_are_passed_on(upstream):
    await shown(await open_stream(upstream, stream_options={"include_usage": False, "include_obfuscation": False}))
    assert upstream.seen[0].body["stream_options"] == {"include_usage": True, "include_obfuscation": False}


async def test_a_server_that_refuses_to_count_is_asked_again_without_it_and_never_again_with_it(upstream):
    upstream.usual = RefusesToCount()
    for _ in range(2):
        stream = await open_stream(upstream, messages=[{"role": "user", "content": "x" * 40}])
        assert len(await shown(stream)) > 4
        assert stream.usage is not None
        assert (stream.usage.is_estimated, stream.usage.input_tokens) == (True, 14)
    assert ["stream_options" in seen.body for seen in upstream.seen] == [True, False, False]


async def test_what_the_client_itself_asked_for_is_not_taken_away(upstream):
    upstream.usual = RefusesToCount()
    with pytest.raises(Exception, match="stream_options") as refused:
        await open_stream(upstream, stream_options={"include_usage": True})
    assert refused.value.status == 400  # type: ignore[attr-defined]
    assert upstream.count == 1


async def test_a_stream_whose_client_left_early_is_estimated(upstream):
    upstream.usual = Ok(" ".join(["word"] * 200), pause_s=0.001)
    stream = await open_stream(upstream)
    chunks = aiter(stream)
    for _ in range(20):
        await anext(chunks)
    await chunks.aclose()
    assert stream.usage is not None
    assert stream.usage.is_estimated
    assert 15 <= stream.usage.output_tokens <= 30


async def test_a_stream_that_broke_is_estimated_before_anybody_is_told(upstream):
    upstream.usual = CutStream(after=4)
    stream = await open_stream(upstream)
    ended, report = [], stream.on_end

    async def on_end(error: BaseException | None) -> None:
        assert report is not None
        ended.append(stream.usage)
        await report(error)

    stream.on_end = on_end
    with pytest.raises(Exception, match="cut"):
        await shown(stream)
    (usage,) = ended
    assert usage.is_estimated
    assert 2 <= usage.output_tokens <= 6
