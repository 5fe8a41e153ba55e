"""The hot routes as plain ASGI, answered before Django: no sessions, no CSRF, no middleware.

Bytes in, bytes out; `pipeline.py` handles a request, `openai.py` has the shape of errors.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from contextlib import aclosing
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from pydantic_core import to_json

from engine.upstreams.call import Endpoint, Stream
from gateway import live, pipeline
from gateway.live import Live
from gateway.openai import ApiError, Headers

READY_WITHIN_S = 2.0


async def readiness(serving: Live) -> tuple[int, bytes]:
    """200 when database, channel layer and routers are usable, else 503 with the missing ones."""
    names = {"database": serving.refresh, "channel_layer": _channel_layer, "routers": lambda: _routers(serving)}
    failing = {name: why for name, check in names.items() if (why := await _why_not(check))}
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


async def _routers(serving: Live) -> None:
    if not serving.is_fresh:
        raise RuntimeError("the configuration is not loaded")


log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ENDPOINTS: dict[str, Endpoint] = {"/v1/chat/completions": "chat/completions", "/v1/embeddings": "embeddings"}
JSON: Headers = [(b"content-type", b"application/json")]
EVENTS: Headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


class ClientLeft(Exception):
    """The caller hung up before its request was complete."""


class Gateway:
    """Serves the gateway's routes and passes others to the application behind it."""

    def __init__(self, behind: App) -> None:
        self._behind = behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        await live.start()
        path = scope.get("path", "")
        if scope["type"] == "http" and (path in ENDPOINTS or path in SIMPLE):
            await _answer(scope, receive, send)
        else:
            await self._behind(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await live.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await live.stop()
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    path, method = scope["path"], scope["method"]
    try:
        if method != ("POST" if path in ENDPOINTS else "GET"):
            raise ApiError(405, f"{method} is not possible here.", code="method_not_allowed")
        if path in ENDPOINTS:
            raw = await _body(receive)
            work = _serve(ENDPOINTS[path], _key(scope), raw, _header(scope, b"content-encoding"), send)
            await _unless_caller_leaves(work, receive)
        else:
            await SIMPLE[path](scope, send)
    except ApiError as error:
        await _send(send, error.status, error.headers, error.body)
    except ClientLeft:
        return
    except Exception:
        log.exception("request failed", path=path)
        failure = ApiError(500, "The gateway failed on this request; its log says why.", code="internal_error")
        await _send(send, failure.status, failure.headers, failure.body)


async def _serve(endpoint: Endpoint, key: str, raw: bytes, encoding: str, send: Send) -> None:
    exchange, headers = await pipeline.serve(await live.start(), endpoint, key, raw, encoding)
    if not isinstance(exchange.result, Stream):
        assert exchange.result is not None  # noqa: S101  # serve() raises otherwise
        await _send(send, 200, JSON + headers, exchange.result.body)
        return
    await send({"type": "http.response.start", "status": 200, "headers": EVENTS + headers})
    async with aclosing(pipeline.stream(exchange)) as chunks:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _unless_caller_leaves(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Runs the work, and cancels it with its upstream call as soon as the caller hangs up."""
    serving, leaving = asyncio.create_task(work), asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((serving, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not serving.done():
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    if not serving.cancelled():
        serving.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    limit, parts, size = settings.MAX_REQUEST_MB * 1024 * 1024, [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise ApiError(413, f"The body is larger than {settings.MAX_REQUEST_MB} MB (setting MAX_REQUEST_MB).")
        if not message.get("more_body"):
            return b"".join(parts)


def _key(scope: Scope) -> str:
    scheme, _, key = _header(scope, b"authorization").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


async def _models(scope: Scope, send: Send) -> None:
    await _send(send, 200, JSON, await pipeline.models(await live.start(), _key(scope)))


async def _healthz(scope: Scope, send: Send) -> None:
    await _send(send, 200, JSON, b'{"status":"ok"}')


async def _readyz(scope: Scope, send: Send) -> None:
    status, body = await readiness(await live.start())
    await _send(send, status, JSON, body)


SIMPLE: dict[str, Callable[[Scope, Send], Awaitable[None]]] = {
    "/v1/models": _models,
    "/healthz": _healthz,
    "/readyz": _readyz,
}


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
