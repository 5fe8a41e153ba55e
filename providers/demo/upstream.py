"""A small OpenAI-compatible upstream for the demo, so that a newcomer without a key sees real requests routed.

Plain ASGI, mounted only in demo mode, under `/demo/upstream/{slug}/`: `v1/chat/completions`, `v1/embeddings`,
`v1/models`, and `settings` (GET, PUT; master key), which sets latency and failures while it runs.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import os
import random
import socket
import stat
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from django.conf import settings

from providers.demo import behaviour as demo_settings
from providers.demo import breaking, openai_bodies
from providers.demo.behaviour import DEMO_KEY, DROP, PROVIDERS, BadDemoSettings, DemoProvider, DemoSettings

PREFIX = "/demo/upstream/"
MAX_BODY = 8 * 1024 * 1024

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Refusal(Exception):
    """A request that ends in an error answer, in OpenAI's shape."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.retry_after_s = status, param, retry_after_s


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers one request; `scope["path"]` is the whole path, including the prefix."""
    try:
        await _answer(scope, receive, send)
    except _Refusal as refusal:
        wait = refusal.retry_after_s
        headers = [] if wait is None else [(b"retry-after", str(math.ceil(wait)).encode())]
        kind = "rate_limit_error" if refusal.status == 429 else "invalid_request_error"
        kind = "server_error" if refusal.status >= 500 else kind
        error = {"message": str(refusal), "type": kind, "param": refusal.param, "code": None}
        await _send_json(send, {"error": error}, status=refusal.status, headers=headers)


async def _answer(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    slug, _, route = scope["path"].removeprefix(PREFIX).partition("/")
    demo = PROVIDERS.get(slug)
    if demo is None:
        raise _Refusal(404, f"No demo provider {slug!r}; there are {', '.join(PROVIDERS)}.")
    match scope["method"], route:
        case "GET" | "PUT", "settings":
            _check_bearer(scope, settings.MASTER_KEY)
            await _send_json(send, await _settings(demo, scope["method"], receive))
        case ("GET", "v1/models") | ("POST", "v1/chat/completions" | "v1/embeddings"):
            _check_bearer(scope, DEMO_KEY)
            await _serve(demo, route, scope, receive, send)
        case _:
            raise _Refusal(404, f"The demo upstream has no {scope['method']} {scope['path']}.")


async def _settings(demo: DemoProvider, method: str, receive: Receive) -> dict[str, Any]:
    if method == "PUT":
        try:
            demo_settings.store(demo, demo_settings.parse(demo, await _read_json(receive)))
        except BadDemoSettings as error:
            raise _Refusal(400, str(error)) from None
    return asdict(demo_settings.current(demo))


async def _serve(demo: DemoProvider, route: str, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    now = breaking.behaviour_at(demo, now=time.time())
    body = {} if route == "v1/models" else await _read_request(receive)
    await asyncio.sleep(max(0.0, now.latency_ms + _rng.uniform(-now.jitter_ms, now.jitter_ms)) / 1000)
    if _rng.random() < now.failure_rate:
        await _fail(demo, now, scope, receive)
        return
    try:
        if route == "v1/models":
            await _send_json(send, openai_bodies.models(demo))
        elif route == "v1/embeddings":
            await _send_json(send, openai_bodies.embeddings(body))
        elif body.get("stream"):
            await _stream(demo, now, body, receive, send)
        else:
            await _send_json(send, openai_bodies.completion(demo, body, _rng))
    except openai_bodies.BadRequest as error:
        raise _Refusal(400, str(error), param=error.param) from None


async def _fail(demo: DemoProvider, now: DemoSettings, scope: MutableMapping[str, Any], receive: Receive) -> None:
    if now.failure_status != DROP:
        reason = f"{demo.name} was told to fail (demo setting)."
        raise _Refusal(now.failure_status, reason, retry_after_s=now.retry_after_s)
    _hang_up(scope["client"])
    while (await receive())["type"] != "http.disconnect":
        pass


def _hang_up(client: tuple[str, int] | list[Any]) -> None:
    """Cuts the client's connection underneath the server: ASGI has no way to hang up.

    It shuts down the process's socket that is connected to the client; the server sees a lost connection, as with a
    crashed provider.
    """
    for fd in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            candidate = socket.socket(fileno=fd)
            try:
                if candidate.getpeername()[:2] == tuple(client):
                    candidate.shutdown(socket.SHUT_RDWR)
            finally:
                candidate.detach()


async def _stream(demo: DemoProvider, now: DemoSettings, body: dict[str, Any], receive: Receive, send: Send) -> None:
    chunks = list(openai_bodies.chunks(demo, body, _rng))
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.ensure_future(receive())
    try:
        for chunk in chunks:
            await send({"type": "http.response.body", "body": _event(json.dumps(chunk)), "more_body": True})
            if (await asyncio.wait({gone}, timeout=now.chunk_ms / 1000))[0]:
                return
        await send({"type": "http.response.body", "body": _event("[DONE]"), "more_body": False})
    finally:
        gone.cancel()


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def _check_bearer(scope: MutableMapping[str, Any], key: str) -> None:
    given = dict(scope["headers"]).get(b"authorization", b"")
    if not hmac.compare_digest(given, f"Bearer {key}".encode()):
        raise _Refusal(401, "Incorrect API key provided.")


async def _read_request(receive: Receive) -> dict[str, Any]:
    body = await _read_json(receive)
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise _Refusal(400, "Send a JSON object with a 'model'.", param="model")
    return body


async def _read_json(receive: Receive) -> Any:
    raw = bytearray()
    while True:
        message = await receive()
        raw += message.get("body", b"")
        if len(raw) > MAX_BODY:
            raise _Refusal(413, f"The demo upstream takes at most {MAX_BODY} bytes.")
        if not message.get("more_body", False):
            break
    try:
        return json.loads(raw)
    except ValueError:
        raise _Refusal(400, "The body is not valid JSON.") from None


async def _send_json(
    send: Send, body: dict[str, Any], *, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    raw = json.dumps(body).encode()
    fixed = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *(headers or [])]})
    await send({"type": "http.response.body", "body": raw})


_rng = random.Random()  # noqa: S311  (canned answers, not secrets)
