"""Pages and REST while the database is away: a 503 at once, also for who waits for it already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from lib.database_link import link
from routing_console.error_answers import database_away
from routing_console.guard.request_limits import answer
from routing_console.transfer.file_addresses import STATIC

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
LOOKS_EVERY_S = 0.25


class UnlessAway:
    """An application that needs the database, but for files."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        if scope["path"].startswith(STATIC):
            await self._behind(scope, receive, send)
        elif not link.may_be_asked:
            await _refuse(scope["path"], send)
        else:
            await self._watched(scope, receive, send)

    async def _watched(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        """A view that waits for a silent database is left alone in its thread, and its caller answered."""
        caller = _Answer(send)
        work = asyncio.ensure_future(self._behind(scope, receive, caller))
        try:
            while not (await asyncio.wait({work}, timeout=LOOKS_EVERY_S))[0]:
                if link.is_away and not caller.has_begun:
                    caller.is_left = True
                    work.add_done_callback(_let_go)
                    await _refuse(scope["path"], send)
                    return
            work.result()
        finally:
            if not caller.is_left:
                work.cancel()


class _Answer:
    """The way to the caller, until somebody else has answered."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = self.is_left = False

    async def __call__(self, event: MutableMapping[str, Any]) -> None:
        if not self.is_left:
            self.has_begun = True
            await self._send(event)


def _let_go(work: asyncio.Future[None]) -> None:
    if not work.cancelled():
        work.exception()


async def _refuse(path: str, send: Send) -> None:
    await answer(await asyncio.to_thread(database_away, path), send)
