"""One viewer's position in the frames of a run.

Pure: the times of the frames and the current time are passed in. Seconds are the viewer's time, milliseconds the run's
clock.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

FRAMES_PER_S = 15
FRAME_S = 1 / FRAMES_PER_S
# As fast as possible: all waiting frames, in growing steps, so that the newest is reached soon.
AT_ONCE = math.inf
CATCH_UP_STEPS = 8
# A timer that fires slightly early still finds its frame.
EARLY_MS = 0.01
NOTHING = -1


class Player:
    """Plays from `at_ms` on, or follows the newest frame. `speed` is virtual seconds per real second."""

    def __init__(
        self,
        now_s: float,
        times_ms: Sequence[float],
        *,
        speed: float = AT_ONCE,
        is_paused: bool = False,
        at_ms: float = math.inf,
    ) -> None:
        self.speed, self.is_paused = speed, is_paused
        self._since_s = now_s
        self._edge_ms = times_ms[-1] if times_ms else 0.0
        self._position_ms = min(at_ms, self._edge_ms)
        self._index = NOTHING
        self._is_sought = True

    def change(
        self,
        now_s: float,
        times_ms: Sequence[float],
        *,
        speed: float | None = None,
        is_paused: bool | None = None,
        at_ms: float | None = None,
    ) -> None:
        """Changes speed, pause or position; None keeps the current value."""
        self._move(now_s, times_ms)
        self.speed = self.speed if speed is None else speed
        self.is_paused = self.is_paused if is_paused is None else is_paused
        if at_ms is not None:
            self._position_ms, self._is_sought = min(at_ms, self._edge_ms), True

    def due_s(self, now_s: float, times_ms: Sequence[float]) -> float | None:
        """The time when `take` has another frame; None if that needs an update or a command."""
        self._move(now_s, times_ms)
        following = self._index + 1
        if self._is_sought:
            return now_s
        if self.is_paused or following >= len(times_ms):
            return None
        if self.speed == AT_ONCE:
            return now_s
        return now_s + max(0.0, times_ms[following] - self._position_ms) / 1000 / self.speed

    def take(self, now_s: float, times_ms: Sequence[float]) -> int:
        """The index of the frame to show now; NOTHING without one."""
        self._move(now_s, times_ms)
        is_step = self.speed == AT_ONCE and not self.is_paused and not self._is_sought
        self._index = self._stepped(times_ms) if is_step else self._found(times_ms)
        if is_step and times_ms:
            self._position_ms = times_ms[self._index]
        self._is_sought = False
        return self._index

    def _stepped(self, times_ms: Sequence[float]) -> int:
        behind = len(times_ms) - 1 - self._index
        return self._index + math.ceil(behind / CATCH_UP_STEPS)

    def _found(self, times_ms: Sequence[float]) -> int:
        return max(0, bisect_right(times_ms, self._position_ms + EARLY_MS) - 1) if times_ms else NOTHING

    def _move(self, now_s: float, times_ms: Sequence[float]) -> None:
        """Moves the position with time. At the newest frame it waits for the next one there."""
        if not self.is_paused and self.speed != AT_ONCE:
            played_ms = (now_s - self._since_s) * 1000 * self.speed
            self._position_ms = min(self._position_ms + played_ms, self._edge_ms)
        self._since_s = now_s
        self._edge_ms = times_ms[-1] if times_ms else self._edge_ms
