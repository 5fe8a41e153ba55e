"""Time as this machine has it to give: a second of work on a free machine takes longer on a busy one."""

from __future__ import annotations

import time
from collections.abc import Callable

SAMPLE_S = 0.05
POLL_S = 0.01


def slowness() -> float:
    """How many times longer than alone a calculation takes here, now; 1 on a machine that is free."""
    began, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < SAMPLE_S:
        pass
    return max(1.0, (time.monotonic() - began) / SAMPLE_S)


class Stopwatch:
    """Seconds since it was made, as a free machine would have taken for the same work."""

    def __init__(self) -> None:
        self._slowness = slowness()
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """On a free machine exactly the seconds on the clock."""
        passed = time.monotonic() - self._began
        self._slowness = max(self._slowness, slowness())
        return passed / self._slowness

    def has_passed(self, seconds: float) -> bool:
        """Whether a free machine would have had more time than that; works only once the clock says so."""
        return time.monotonic() - self._began > seconds and self.elapsed_s > seconds


def within(seconds: float, check: Callable[[], object]) -> bool:
    """Whether the check comes true in this time."""
    watch = Stopwatch()
    while not check():
        if watch.has_passed(seconds):
            return False
        time.sleep(POLL_S)
    return True


def let_pass(seconds: float) -> None:
    """Waits, for longer when others work too: the servers have to come to their turn."""
    time.sleep(seconds * slowness())
