"""A client of another door over a chat upstream, with a door of the test's own; over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest

from engine.dialects import translators
from engine.dialects.translation import Translator, View
from engine.dialects.translators import view_of
from engine.ledger import Trace
from engine.upstreams.call import Call, Stream, Usage
from tests.engine.direct_calls import DONE, GONE, HI, ROLE, STOP, WORD, Sent, Whole, call, chunk, upstream_of_a_test
from tests.engine.scripted import deployment, group, routing_of
from tests.fakes import ScriptedUpstream

ASKED: dict[str, Any] = {"say": "x" * 40, "odd": 1}
COUNTED = chunk({}, "stop", usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10})


@dataclass(frozen=True, slots=True)
class Shouting(View):
    """What the way back needs to know."""

    mark: str = "!"


class Shouts:
    """Writes each text in capitals."""

    problem = ""

    def __init__(self, view: Shouting) -> None:
        self._mark = view.mark

    def chunk(self, fields: dict[str, Any]) -> bytes:
        text = fields["choices"][0]["delta"].get("content") if fields["choices"] else ""
        return f"data: {text.upper()}{self._mark}\n\n".encode() if text else b""

    def can_go_on(self, fields: dict[str, Any]) -> bool:
        return False

    def more(self, texts: Sequence[bytes]) -> bytes:
        raise AssertionError("it goes on with nothing")

    def end(self, usage: Usage | None) -> bytes:
        assert usage is not None
        return b"data: the end, %d\n\n" % usage.total_tokens

    def fail(self, message: str, type: str, code: str | None) -> bytes:
        return f"data: alas, {type}\n\n".encode()


def view(body: dict[str, Any]) -> Shouting:
    messages = [{"role": "user", "content": body["say"]}]
    return Shouting({"model": body.get("model"), "messages": messages, "stream": body.get("stream", False)}, ("odd",))


def answer(view: Shouting, said: dict[str, Any], usage: Usage | None) -> dict[str, Any]:
    return {"shout": said["choices"][0]["message"]["content"].upper() + view.mark}


@pytest.fixture(autouse=True)
def _door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(translators.TRANSLATORS, "responses", Translator(view, answer, Shouts))


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


def whole(text: str) -> Whole:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return Whole({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage})


def test_chat_is_the_body_itself_and_a_view_is_made_once():
    body = {"messages": HI}
    assert Call("chat/completions", body, Trace("r", "g")).chat is body
    assert view_of("embeddings", body) == View(body)
    translated = Call("responses", ASKED, Trace("r", "g"))
    assert translated.view is translated.view
    assert translated.chat["messages"] == HI


async def test_an_upstream_is_asked_in_chat_and_the_client_answered_in_its_dialect(upstream):
    upstream.script(whole("hello"))
    said = await call(upstream, endpoint="responses", is_stream=False, **ASKED)
    assert said.body == b'{"shout":"HELLO!"}'
    assert said.usage == Usage(7, 3, 10)
    assert said.first.dropped_params == ("odd",)
    [asked] = upstream.seen
    assert asked.path == "/v1/chat/completions"
    assert asked.body["messages"] == HI


async def test_a_stream_is_translated_and_its_end_tells_the_tokens_that_are_billed(upstream):
    upstream.script(Sent((ROLE, WORD, b": ping\n\n", COUNTED, DONE)))
    said = await call(upstream, endpoint="responses", **ASKED)
    assert said.body.replace(b": ping\n\n", b"") == b"data: WORD!\n\ndata: the end, 10\n\n"
    assert said.usage == Usage(7, 3, 10)


async def test_an_uncounted_stream_ends_with_our_estimate(upstream):
    upstream.script(Sent((ROLE, WORD, STOP, DONE)))
    said = await call(upstream, endpoint="responses", **ASKED)
    assert said.usage is not None
    assert said.usage.is_estimated
    assert said.body.endswith(b"data: the end, %d\n\n" % said.usage.total_tokens)


async def test_a_broken_start_falls_back_and_the_client_sees_nothing_of_it(upstream):
    upstream.script(Sent((ROLE, b'data: {"error": {"code": 502, "message": "gone"}}\n\n')), Sent((WORD, STOP, DONE)))
    said = await call(upstream, endpoint="responses", **ASKED)
    assert said.path == "a:error>b:success"
    assert said.body.startswith(b"data: WORD!\n\n")


async def test_a_cut_stream_is_not_complete_counts_what_came_and_fails_in_the_clients_dialect(upstream):
    upstream.script(Sent((ROLE, WORD, seen := Event(), chunk(error=GONE))))
    live = (routing := await routing_of(group(deployments=(deployment("a", api_base=upstream.url),)))).get("g")
    assert live is not None
    one = Call("responses", {**ASKED, "stream": True}, Trace("r", "g"), is_stream=True)
    stream = await routing.route(one, live)
    assert isinstance(stream, Stream)
    pieces = aiter(stream)
    await anext(pieces)
    seen.set()
    with pytest.raises(Exception, match="gone"):
        await anext(pieces)
    assert not stream.is_complete
    assert stream.usage is not None
    assert stream.usage.output_tokens > 0
    assert stream.fail is not None
    assert stream.fail("gone", "api_error", None) == b"data: alas, api_error\n\n"


async def test_a_caller_who_leaves_early_has_not_had_everything(upstream):
    upstream.script(Sent((ROLE, WORD, WORD), then="open"))
    live = (routing := await routing_of(group(deployments=(deployment("a", api_base=upstream.url),)))).get("g")
    assert live is not None
    one = Call("responses", {**ASKED, "stream": True}, Trace("r", "g"), is_stream=True)
    stream = await routing.route(one, live)
    assert isinstance(stream, Stream)
    pieces = aiter(stream)
    await anext(pieces)
    await pieces.aclose()
    assert not stream.is_complete
    assert stream.usage is not None
    assert stream.usage.is_estimated
    assert one.trace.attempts[0].status == "cancelled"
