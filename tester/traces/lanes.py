"""Frames -> a lane per deployment under the timeline: faults, cooldowns, failed attempts. Pure geometry.

Horizontal positions are percent of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tester.scene import DrawnDeployment, DrawnFault, DrawnGroup
from tester.scene.states import clock

# A cooldown of which frames say other ends within this is the same one.
SAME_MS = 300.0
# Wedges nearer to each other than this part of the picture are one.
APART = 0.6
# From this width on a bar has room for its word.
ROOM = 7.0


class LaneMoment(NamedTuple):
    """Failures so far and seconds of cooldown left, by deployment, when a frame was made."""

    at_ms: float
    failures: Mapping[str, int]
    left_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Span:
    """A fault or a cooldown: where its bar is, and what it says."""

    x: float
    width: float
    words: str

    @property
    def has_room(self) -> bool:
        """Whether a word fits into it."""
        return self.width >= ROOM


class Wedge(NamedTuple):
    """Attempts that failed within a moment."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One deployment over the run."""

    deployment: DrawnDeployment
    faults: tuple[Span, ...]
    cooldowns: tuple[Span, ...]
    wedges: tuple[Wedge, ...]

    @property
    def is_eventful(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.faults or self.cooldowns or self.wedges)

    @property
    def words(self) -> str:
        """The lane in a sentence: Nebius: down, 0:10 to 1:10; 6 cooldowns; failed at 6 moments."""
        count = len(self.cooldowns)
        parts = [*(span.words for span in self.faults)]
        parts += [f"{count} cooldown{'' if count == 1 else 's'}"] if count else []
        parts += [f"failed at {len(self.wedges)} moment{'' if len(self.wedges) == 1 else 's'}"] if self.wedges else []
        return f"{self.deployment.name}: {'; '.join(parts) or 'nothing happened'}"


def lanes_of(group: DrawnGroup, moments: Sequence[LaneMoment]) -> tuple[Lane, ...]:
    """A lane per deployment, those with events first where there are many."""
    end_ms = moments[-1].at_ms if moments else 0.0
    if end_ms <= 0:
        return ()
    lanes = [_lane(deployment, group.faults, moments, end_ms) for deployment in group.deployments]
    return tuple(sorted(lanes, key=lambda lane: not lane.is_eventful) if len(lanes) > 3 else lanes)


def _lane(
    deployment: DrawnDeployment, faults: Sequence[DrawnFault], moments: Sequence[LaneMoment], end_ms: float
) -> Lane:
    name = deployment.deployment_id
    struck = (one for one in faults if one.deployment_id == name and one.from_ms < end_ms)
    return Lane(
        deployment,
        tuple(_span(one.from_ms, min(one.until_ms, end_ms), one.words, end_ms) for one in struck),
        tuple(_span(begins, min(ends, end_ms), "cooldown", end_ms) for begins, ends in _cooldowns(name, moments)),
        tuple(_wedges(name, moments, end_ms)),
    )


def _span(from_ms: float, until_ms: float, words: str, end_ms: float) -> Span:
    x = _percent(from_ms, end_ms)
    said = f"{words}, {clock(from_ms)} to {clock(until_ms)}"
    return Span(x, round(max(0.2, _percent(until_ms, end_ms) - x), 3), said)


def _cooldowns(name: str, moments: Sequence[LaneMoment]) -> Iterator[tuple[float, float]]:
    """Begin and end of each; one that is extended by another failure is a new one."""
    open_now: tuple[float, float] | None = None
    before_ms = 0.0
    for moment in moments:
        left_ms = 1000 * moment.left_s.get(name, 0.0)
        ends_ms = moment.at_ms + left_ms
        if open_now and (not left_ms or ends_ms > open_now[1] + SAME_MS):
            yield open_now[0], min(open_now[1], moment.at_ms)
            open_now = None
        if left_ms:
            open_now = (open_now[0] if open_now else before_ms, ends_ms)
        before_ms = moment.at_ms
    if open_now:
        yield open_now


def _wedges(name: str, moments: Sequence[LaneMoment], end_ms: float) -> Iterator[Wedge]:
    last = -APART
    for before, after in pairwise(moments):
        count = after.failures.get(name, 0) - before.failures.get(name, 0)
        x = _percent(before.at_ms, end_ms)
        if count > 0 and x - last >= APART:
            last = x
            yield Wedge(x, f"{clock(before.at_ms)}: {count} failed attempt{'' if count == 1 else 's'}")


def _percent(at_ms: float, end_ms: float) -> float:
    return round(100 * min(1.0, at_ms / end_ms), 3)
