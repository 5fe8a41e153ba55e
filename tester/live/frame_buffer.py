"""The frames of one run in the memory of one process, and the run's status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import from_json

from tester.models import OPEN, RunStatus
from tester.scene import DrawnGroup


class StoredFrame(NamedTuple):
    """A stored frame: its number, its time on the run's clock, its JSON."""

    n: int
    at_ms: float
    text: str


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """The result of one look into the database.

    `is_all`: it has all stored frames. `next_run` is the id of the run that replaced this one after a change.
    """

    status: RunStatus
    error: str
    result: dict[str, Any] | None
    frames: list[StoredFrame]
    is_all: bool = True
    next_run: str | None = None


@dataclass(slots=True)
class FrameBuffer:
    """Grows while its run goes on; frames keep their index.

    The JSON stays text: parsed, it would be five times as large.
    """

    group: DrawnGroup
    times_ms: list[float] = field(default_factory=list)
    status: RunStatus = RunStatus.QUEUED
    error: str = ""
    result: dict[str, Any] | None = None
    next_run: str | None = None
    is_gone: bool = False
    last_n: int = -1
    _texts: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether no more frames will come."""
        return self.is_gone or self.status not in OPEN

    @property
    def end_ms(self) -> float:
        """The newest known moment."""
        return self.times_ms[-1] if self.times_ms else 0.0

    @property
    def last(self) -> int:
        """The index of the newest frame, -1 without any."""
        return len(self.times_ms) - 1

    def frame(self, index: int) -> dict[str, Any] | None:
        """The frame at an index as `engine.rehearsal.results.Tally.frame` gives it; None before the first."""
        return from_json(self._texts[index]) if index >= 0 else None

    def add(self, news: RunUpdate | None) -> bool:
        """Adds an update, None for a deleted run; returns whether there was anything new."""
        if news is None:
            self.is_gone = True
            return True
        stood = (self.status, self.error, self.next_run)
        if news.is_all:  # a run is over when all its frames are here
            self.status, self.error, self.result = news.status, news.error, news.result
            self.next_run = news.next_run
        self._add_frames(news.frames)
        return bool(news.frames) or stood != (self.status, self.error, self.next_run)

    def _add_frames(self, frames: Sequence[StoredFrame]) -> None:
        for frame in frames:
            self.last_n = frame.n
            self.times_ms.append(frame.at_ms)
            self._texts.append(frame.text)
