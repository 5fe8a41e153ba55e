"""A breaker as one process describes it to the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.core.failures import Failure


@dataclass(frozen=True, slots=True)
class Said:
    """A breaker as one process describes it to the others: in durations, because their clocks differ. Seconds.

    While it is open: `left_s` of the pause (below 0: a probe is due), which began `paused_s` ago; `left_s` is None when
    it is not. It has been failing for `down_s`. `allowed` is how many requests at a time a recovery lets in, 0 is all.
    One that is tripped by hand says nothing: each process learns that by itself.
    """

    left_s: float | None = None
    paused_s: float = 0.0
    down_s: float = 0.0
    openings: int = 0
    passed_over: int = 0
    allowed: int = 0
    cause: str = ""
    request_id: str = ""
    last: Failure | None = None

    def later(self, seconds: float) -> Said:
        """The same, told so much later."""
        left_s = None if self.left_s is None else self.left_s - seconds
        return replace(self, left_s=left_s, paused_s=self.paused_s + seconds, down_s=self.down_s + seconds)
