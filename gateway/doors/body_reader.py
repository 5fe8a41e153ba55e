"""The body of a request as it arrives: only so large, only for so long, and only so much of all requests together."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any

from django.conf import settings

from engine.upstreams.time_limits import within
from gateway.openai import ApiError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
MB = 1024 * 1024


class ClientLeft(Exception):
    """The caller hung up before its request was complete."""


class Room:
    """The bytes that one request holds of what all requests of this process may hold; free again when left."""

    __slots__ = ("_bytes",)
    held = 0

    def __init__(self) -> None:
        self._bytes = 0

    def __enter__(self) -> Room:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        Room.held -= self._bytes

    def take(self, size: int) -> None:
        """Raises ApiError 413 or 503; what comes next may be smaller."""
        if self._bytes + size > settings.MAX_REQUEST_MB * MB:
            raise _closing(413, f"The body is larger than {settings.MAX_REQUEST_MB} MB (setting MAX_REQUEST_MB).")
        if Room.held + size > settings.MAX_BUFFERED_MB * MB:
            why = "The bodies of all requests together are larger than MAX_BUFFERED_MB. Try again in a moment."
            raise _closing(503, why, code="busy", retry_after=b"1")
        self._bytes += size
        Room.held += size


async def whole(receive: Receive, room: Room) -> bytes:
    """Raises ApiError 408, 413, 503, and ClientLeft."""
    parts = []
    try:
        with within(settings.BODY_DEADLINE_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeft
                room.take(len(part := message.get("body", b"")))
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts) if len(parts) > 1 else part
    except TimeoutError:
        raise _late() from None


async def pieces(receive: Receive) -> AsyncGenerator[bytes]:
    """A body that goes on as it arrives, never whole in memory; raises as `whole` does."""
    left = settings.MAX_REQUEST_MB * MB
    while (message := await _next(receive))["type"] != "http.disconnect":
        piece = message.get("body", b"")
        left -= len(piece)
        if left < 0:
            raise _closing(413, f"The body is larger than {settings.MAX_REQUEST_MB} MB (setting MAX_REQUEST_MB).")
        yield piece
        if not message.get("more_body"):
            return
    raise ClientLeft


async def _next(receive: Receive) -> MutableMapping[str, Any]:
    try:
        with within(settings.BODY_DEADLINE_S):
            return await receive()
    except TimeoutError:
        raise _late() from None


def _late() -> ApiError:
    why = f"The body did not arrive within {settings.BODY_DEADLINE_S:g} s (setting BODY_DEADLINE_S)."
    return _closing(408, why, code="body_timeout")


def _closing(status: int, why: str, *, code: str | None = None, retry_after: bytes = b"") -> ApiError:
    """Of a request whose body is not read to its end: the connection is of no more use."""
    headers = [(b"connection", b"close"), *([(b"retry-after", retry_after)] if retry_after else [])]
    return ApiError(status, why, code=code, headers=headers)
