"""The virtual clock: an event loop that jumps to the next timer instead of waiting for it.

`asyncio.sleep`, timeouts and `loop.time()` follow one clock that starts at a fixed moment, and so do `time.time()` and
`datetime.now()` (through time-machine). It moves the wall clock of the whole process, so it must run in a worker
process of its own.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import UTC, datetime
from heapq import heappush
from typing import Any, TypeVar

import time_machine

T = TypeVar("T")

# The first second of a minute, so that windows per minute begin with the run.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# A run whose clock gets this far is stuck.
LIMIT_S = 30 * 24 * 3600.0


class ClockStopped(RuntimeError):
    """There is nothing to wait for, or the clock passed its limit: the run cannot end by itself."""


class JumpingSelector(selectors.SelectSelector):
    """Waits for no file: the time to the next timer passes at once."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise ClockStopped("The rehearsal waits for something that will never come.")
        if timeout > 0:
            self._jump(timeout)
        return []


class _Timer(asyncio.TimerHandle):
    """A timer that knows its place among those of its moment."""

    __slots__ = ("number",)

    number: int

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        return (self.when(), self.number) < (other.when(), other.number)  # type: ignore[attr-defined]


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual seconds, starting at 0. Work for executors runs inline."""

    def __init__(self, move_wall_clock: Callable[[float], None]) -> None:
        self._now_s, self._timers = 0.0, 0
        self._move_wall_clock = move_wall_clock
        super().__init__(JumpingSelector(self._jump))

    def time(self) -> float:
        return self._now_s

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """A timer; those of one moment come in the order in which they were made."""
        self._timers += 1
        timer = _Timer(when, callback, args, self, context)
        timer.number = self._timers
        heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _jump(self, seconds: float) -> None:
        # Jumps to the timer's own time, because sums of float differences would drift.
        scheduled = self._scheduled  # type: ignore[attr-defined]
        self._now_s = max(self._now_s, scheduled[0].when()) if scheduled else self._now_s + seconds
        if self._now_s > LIMIT_S:
            raise ClockStopped(f"The rehearsal ran for {LIMIT_S / 86400:g} virtual days without an end.")
        self._move_wall_clock(self._now_s)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in virtual time; the wall clock starts at EPOCH and is put back afterwards."""
    with _virtual_loop() as loop:
        return loop.run_until_complete(main)


@contextmanager
def _virtual_loop() -> Iterator[VirtualLoop]:
    start = EPOCH.timestamp()
    with time_machine.travel(EPOCH, tick=False) as traveller:
        loop = VirtualLoop(lambda now_s: traveller.move_to(start + now_s))
        asyncio.set_event_loop(loop)
        try:
            yield loop
        finally:
            _cancel_rest(loop)
            asyncio.set_event_loop(None)
            loop.close()


def _cancel_rest(loop: VirtualLoop) -> None:
    rest = asyncio.all_tasks(loop)
    for task in rest:
        task.cancel()
    if rest:
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
