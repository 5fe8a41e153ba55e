"""Follows the watched runs: one follower per run in this process, for any number of viewers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog

from tester.live import stored_frames
from tester.live.frame_buffer import FrameBuffer, RunUpdate
from tester.live.pictures import Pictures

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.1
AFTER_TROUBLE_S = 1.0


class RunUnknown(Exception):
    """There is no run with this id."""


class Source(Protocol):
    """Where runs are read from."""

    async def frame_buffer_of(self, run_id: UUID) -> FrameBuffer | None: ...
    async def news_of(self, run_id: UUID, after: int) -> RunUpdate | None: ...


class Database:
    """The rows of this installation, written by the processes of the runs."""

    async def frame_buffer_of(self, run_id: UUID) -> FrameBuffer | None:
        return await stored_frames.in_database_thread(stored_frames.frame_buffer_of, run_id)

    async def news_of(self, run_id: UUID, after: int) -> RunUpdate | None:
        return await stored_frames.in_database_thread(stored_frames.news_of, run_id, after)


@dataclass(slots=True)
class WatchedRun:
    """A watched run: its frames, their pictures, and the viewers to wake on news."""

    buffer: FrameBuffer
    pictures: Pictures
    viewers: set[asyncio.Event] = field(default_factory=set)

    def wake(self) -> None:
        """There is news."""
        for viewer in self.viewers:
            viewer.set()


class FrameStore:
    """The watched runs of this process. Runs that have ended, or have no viewers, are not read."""

    def __init__(self, source: Source | None = None, rest: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._source = source or Database()
        self._rest = rest
        self._followers: dict[UUID, _Follower] = {}

    @asynccontextmanager
    async def watch(self, run_id: UUID, wake: asyncio.Event) -> AsyncIterator[WatchedRun]:
        """The run, up to date on entry; `wake` is set on every update. Raises RunUnknown."""
        follower = self._followers.get(run_id)
        if follower is None:
            follower = self._followers[run_id] = _Follower(run_id, self._source, self._rest)
        follower.count += 1
        try:
            watched = await follower.watched()
            watched.viewers.add(wake)
            try:
                yield watched
            finally:
                watched.viewers.discard(wake)
        finally:
            follower.count -= 1
            if not follower.count:
                self._followers.pop(run_id).stop()

    @property
    def followed(self) -> frozenset[UUID]:
        """The runs with viewers."""
        return frozenset(self._followers)


class _Follower:
    """Reads one run for all its viewers, until it has ended."""

    def __init__(self, run_id: UUID, source: Source, rest: Callable[[float], Awaitable[None]]) -> None:
        self.count = 0
        self._run_id, self._source, self._rest = run_id, source, rest
        self._ready: asyncio.Future[WatchedRun] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._follow())

    async def watched(self) -> WatchedRun:
        """The run, after all its stored frames have been read."""
        return await asyncio.shield(self._ready)

    def stop(self) -> None:
        """The last viewer has left."""
        self._task.cancel()
        self._ready.cancel()

    async def _follow(self) -> None:
        try:
            buffer = await self._source.frame_buffer_of(self._run_id)
            if buffer is None:
                raise RunUnknown
            watched = WatchedRun(buffer, Pictures(buffer))
            await self._catch_up(watched)
        except Exception as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(watched)
        while not buffer.is_over:
            await self._rest(LOOK_EVERY_S)
            await self._look_again(watched)

    async def _look_again(self, watched: WatchedRun) -> None:
        try:
            await self._catch_up(watched)
        except Exception as error:  # on any error viewers keep the current state, and the next look tries again
            log.warning("a run could not be followed", run=str(self._run_id), error=str(error))
            await self._rest(AFTER_TROUBLE_S)

    async def _catch_up(self, watched: WatchedRun) -> None:
        """Reads all stored frames."""
        is_new, is_more = False, True
        while is_more:
            news = await self._source.news_of(self._run_id, watched.buffer.last_n)
            is_new |= watched.buffer.add(news)
            is_more = news is not None and not news.is_all
        if is_new:
            watched.wake()
