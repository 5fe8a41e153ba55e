"""`/ws/runs/{run_id}/`: connects a socket and a view of a run. It decides nothing.

To a page, `live/patches.py`: `{"n": 1, "p": {id: {attribute: value}}, "s": {"at_ms", "end_ms", "status", "seeks",
"error"?, "next"?}}`, the first one whole, `s` when it has changed; `{"error": "why"}` for an invalid message. `seeks`
counts the messages with `seek_ms` so far: frames sent before a seek have a lower number. `next` is the id of the run
that continues this one after a change. A socket that is opened at a `seek_ms` in the future is silent until the run
gets there. From a page, `live/commands.py`: `{"ack": n}`, `{"speed": 1 | 5 | 10 | 20 | "max"}`, `{"pause": true}`,
`{"seek_ms": x}`, `{"mode": "ordered" | "weighted"}`, together or alone; all but `ack` also in the URL
(`?speed=10&seek_ms=0`); and `{"ping":true}`, exactly so, which is answered by `{"pong":true}`. To a
program, `?view=events`, `live/events.py`: `{"type": "stats" | "trace" | "done" | "failed" | "cancelled", ...}`. Rights
are checked again every half minute. Closed with 1000 at the end of events, 4400 (misuse), 4401 (not signed in), 4403
(not allowed), 4404 (no such run), 1011 (our error).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol, cast
from urllib.parse import parse_qs
from uuid import UUID

import structlog
from autobahn.exception import Disconnected
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path, re_path
from pydantic_core import to_json

from lib.ids import uuid_of
from tester.live.commands import BadCommand, ViewerCommand, command_in, command_in_query
from tester.live.events import EventView
from tester.live.frames import FrameStore, RunUnknown, WatchedRun
from tester.live.patches import PatchView
from tester.live.socket_rights import BROKEN, ENDED, MISUSED, NOT_FOUND, Closing, admit, admit_again

log = structlog.get_logger(__name__)

MOST_BAD_MESSAGES = 20
ADMIT_AGAIN_EVERY_S = 30.0
NO_RUN = "There is no run with this id."
DELETED = Closing(NOT_FOUND, "This run was deleted.")
TOO_MUCH = Closing(MISUSED, "Too many invalid messages.")
OURS = Closing(BROKEN, "Something went wrong here; the server's log has the details.")
OVER = Closing(ENDED, "The run has ended.")
# A page that hears nothing for a while asks whether the server is still there.
PING, PONG = '{"ping":true}', '{"pong":true}'
store = FrameStore()


class RunView(Protocol):
    """A viewer's view of a run."""

    def take(self, command: ViewerCommand) -> None: ...
    def messages(self) -> AsyncIterator[str]: ...


class RunConsumer(AsyncWebsocketConsumer):
    """One viewer of one run."""

    # A run is read from the database: with a channel layer each viewer would need a Redis connection.
    channel_layer_alias = "none"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._bad_messages = 0
        self._view: RunView | None = None
        async with AsyncExitStack() as self._until_left:
            await super().__call__(scope, receive, send)

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """As in Channels, but without a hop to the database thread for each message: acks need no database."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        # Accepted first, because a browser learns nothing about a refused handshake, not even its code.
        await self.accept()
        try:
            await self._open()
        except Closing as closing:
            await self._leave(closing)
        except Exception:
            log.exception("a run could not be shown")
            await self._leave(OURS)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._view is None:
            return
        if text_data == PING:
            await self.send(PONG)
            return
        try:
            self._view.take(command_in(text_data))
        except BadCommand as bad:
            await self._complain(bad)

    async def disconnect(self, code: int) -> None:
        await self._until_left.aclose()

    async def _open(self) -> None:
        await admit(self.scope)
        query = self.scope["query_string"].decode("latin-1")
        run_id = _run_id(self.scope["url_route"]["kwargs"]["run_id"])
        try:
            command, wake = command_in_query(query), asyncio.Event()
            watched = await self._until_left.enter_async_context(store.watch(run_id, wake))
        except BadCommand as bad:
            raise Closing(MISUSED, str(bad))
        except RunUnknown:
            raise Closing(NOT_FOUND, NO_RUN)
        self._view = _view(parse_qs(query), watched, wake, command)
        showing = asyncio.create_task(self._show(self._view, watched))
        for task in (showing, asyncio.create_task(self._keep_asking(showing))):
            self._until_left.callback(task.cancel)

    async def _show(self, view: RunView, watched: WatchedRun) -> None:
        """Sends frames or events until the viewer leaves."""
        try:
            async for message in view.messages():
                await self.send(message)
        except (OSError, Disconnected):
            return  # the viewer left during a send; daphne raises the second error
        except Exception:
            log.exception("a view of a run broke")
            await self._close(OURS)
        else:
            await self._close(DELETED if watched.buffer.is_gone else OVER)

    async def _keep_asking(self, showing: asyncio.Task[None]) -> None:
        """Closes the socket of a viewer who loses the right."""
        while not showing.done():
            await asyncio.sleep(ADMIT_AGAIN_EVERY_S)
            try:
                await admit_again(self.scope)
            except Closing as closing:
                showing.cancel()
                await self._close(closing)
                return
            except Exception as error:  # for example, the database is away: the next round tries again
                log.warning("the rights of a viewer could not be checked", error=str(error))

    async def _complain(self, bad: BadCommand) -> None:
        self._bad_messages += 1
        if self._bad_messages > MOST_BAD_MESSAGES:
            await self._leave(TOO_MUCH)
        else:
            await self._say_error(str(bad))

    async def _leave(self, why: Closing) -> None:
        self._view = None
        await self._until_left.aclose()
        await self._close(why)

    async def _close(self, why: Closing) -> None:
        if why.code != ENDED:  # as a message too, because Daphne does not pass the reason on
            await self._say_error(why.reason)
        await self.close(why.code, why.reason)

    async def _say_error(self, error: str) -> None:
        await self.send(to_json({"error": error}).decode())


def _run_id(text: str) -> UUID:
    found = uuid_of(text)
    if found is None:
        raise Closing(NOT_FOUND, NO_RUN)
    return found


def _view(query: Mapping[str, list[str]], watched: WatchedRun, wake: asyncio.Event, command: ViewerCommand) -> RunView:
    clock = asyncio.get_running_loop().time
    match query.get("view", ["patches"]):
        case ["patches"]:
            return PatchView(watched, wake, command, clock)
        case ["events"]:
            return EventView(watched, wake, clock)
    raise Closing(MISUSED, "view: this must be 'patches' or 'events'.")


async def nothing_here(scope: Any, receive: Any, send: Any) -> None:
    """Any other URL: the handshake is refused."""
    await receive()
    await send({"type": "websocket.close", "code": 1000})


websocket_urlpatterns: list[Any] = [
    path("ws/runs/<str:run_id>/", RunConsumer.as_asgi()),
    re_path(r"", cast(Any, nothing_here)),
]
