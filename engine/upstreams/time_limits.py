"""Time limits that cost little where nearly all work ends in time: one timer for all limits of an event loop.

`asyncio.timeout` sets a timer for each, which takes longer than anything else it does.
"""

from __future__ import annotations

import asyncio
import math
from heapq import heapify, heappop, heappush
from types import TracebackType
from typing import Protocol
from weakref import WeakKeyDictionary

# Those that were dropped stay in the heap until there are twice as many of them as others, and these more.
KEPT = 256


class TimeLimit(Protocol):
    """Something to happen at `due_s` on the loop's clock, as long as it `is_open`."""

    due_s: float
    is_open: bool

    def expire(self) -> None: ...


class TimeLimits:
    """The limits of one event loop, the next first."""

    __slots__ = ("_at_s", "_dropped", "_heap", "_loop", "_number", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, TimeLimit]] = []
        self._number = self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self._at_s = math.inf

    def add(self, limit: TimeLimit) -> None:
        """From now on it expires at its time, unless it is dropped before."""
        limit.is_open = True
        self._number += 1  # those of one moment expire in their order
        heappush(self._heap, (limit.due_s, self._number, limit))
        if limit.due_s < self._at_s:
            self._set_timer(limit.due_s)

    def drop(self, limit: TimeLimit) -> None:
        """It does not expire any more. The timer stays: to set it again takes longer than a look in vain."""
        if limit.is_open:
            limit.is_open = False
            self._dropped += 1
            if self._dropped * 3 > len(self._heap) * 2 + KEPT:
                self._forget_dropped()

    def _forget_dropped(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].is_open]
        heapify(self._heap)
        self._dropped = 0

    def _set_timer(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at_s = due_s
        self._timer = self._loop.call_at(due_s, self._look)

    def _look(self) -> None:
        self._timer, self._at_s = None, math.inf
        heap, now = self._heap, self._loop.time()
        while heap and (heap[0][0] <= now or not heap[0][2].is_open):
            limit = heappop(heap)[2]
            if limit.is_open:
                limit.is_open = False
                limit.expire()
            else:
                self._dropped -= 1
        if heap:
            self._set_timer(heap[0][0])


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, TimeLimits] = WeakKeyDictionary()


def time_limits() -> TimeLimits:
    """Those of the running event loop."""
    loop = asyncio.get_running_loop()
    if (found := _of_loops.get(loop)) is None:
        found = _of_loops[loop] = TimeLimits(loop)
    return found


class within:  # reads as what it does: `with within(limit_s):`
    """Ends what the task does inside with TimeoutError after so many seconds, as `asyncio.timeout` does."""

    __slots__ = ("_cancelling", "_is_over", "_limits", "_task", "due_s", "is_open")
    is_open: bool

    def __init__(self, limit_s: float) -> None:
        self.due_s = limit_s

    def __enter__(self) -> None:
        limits = self._limits = time_limits()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine runs in a task
        self._task, self._cancelling, self._is_over = task, task.cancelling(), False
        self.due_s += task.get_loop().time()
        limits.add(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._limits.drop(self)
        # Cancelled by somebody else, too: then that counts.
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """The time is up."""
        self._is_over = True
        self._task.cancel()
