"""What Daphne's HTTP requests lack here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from daphne import http_protocol, server
from django.conf import settings
from twisted.internet.defer import Deferred

from gateway.background.shutdown import ending
from gateway.live import is_idle

CUT = "is_cut"
# Until they are on their way to the caller.
LAST_BYTES_S = 0.1


class DaphneRequest(http_protocol.WebRequest):
    """A request whose form nobody reads but the application, and an answer that can be cut.

    Twisted reads forms whole, into memory, and answers those that it can't read with a bare 400.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "parsePOSTFormSubmission": False})

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Uvicorn cuts an answer that its application leaves unfinished; Daphne would leave it open."""
        super().handle_reply(message)
        if message.get(CUT) and self.channel is not None:
            self.loseConnection()


def use() -> None:
    """Daphne makes its requests of this class from now on, and lets those under way finish when it is stopped."""
    http_protocol.WebRequest = DaphneRequest
    kill, listening = server.Server.kill_all_applications, server.Server.listen_success

    def listen_success(self: Any, port: Any) -> None:
        self.ports = [*getattr(self, "ports", []), port]
        listening(self, port)

    def finish(self: Any) -> Any:
        """It would cut all answers at once."""
        for port in getattr(self, "ports", []):
            port.stopListening()
        return Deferred.fromFuture(asyncio.ensure_future(_finish(self, kill)))

    server.Server.listen_success, server.Server.kill_all_applications = listen_success, finish


async def _finish(of: Any, kill: Callable[[Any], Any]) -> None:
    await ending.finish(is_idle, settings.SHUTDOWN_GRACE_S)
    await asyncio.sleep(LAST_BYTES_S)
    killed = kill(of)
    if killed is not None:
        await killed.asFuture(asyncio.get_running_loop())
