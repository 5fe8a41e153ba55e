"""What a frame knows of the last seconds: frames are compared, so that requests cost nothing extra."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

# The span that a frame calls recent, and the one whose answers it calls flowing, in seconds of the run. If frames are
# further apart, both reach back to the frame before.
RECENT_S, FLOW_S = 10.0, 5.0


class Counts(NamedTuple):
    """Of one deployment, since the run's beginning."""

    attempts: int = 0
    failures: int = 0
    successes: int = 0


class Counted(NamedTuple):
    """All counts when a frame was made."""

    at_ms: float
    deployments: Mapping[str, Counts]
    finished: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """Failures of one deployment without an answer since: the first moment, the number, and whether it cooled."""

    since_ms: float
    failures: int
    has_cooled: bool


@dataclass(frozen=True, slots=True)
class Lately:
    """The counts of the recent and the flowing span; `flow_s` is the length of the latter."""

    recent: Mapping[str, Counts]
    flowing: Mapping[str, Counts]
    rows: Mapping[str, Row]
    finished: int
    failed: int
    flow_s: float


class LastSeconds:
    """Remembers the counts of the frames in the window."""

    def __init__(self) -> None:
        self._past: deque[Counted] = deque()
        self._rows: dict[str, tuple[float, int]] = {}
        self._cooled: set[str] = set()

    def look(self, now: Counted, cooldowns_s: Mapping[str, float]) -> Lately:
        """Compares a new frame with those before; each call is one frame."""
        while len(self._past) > 1 and self._past[1].at_ms <= now.at_ms - RECENT_S * 1000:
            self._past.popleft()
        before = self._past[-1] if self._past else Counted(0.0, {})
        self._follow(before, now, cooldowns_s)
        flow_from = self._flow_from(now.at_ms)
        recent_from = self._past[0] if self._past else Counted(0.0, {})
        self._past.append(now)
        return Lately(
            recent=_between(recent_from, now),
            flowing=_between(flow_from, now),
            rows=self._told(now),
            finished=now.finished - flow_from.finished,
            failed=now.failed - flow_from.failed,
            flow_s=max(0.0, (now.at_ms - flow_from.at_ms) / 1000),
        )

    def _flow_from(self, at_ms: float) -> Counted:
        """The newest frame that is at least as old as the span; the oldest where none is."""
        old = (one for one in reversed(self._past) if one.at_ms <= at_ms - FLOW_S * 1000)
        return next(chain(old, self._past), Counted(0.0, {}))

    def _follow(self, before: Counted, now: Counted, cooldowns_s: Mapping[str, float]) -> None:
        for name, counts in now.deployments.items():
            then = before.deployments.get(name, Counts())
            if counts.successes > then.successes:
                self._rows.pop(name, None)
                self._cooled.discard(name)
            if counts.failures > then.failures and name not in self._rows:
                self._rows[name] = (before.at_ms, then.failures)
            if name in self._rows and cooldowns_s.get(name, 0.0) > 0:
                self._cooled.add(name)

    def _told(self, now: Counted) -> dict[str, Row]:
        return {
            name: Row(since_ms, now.deployments[name].failures - failures, name in self._cooled)
            for name, (since_ms, failures) in self._rows.items()
        }


def _between(then: Counted, now: Counted) -> dict[str, Counts]:
    zero = Counts()
    pairs = ((name, then.deployments.get(name, zero), counts) for name, counts in now.deployments.items())
    return {name: Counts(*(b - a for a, b in zip(old, new, strict=True))) for name, old, new in pairs}


class SortedTimes:
    """Durations in ascending order, sorted anew only when somebody looks: two sorted runs merge quickly."""

    def __init__(self) -> None:
        self._ordered: list[float] = []
        self._seen = 0

    def up_to_date(self, values: array[float]) -> list[float]:
        """The values so far; `values` only ever grows."""
        if len(values) > self._seen:
            self._ordered.extend(sorted(values[self._seen :]))
            self._seen = len(values)
            self._ordered.sort()
        return self._ordered
