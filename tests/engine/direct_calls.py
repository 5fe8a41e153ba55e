"""Calls of a group of two direct deployments, `a` before `b`, and upstreams that send exactly the bytes of a test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Literal

from engine.ledger import Attempt, Trace
from engine.spec import RetryPolicy
from engine.upstreams.call import Answer, Call, Stream, Usage
from engine.upstreams.connections import close_session
from tests.engine.scripted import deployment, group, path_of, routing_of
from tests.fakes import Exchange, ScriptedUpstream

ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
HI = [{"role": "user", "content": "x" * 40}]
RETRY = RetryPolicy(num_retries=0, timeout_s=20, stream_idle_timeout_s=20)


def chunk(delta: Any = None, finish: Any = None, index: int = 0, **fields: Any) -> bytes:
    """One event of a chat stream with its blank line."""
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return b"data: " + json.dumps({**ENVELOPE, "choices": [choice], **fields}).encode() + b"\n\n"


ROLE = chunk({"role": "assistant", "content": ""})
DONE = b"data: [DONE]\n\n"
WORD, STOP = chunk({"content": "word"}), chunk({}, "stop")
GONE = {"code": 502, "message": "provider gone"}


@dataclass(frozen=True)
class Sent:
    """An event stream of these parts, one write each; then it ends, is cut, stays open or pings for ever.

    An event among the parts is waited for: what follows must not come together with what was before.
    """

    parts: tuple[bytes | Event, ...]
    then: Literal["end", "cut", "open", "ping"] = "end"
    headers: dict[str, str] = field(default_factory=dict)

    async def play(self, exchange: Exchange) -> None:
        exchange.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **self.headers})
        for part in self.parts:
            if isinstance(part, Event):
                while not part.is_set():
                    await exchange.pause(0.005)
                continue
            exchange.writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await exchange.writer.drain()
        match self.then:
            case "end":
                await exchange.end_stream()
            case "cut":
                exchange.writer.close()
            case "open":
                await exchange.pause(None)
            case "ping":
                while True:
                    exchange.writer.write(b"8\r\n: ping\n\n\r\n")
                    await exchange.pause(0.02)


@dataclass(frozen=True)
class Whole:
    """An answer of this body, JSON or bytes."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    async def play(self, exchange: Exchange) -> None:
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        length = {} if self.status == 204 else {"Content-Length": str(len(raw))}
        exchange.head(self.status, {"Content-Type": "application/json", **length, **self.headers})
        exchange.writer.write(raw)
        await exchange.writer.drain()


@dataclass(frozen=True)
class Said:
    """What a caller got: the bytes, and what of it was an error; and what the ledger says."""

    body: bytes
    error: Exception | None
    trace: Trace
    usage: Usage | None = None

    @property
    def path(self) -> str:
        return path_of(self.trace)

    @property
    def first(self) -> Attempt:
        return self.trace.attempts[0]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON of a stream's events, without `[DONE]`."""
        events = [event for event in self.body.decode().split("\n\n") if event]
        return [json.loads(e.removeprefix("data: ")) for e in events if e.startswith("data: {")]

    @property
    def text(self) -> str:
        """What the first answer says."""
        deltas = [c["delta"] for e in self.events for c in e["choices"] if not c.get("index")]
        return "".join(delta.get("content") or "" for delta in deltas)


@asynccontextmanager
async def upstream_of_a_test() -> AsyncIterator[ScriptedUpstream]:
    """The server of both deployments: its script is for `a`, then for `b`."""
    with ScriptedUpstream() as server:
        yield server
        await close_session()


async def call(
    upstream: ScriptedUpstream,
    *,
    is_stream: bool = True,
    retry: RetryPolicy = RETRY,
    endpoint: Any = "chat/completions",
    seen: Event | None = None,
    **body: Any,
) -> Said:
    """One request, read to its end; `seen` is set when the first part of a stream has come."""
    rows = (deployment(name, priority=tier, api_base=upstream.url) for tier, name in enumerate("ab", start=1))
    routing = await routing_of(group(deployments=tuple(rows), retry=retry))
    live = routing.get("g")
    assert live is not None
    asked = {"messages": HI, **body} if endpoint == "chat/completions" else body
    one = Call(endpoint, {**asked, "stream": is_stream} if is_stream else asked, Trace("r", "g"), is_stream)
    parts: list[bytes] = []
    result: Answer | Stream | None = None
    try:
        result = await routing.route(one, live)
        if isinstance(result, Answer):
            return Said(result.body, None, one.trace, result.usage)
        async for part in result:
            parts.append(part)
            if seen is not None:
                seen.set()
    except Exception as error:
        return Said(b"".join(parts), error, one.trace, result.usage if result else None)
    return Said(b"".join(parts), None, one.trace, result.usage)
