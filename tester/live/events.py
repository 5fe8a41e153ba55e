"""A run for programs: plain events, `stats` and `trace` while it runs and one for its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from pydantic_core import to_json

from tester.live.commands import BadCommand, ViewerCommand
from tester.live.frame_buffer import FrameBuffer
from tester.live.frames import WatchedRun
from tester.live.player import FRAME_S
from tester.live.waking import until


class EventView:
    """One program.

    It gets the newest statistics and the last traces of each moment, so that a slow program needs no memory here; `GET
    /v1/runs/{run_id}/traces` has every trace.
    """

    def __init__(self, watched: WatchedRun, wake: asyncio.Event, clock: Callable[[], float]) -> None:
        self._buffer, self._wake, self._clock = watched.buffer, wake, clock
        self._told = -1
        self._told_at_s = -FRAME_S
        self._traces: frozenset[int] = frozenset()

    def take(self, command: ViewerCommand) -> None:
        """Programs send no commands; raises BadCommand."""
        raise BadCommand("With view=events the socket only sends; it accepts no messages.")

    async def messages(self) -> AsyncIterator[str]:
        """Events as JSON; stops after the final event, or when the run is deleted."""
        while not self._buffer.is_gone:
            self._wake.clear()
            due_s = self._told_at_s + FRAME_S
            if self._told == self._buffer.last:
                if self._buffer.is_over:
                    yield _json(_end(self._buffer))
                    return
                await until(self._wake, None, self._clock)
            elif due_s > self._clock():
                await asyncio.sleep(due_s - self._clock())
            else:
                for event in self._moment():
                    yield _json(event)

    def _moment(self) -> Iterator[dict[str, Any]]:
        """The newest frame as events."""
        self._told, self._told_at_s = self._buffer.last, self._clock()
        frame = self._buffer.frame(self._told) or {}
        traces = frame.pop("last_traces", [])
        yield {"type": "stats", "status": self._buffer.status.value, **frame}
        yield from ({"type": "trace", **trace} for trace in traces if trace["index"] not in self._traces)
        self._traces = frozenset(trace["index"] for trace in traces)


def _end(buffer: FrameBuffer) -> dict[str, Any]:
    end = {"type": buffer.status.value, "result": buffer.result, "error": buffer.error}
    return end if buffer.next_run is None else {**end, "next": buffer.next_run}


def _json(event: dict[str, Any]) -> str:
    return to_json(event).decode()
