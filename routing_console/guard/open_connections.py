"""What uvicorn does not limit: how many connections a process has, and how long the head of a request may take.

Its answer to what it can't read is text; clients of an API expect an error in JSON, as they get for all else.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from django.conf import settings

from gateway.background.shutdown import ending
from gateway.openai import ApiError

REASONS = {400: b"Bad Request", 503: b"Service Unavailable"}


def _closing(error: ApiError) -> bytes:
    """The last answer of a connection."""
    headers = [*error.headers, (b"connection", b"close"), (b"content-length", str(len(error.body)).encode())]
    lines = [b"HTTP/1.1 %d %b" % (error.status, REASONS[error.status]), *(b"%b: %b" % pair for pair in headers)]
    return b"\r\n".join([*lines, b"", error.body])


FULL = _closing(
    ApiError(
        503,
        "This process has MAX_CONNECTIONS connections. Try again in a second.",
        code="too_many_connections",
        headers=[(b"retry-after", b"1")],
    )
)
UNREADABLE = _closing(
    ApiError(
        400,
        "This is no HTTP request that can be read: is its address longer than 64 KB, or is it HTTPS, sent to HTTP?",
        code="unreadable_request",
    )
)
KINDS = {
    "uvicorn.protocols.http.httptools_impl": "HttpToolsProtocol",
    "uvicorn.protocols.http.h11_impl": "H11Protocol",
}


def use() -> None:
    """Uvicorn limits its connections from now on; nothing without uvicorn."""
    if "uvicorn" not in sys.modules:
        return
    for module, name in KINDS.items():
        with suppress(ImportError):  # one of them is enough
            if not hasattr(kind := getattr(import_module(module), name), "head_timer"):
                _limit(kind)


def use_grace() -> None:
    """Uvicorn gives notice when it is asked to stop, and then begins the end of what is under way: it would close
    connections at once, with requests in them that nobody has read, and wait for a stream for ever."""
    if "uvicorn" not in sys.modules:
        return
    server = import_module("uvicorn.server").Server
    stop = server.shutdown

    async def shutdown(self: Any, sockets: Any = None) -> None:
        if signal.SIGINT not in self._captured_signals:  # somebody waits at the keyboard
            self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
            await ending.give_notice(settings.SHUTDOWN_NOTICE_S, is_urgent=lambda: self.force_exit)
        ending.begin(settings.SHUTDOWN_GRACE_S)
        await stop(self, sockets)

    server.shutdown = shutdown


def _limit(kind: Any) -> None:
    made, received, lost = kind.connection_made, kind.data_received, kind.connection_lost

    def connection_made(self: Any, transport: Any) -> None:
        made(self, transport)
        if len(self.connections) > settings.MAX_CONNECTIONS:
            transport.write(FULL)
            transport.close()
        else:
            self.head_timer = self.loop.call_later(settings.HEAD_DEADLINE_S, _expire, self)

    def data_received(self: Any, data: bytes) -> None:
        received(self, data)
        if _has_request(self):
            if self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None
        elif self.head_timer is None:
            self.head_timer = self.loop.call_later(settings.HEAD_DEADLINE_S, _expire, self)

    def send_400_response(self: Any, _: str) -> None:
        self.transport.write(UNREADABLE)
        self.transport.close()

    def connection_lost(self: Any, error: Exception | None) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
        lost(self, error)

    kind.head_timer = None
    kind.connection_made, kind.data_received, kind.connection_lost = connection_made, data_received, connection_lost
    kind.send_400_response = send_400_response


def _has_request(protocol: Any) -> bool:
    return protocol.cycle is not None and not protocol.cycle.response_complete


def _expire(protocol: Any) -> None:
    """Closes a connection that waits for a head; not one that is idle, has a request, or became a socket."""
    protocol.head_timer = None
    is_idle = protocol.timeout_keep_alive_task is not None
    if protocol in protocol.connections and not is_idle and not _has_request(protocol):
        protocol.transport.close()
