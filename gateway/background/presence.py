"""Says in the database that this process serves, and whether it shares its routing state."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from engine.shared.store import StateStore, StoreLink
from gateway.background.periodic import run_every
from usage.health import processes

TICK_S = 1.0


class Presence:
    """The sign of life of one process."""

    def __init__(
        self, process: UUID, store: StateStore, in_database_thread: Callable[[Callable[[], Any]], Awaitable[Any]]
    ) -> None:
        self._process, self._store, self._in_database_thread = process, store, in_database_thread
        self._said: tuple[StoreLink, bool] | None = None
        self.reads_keys = True
        self._said_s = 0.0

    async def run(self) -> None:
        """Says so until cancelled."""
        await run_every(self.say, every_s=TICK_S, failing="server process not listed")

    async def say(self) -> None:
        """Says so when it is time, or has changed."""
        link, now = self._store.link, time.monotonic()
        said = link, self.reads_keys
        if said == self._said and now - self._said_s < processes.SAID_EVERY_S:
            return
        await self._in_database_thread(partial(processes.say_alive, self._process, link=link, reads_keys=said[1]))
        self._said, self._said_s = said, now

    async def end(self) -> None:
        """The process ends."""
        await self._in_database_thread(partial(processes.say_ended, self._process))
