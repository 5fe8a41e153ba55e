"""The hot routes as plain ASGI, answered before Django: no sessions, no CSRF, no middleware.

Bytes in, bytes out; `doors/` knows paths, headers and shapes of errors, `pipeline.py` handles a request.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from functools import partial
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import InterfaceError, OperationalError
from pydantic_core import to_json

from engine.outcomes import CLIENT_LEFT
from engine.upstreams.call import Stream
from engine.upstreams.time_limits import time_limits
from gateway import live, pipeline
from gateway.admission.key_rights import authenticate
from gateway.background.shutdown import ending
from gateway.doors import cors, error_shapes, metrics_page, offered_models, request_lines
from gateway.doors.body_reader import ClientLeft, Room, pieces, whole
from gateway.doors.form_reader import FormReader, read_form
from gateway.doors.incoming import Incoming, incoming
from gateway.doors.paths import Asks, not_served, refuses_socket, way_of
from gateway.exchange import Exchange
from gateway.keeping import reading_kept
from gateway.live import Live
from gateway.openai import ApiError, Headers, database_away
from usage.metrics.declared import UNAUTHORIZED
from usage.metrics.summing import sums

READY_WITHIN_S = 2.0
LOOKS_AFTER_S = 0.1


async def readiness(serving: Live) -> tuple[int, bytes]:
    """200 while there is a configuration to serve, even an old one: requests need nothing else. Not once it stops."""
    why = serving.refusal or "not loaded yet, which takes the database"
    failing = {} if serving.is_loaded else {"configuration": why}
    return _ready(serving, failing | ({"process": "is stopping"} if ending.is_near else {}))


async def console_readiness(serving: Live) -> tuple[int, bytes]:
    """200 while pages and REST work too, with the newest configuration; else 503 with what is missing."""
    names = {"database": serving.refresh, "channel_layer": _channel_layer}
    return _ready(serving, {name: why for name, check in names.items() if (why := await _why_not(check))})


def _ready(serving: Live, failing: dict[str, str]) -> tuple[int, bytes]:
    body = {"status": "unavailable" if failing else "ready", "groups": len(serving.routing), "failing": failing}
    return (503 if failing else 200), to_json(body)


async def _why_not(check: Callable[[], Awaitable[None]]) -> str | None:
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            await check()
    except TimeoutError:
        return f"no answer within {READY_WITHIN_S:g} s"
    except Exception as error:  # any error means "not ready"
        return type(error).__name__
    return None


async def _channel_layer() -> None:
    layer = get_channel_layer()
    name = f"readyz.{uuid.uuid4().hex}"
    await layer.send(name, {"type": "ready"})
    await layer.receive(name)


log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON: Headers = [(b"content-type", b"application/json")]
EVENTS: Headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


class Gateway:
    """Serves the gateway's routes and passes others to the application behind it."""

    def __init__(self, behind: App) -> None:
        self._behind = behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] == "websocket" and refuses_socket(scope["path"]):
            await _refuse_socket(scope, receive, send)
            return
        serving = await live.start()
        way = way_of(scope["path"], scope["method"]) if scope["type"] == "http" else None
        if way is not None:
            request = incoming(way, scope["path"], scope["headers"], scope.get("query_string", b""), _peer(scope))
            request_lines.begin(request)
            await _answer(serving, request, scope["method"], receive, send)
        elif scope["type"] == "http":
            await request_lines.answer_page(self._behind, scope, receive, send)
        else:
            await self._behind(scope, receive, send)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


async def _refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """A 404 like that of any other request; where the server can't, 403 without words."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    request = incoming(not_served("GET", scope["path"]), scope["path"], scope["headers"])
    error = _not_here(request, "GET")
    headers = [*error.headers, *error_shapes.ids(request.request_id, is_anthropic=False)]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": error.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await live.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await live.stop()
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(serving: Live, request: Incoming, method: str, receive: Receive, send: Send) -> None:
    headers = error_shapes.ids(request.request_id, is_anthropic=request.is_anthropic)
    headers += cors.answer_headers(settings.CORS_ORIGINS, request.headers.get(b"origin"))
    try:
        if method == "OPTIONS":
            await _options(request, headers, send)
        elif method not in request.way.methods:
            raise _not_here(request, method)
        elif request.way.asks is Asks.ANSWER:
            await _answer_call(serving, request, headers, receive, send)
        elif request.way.asks is Asks.COUNT:
            await _count(serving, request, headers, receive, send)
        elif request.way.asks is Asks.METRICS:
            kind, text = await metrics_page.read(serving, request)
            kinds = [(b"content-type", kind.encode())]
            await _send(send, 200, kinds + headers, b"" if method == "HEAD" else text, len(text))
        elif request.way.asks is Asks.STORED:
            await _unless_caller_leaves(partial(_read_kept, serving, request, method, headers, send), receive)
        else:
            status, body = await SIMPLE[request.way.asks](serving, request)
            await _send(send, status, JSON + headers, b"" if method == "HEAD" else body, len(body))
    except ApiError as error:
        if error.status == 401:
            sums.add(UNAUTHORIZED)
        await _fail(request, error, headers, send)
    except ClientLeft:
        request.status = CLIENT_LEFT
    except (OperationalError, InterfaceError):
        await _fail(request, database_away(), headers, send)
    except Exception:
        log.exception("request failed", endpoint=request.way.endpoint)
        failure = ApiError(500, "The gateway failed on this request; its log says why.", code="internal_error")
        await _fail(request, failure, headers, send)
    finally:
        request_lines.write(request, method)


async def _count(serving: Live, request: Incoming, headers: Headers, receive: Receive, send: Send) -> None:
    await pipeline.check_key(serving, request)
    with Room() as room:
        counted = await pipeline.count(serving, request, await whole(receive, room))
    await _send(send, 200, JSON + headers, counted)


async def _answer_call(serving: Live, request: Incoming, headers: Headers, receive: Receive, send: Send) -> None:
    serving.in_flight += 1
    try:
        await _call(serving, request, headers, receive, send)
    finally:
        serving.in_flight -= 1


async def _call(serving: Live, request: Incoming, headers: Headers, receive: Receive, send: Send) -> None:
    """The key first: a body is read only of who has one. What it may do is asked with the request, which is logged."""
    if not request.way.is_form:
        await authenticate(serving, request.key, request)
        with Room() as room:
            raw = await whole(receive, room)
            await _unless_caller_leaves(partial(_serve, serving, request, raw, headers, send), receive)
        return
    await pipeline.check_key(serving, request)
    kind = request.headers.get(b"content-type", b"")
    form = await read_form(kind, request.encoding, pieces(receive), request.way.model)
    try:
        await _unless_caller_leaves(partial(_serve, serving, request, form, headers, send), receive)
    finally:
        form.upload.close()


async def _options(request: Incoming, headers: Headers, send: Send) -> None:
    """What a browser asks before it calls; without a key, because it sends none."""
    asked = request.headers.get(b"access-control-request-headers", b"")
    await _send(send, 204, [*headers, *cors.preflight_headers(headers, asked), _allow(request)], b"")


def _not_here(request: Incoming, method: str) -> ApiError:
    if request.way.asks is Asks.NOTHING:
        return ApiError(404, request.way.why, code="not_served" if request.way.is_known else "unknown_url")
    return ApiError(405, f"{method} is not possible here.", code="method_not_allowed", headers=[_allow(request)])


def _allow(request: Incoming) -> tuple[bytes, bytes]:
    return b"allow", ", ".join((*request.way.methods, "OPTIONS")).encode()


async def _fail(request: Incoming, error: ApiError, headers: Headers, send: Send) -> None:
    request.status = error.status
    body = error_shapes.body_of(error, request.request_id, is_anthropic=request.is_anthropic)
    await _send(send, error.status, [*error.headers, *headers], body)


async def _serve(
    serving: Live, request: Incoming, raw: bytes | FormReader, named: Headers, send: Send, watch: _Watch
) -> None:
    exchange, headers = await pipeline.serve(serving, request, raw)
    if not isinstance(exchange.result, Stream):
        assert exchange.result is not None  # noqa: S101  # serve() raises otherwise
        kind = [(b"content-type", exchange.result.content_type)]
        await _send(send, 200, kind + headers + named, exchange.result.body)
        return
    kind = [(b"content-type", exchange.result.kind)] if exchange.result.kind else EVENTS
    await send({"type": "http.response.start", "status": 200, "headers": kind + headers + named})
    await _send_events(exchange, exchange.result, send, watch)


async def _read_kept(serving: Live, request: Incoming, method: str, named: Headers, send: Send, watch: _Watch) -> None:
    headers, body = await reading_kept.ask(serving, request, method)
    if isinstance(body, bytes):
        await _send(send, 200, JSON + headers + named, body)
        return
    await send({"type": "http.response.start", "status": 200, "headers": EVENTS + headers + named})
    async with aclosing(body) as events:
        async for event in events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send_events(exchange: Exchange, result: Stream, send: Send, watch: _Watch) -> None:
    """The last event ends the body, too: one write less. What is left to do then, nobody has to wait for."""
    has_more = True
    async with aclosing(pipeline.stream(exchange)) as chunks:
        async for chunk in chunks:
            if has_more:
                if result.is_complete:
                    has_more = False
                    watch.rest()
                await send({"type": "http.response.body", "body": chunk, "more_body": has_more})
    if exchange.is_cut:  # unfinished, so that the server cuts the connection (see `daphne_requests.py`)
        await send({"type": "http.response.body", "body": b"", "more_body": True, "is_cut": True})
    elif has_more:
        await send({"type": "http.response.body", "body": b""})


class _Watch:
    """Cancels the task that made it, with its upstream call, when the caller hangs up.

    It is a `TimeLimit`, and looks from LOOKS_AFTER_S on: most answers are there before, and a task that looks is a good
    part of their cost.
    """

    __slots__ = ("_has_left", "_limits", "_looking", "_receive", "_working", "due_s", "is_open")
    is_open: bool

    def __init__(self, working: asyncio.Task[None], receive: Receive) -> None:
        self._working, self._receive = working, receive
        self._looking: asyncio.Task[None] | None = None
        self._has_left = False
        self._limits = time_limits()
        self.due_s = working.get_loop().time() + LOOKS_AFTER_S
        self._limits.add(self)

    @property
    def is_why(self) -> bool:
        """Whether the task was cancelled because of the caller, and nobody else wants it to end."""
        return self._has_left and self._working.cancelling() == 1

    def rest(self) -> None:
        """Looks no more: the caller has all of its answer."""
        self._limits.drop(self)
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None  # it has its own error, and with that this object

    def end(self) -> None:
        """The work has ended."""
        self.rest()
        if self._has_left:
            self._working.uncancel()

    def expire(self) -> None:
        """It is time to look."""
        self._looking = self._working.get_loop().create_task(self._until_left())

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_left = self._working.cancel()


async def _unless_caller_leaves(work: Callable[[_Watch], Awaitable[None]], receive: Receive) -> None:
    """Does the work, or less of it if the caller leaves meanwhile."""
    working = asyncio.current_task()
    assert working is not None  # noqa: S101  # a coroutine runs in a task
    watch = _Watch(working, receive)
    try:
        await work(watch)
    except asyncio.CancelledError:
        if not watch.is_why:
            raise
    finally:
        watch.end()


async def _models(serving: Live, request: Incoming) -> tuple[int, bytes]:
    return 200, await offered_models.models(serving, request)


async def _model(serving: Live, request: Incoming) -> tuple[int, bytes]:
    return 200, await offered_models.model(serving, request)


async def _health(serving: Live, request: Incoming) -> tuple[int, bytes]:
    return 200, b'{"status":"ok"}'


async def _readiness(serving: Live, request: Incoming) -> tuple[int, bytes]:
    return await readiness(serving)


async def _console_readiness(serving: Live, request: Incoming) -> tuple[int, bytes]:
    return await console_readiness(serving)


SIMPLE: dict[Asks, Callable[[Live, Incoming], Awaitable[tuple[int, bytes]]]] = {
    Asks.MODELS: _models,
    Asks.MODEL: _model,
    Asks.HEALTH: _health,
    Asks.READINESS: _readiness,
    Asks.CONSOLE_READINESS: _console_readiness,
}


async def _send(send: Send, status: int, headers: Headers, body: bytes, size: int | None = None) -> None:
    length = (b"content-length", str(len(body) if size is None else size).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
