"""An event loop for real sockets on a clock that stands still while anything happens.

Server, upstreams and clients live on it together. Whatever they do takes no time; once nothing is to be done, on no
socket and in no thread, the clock jumps to the next timer. So a busy machine makes nobody late, and a minute's pause
takes a moment.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any

# What one socket was sent has arrived at the other one long before; the machine may have been busy meanwhile.
QUIET_S = 0.001
# A thread that takes longer waits for the clock, perhaps.
STUCK_S = 5.0


class _Selector(selectors.DefaultSelector):
    """Waits for sockets and threads, and jumps when neither has anything to say."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float], None]
        self.is_working: Callable[[], bool]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if events := super().select(STUCK_S if timeout is None or self.is_working() else QUIET_S):
            return events
        if timeout is not None:
            self.jump(timeout)
        return []


class PatientLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps over waits; what executors run is waited for in real time."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.jump, selector.is_working = self._jump, lambda: self._working > 0
        self._now_s, self._working = time.monotonic(), 0
        super().__init__(selector)

    def time(self) -> float:
        return self._now_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        self._working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: asyncio.Future[Any]) -> None:
        self._working -= 1

    def _jump(self, seconds: float) -> None:
        # To the timer's own time, because sums of float differences would drift.
        scheduled = self._scheduled  # type: ignore[attr-defined]
        self._now_s = max(self._now_s, scheduled[0].when()) if scheduled else self._now_s + seconds
