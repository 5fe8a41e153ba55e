"""The floor: an ASGI application that forwards a request and its answer, and does nothing else.

Run by `uvicorn bench.passthrough:app`, with the upstream's base URL in BENCH_UPSTREAM.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

UPSTREAM = os.environ.get("BENCH_UPSTREAM", "")
_client: aiohttp.ClientSession | None = None


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["method"] == "GET":  # "are you there?"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {"content-type": "application/json", "authorization": "Bearer bench"}
    async with client().post(UPSTREAM + scope["path"].removeprefix("/v1"), data=body, headers=headers) as answer:
        kept = [(b"content-type", answer.headers["content-type"].encode())]
        if "content-length" in answer.headers:
            kept.append((b"content-length", answer.headers["content-length"].encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": kept})
        async for piece in answer.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def client() -> aiohttp.ClientSession:
    """One session with its connections for the whole process; made inside the running loop."""
    global _client
    if _client is None:
        _client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    return _client
