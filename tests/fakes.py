"""A scripted OpenAI-compatible upstream on a real socket, for what llmock cannot do.

    with ScriptedUpstream() as upstream:
        upstream.script(Status(429, {"Retry-After": "2"}), Drop())
        ...                       # two requests fail as told, all later ones are answered
        assert upstream.count == 2

A behaviour is data plus one method. The server lives in its own thread: for synchronous and asynchronous tests.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

ANSWER = "pong from the scripted upstream"


class ClientGone(Exception):
    """The client hung up before its answer was complete."""


@dataclass
class Exchange:
    """One request on the wire, and the means to answer it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes = b""
    method: str = "POST"

    @property
    def is_stream(self) -> bool:
        return bool(self.body.get("stream"))

    async def answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(body).encode()
        self.head(status, {"Content-Type": "application/json", "Content-Length": str(len(raw)), **(headers or {})})
        self.writer.write(raw)
        await self.writer.drain()

    def head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def event(self, data: str) -> None:
        raw = f"data: {data}\n\n".encode()
        self.writer.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        await self.writer.drain()

    def start_stream(self) -> None:
        self.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})

    async def end_stream(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def pause(self, seconds: float | None) -> None:
        """Waits, None for ever; raises ClientGone as soon as the client hangs up."""
        try:
            received = await asyncio.wait_for(self.reader.read(1), seconds)
        except TimeoutError:
            return
        except ConnectionError:
            raise ClientGone from None
        assert not received, "a client sent more before it had its answer"
        raise ClientGone

    def hang_up(self) -> None:
        self.writer.transport.abort()


class Behaviour(Protocol):
    """What the upstream does with one request."""

    async def play(self, exchange: Exchange) -> None: ...


@dataclass(frozen=True)
class Ok:
    """An answer, plain, streamed or embedded as the request wants. Seconds: `delay_s` before it, `pause_s`
    between the chunks of a stream, `linger_s` from [DONE] to the end of the response."""

    text: str = ANSWER
    delay_s: float = 0.0
    pause_s: float = 0.0
    linger_s: float = 0.0

    async def play(self, exchange: Exchange) -> None:
        if self.delay_s:
            await exchange.pause(self.delay_s)
        if exchange.path.endswith("/models"):
            await exchange.answer(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})
        elif exchange.path.endswith("/embeddings"):
            await exchange.answer(200, _embedding(exchange.body))
        elif exchange.is_stream:
            await _stream(exchange, self)
        else:
            await exchange.answer(200, _completion(exchange.body, self.text))


@dataclass(frozen=True)
class Status:
    """An error answer with this status and these headers."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "scripted failure"

    async def play(self, exchange: Exchange) -> None:
        error = {"message": self.message, "type": "scripted_error", "param": None, "code": None}
        await exchange.answer(self.code, {"error": error}, self.headers)


@dataclass(frozen=True)
class Drop:
    """The connection is cut without an answer."""

    async def play(self, exchange: Exchange) -> None:
        exchange.hang_up()


@dataclass(frozen=True)
class Hang:
    """No answer, for as long as the client waits."""

    async def play(self, exchange: Exchange) -> None:
        await exchange.pause(None)


@dataclass(frozen=True)
class CutStream:
    """A stream whose connection is cut after `after` chunks."""

    after: int = 2

    async def play(self, exchange: Exchange) -> None:
        await _begin(exchange, self.after)
        exchange.hang_up()


@dataclass(frozen=True)
class TruncatedStream:
    """A stream that ends properly after `after` chunks, without a finish_reason and without [DONE]."""

    after: int = 2

    async def play(self, exchange: Exchange) -> None:
        await _begin(exchange, self.after)
        await exchange.end_stream()


@dataclass(frozen=True)
class StalledStream:
    """A stream that falls silent after `after` chunks, for as long as the client waits."""

    after: int = 2

    async def play(self, exchange: Exchange) -> None:
        await _begin(exchange, self.after)
        await exchange.pause(None)


def _envelope(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 1_700_000_000, "model": body.get("model", "")}


def _completion(body: dict[str, Any], text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {**_envelope(body, "chat.completion"), "choices": [choice], "usage": _usage(text)}


def _chunks(body: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    envelope = _envelope(body, "chat.completion.chunk")
    pieces = [piece for word in text.split() for piece in (word, " ")][:-1]
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}, *({"content": p} for p in pieces), {}]
    for delta in deltas:
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        yield {**envelope, "choices": [choice]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**envelope, "choices": [], "usage": _usage(text)}


def _usage(text: str) -> dict[str, int]:
    words = len(text.split())
    return {"prompt_tokens": 7, "completion_tokens": words, "total_tokens": 7 + words}


def _embedding(body: dict[str, Any]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}]
    return {"object": "list", "model": body.get("model", ""), "data": data, "usage": _usage("")}


async def _stream(exchange: Exchange, ok: Ok) -> None:
    exchange.start_stream()
    for chunk in _chunks(exchange.body, ok.text):
        await exchange.event(json.dumps(chunk))
        if ok.pause_s:
            await exchange.pause(ok.pause_s)
    await exchange.event("[DONE]")
    if ok.linger_s:
        await exchange.pause(ok.linger_s)
    await exchange.end_stream()


async def _begin(exchange: Exchange, count: int) -> None:
    exchange.start_stream()
    for chunk in list(_chunks(exchange.body, ANSWER))[:count]:
        await exchange.event(json.dumps(chunk))


class ScriptedUpstream:
    """The server: plays its script request by request, then `usual` for ever. `seen` are the requests.

    `number` is its own, for names that must not occur twice: a port may be given again.
    """

    _numbers = itertools.count(1)

    def __init__(self, usual: Behaviour | None = None) -> None:
        self.number = next(self._numbers)
        self.tls: Any = None  # an ssl.SSLContext
        self.usual: Behaviour = usual or Ok()
        self.seen: list[Exchange] = []
        self.disconnects = 0
        self.in_flight = self.most_in_flight = 0
        self._script: deque[Behaviour] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def script(self, *behaviours: Behaviour) -> None:
        """Queues behaviours, one for each of the next requests."""
        self._script.extend(behaviours)

    def forget(self) -> None:
        """Empties script and memory, for the next test."""
        self._script.clear()
        self.seen.clear()
        self.disconnects = 0

    @property
    def count(self) -> int:
        return len(self.seen)

    @property
    def url(self) -> str:
        """The base URL a provider row needs."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}/v1"

    def saw_disconnect(self, deadline_s: float = 10) -> bool:
        """Whether a client hung up before its answer was complete, or does so within the deadline."""
        deadline = time.monotonic() + deadline_s
        while not self.disconnects and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.disconnects > 0

    def __enter__(self) -> ScriptedUpstream:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (exchange := await _read(reader, writer)) and not writer.is_closing():
                await self._play(exchange)
        except (ClientGone, ConnectionError):
            self.disconnects += 1
        finally:
            writer.close()

    async def _play(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await (self._script.popleft() if self._script else self.usual).play(exchange)
        finally:
            self.in_flight -= 1


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange | None:
    """The next request of a connection, None when the client has closed it."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    request_line, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    is_form = headers.get("content-type", "").startswith("multipart/")
    body = json.loads(raw) if raw and not is_form else {}
    method, path = request_line.split()[:2]
    return Exchange(reader, writer, path, headers, body, raw, method)
