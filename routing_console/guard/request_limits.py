"""What requests to pages and REST may be: bodies only so large and only for so long, and no null characters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from routing_console.error_answers import FOR_PROGRAMS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
MB = 1024 * 1024
# Of who shows neither a key nor a session: enough to sign in.
STRANGERS_BYTES = 64 * 1024
CREDENTIALS = frozenset({b"authorization", b"cookie"})
NULL = "The address has a null character (%00), which nothing here has."


class Refused(Exception):
    """A request that is not read to its end."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class WithinLimits:
    """An application whose requests keep to them."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope = _without_nulls(scope)
            await self._behind(scope, _Body(scope, receive), send)
        except Refused as refused:
            await answer(refusal(scope["path"], refused.status, str(refused)), send)


def _without_nulls(scope: Scope) -> Scope:
    """A search of a page leaves them out, as browsers may paste them; programs are told."""
    if "\0" in scope["path"]:
        raise Refused(404, NULL)
    if b"\0" not in unquote_to_bytes(scope.get("query_string", b"")):
        return scope
    if scope["path"].startswith(FOR_PROGRAMS):
        raise Refused(400, NULL)
    return {**scope, "query_string": scope["query_string"].replace(b"%00", b"")}


class _Body:
    """Reads what comes, until it is too much or too late."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive, self._due_s = receive, asyncio.get_running_loop().time() + settings.BODY_DEADLINE_S
        is_known = any(name in CREDENTIALS for name, _ in scope["headers"])
        self._left = settings.MAX_REQUEST_MB * MB if is_known else min(STRANGERS_BYTES, settings.MAX_REQUEST_MB * MB)
        self._is_read = False

    async def __call__(self) -> MutableMapping[str, Any]:
        if self._is_read:  # until the caller leaves
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._due_s):
                event = await self._receive()
        except TimeoutError:
            why = f"The body did not arrive within {settings.BODY_DEADLINE_S:g} s (setting BODY_DEADLINE_S)."
            raise Refused(408, why) from None
        self._left -= len(event.get("body", b""))
        if self._left < 0:
            raise Refused(413, "This request is larger than MAX_REQUEST_MB allows, or than it may be without a key.")
        self._is_read = not event.get("more_body")
        return event


def refusal(path: str, status: int, why: str) -> HttpResponse:
    """In the shape of its reader."""
    if path.startswith(FOR_PROGRAMS):
        return JsonResponse({"detail": why}, status=status)
    return HttpResponse(why, status=status, content_type="text/plain; charset=utf-8")


async def answer(response: HttpResponse, send: Send) -> None:
    """Sends it without Django, and ends the connection, whose request may not be over."""
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    headers += [(b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
