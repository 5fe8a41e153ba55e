"""One request's wait for a place at deployments that take only so many at once."""

from __future__ import annotations

from engine.core.actions import Visit, Wait
from engine.core.candidates import TIMER_SLACK_S, Candidates
from engine.core.queues import Queued
from engine.core.state import Target


class Places:
    """Where it waits, and until when at most in each tier."""

    __slots__ = ("_candidates", "_until_s", "queued")

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._until_s: dict[tuple[str, int], float] = {}
        self.queued: Queued | None = None

    def wait(self, visit: Visit, now: float, deadline_s: float) -> Wait | None:
        """A wait for a place at one of this tier that lacks nothing else; None where there is no such one."""
        place = (visit.group.name, visit.tier)
        targets = self._candidates.lacks_only_a_place(visit.group, visit.group.tiers[visit.tier], now)
        if not targets:
            return None
        longest_s = max(target.max_wait_s for target in targets)
        until_s = self._until_s.setdefault(place, min(now + longest_s, deadline_s))
        if now >= until_s - TIMER_SLACK_S:
            return None
        self.queued = Queued(targets, until_s)
        return Wait(until_s - now, self.queued)

    def longer(self, now: float) -> Wait | None:
        """The rest of the wait."""
        queued = self.queued
        return None if queued is None or now >= queued.until_s - TIMER_SLACK_S else Wait(queued.until_s - now, queued)

    def turns(self, visit: Visit, now: float) -> list[Target]:
        """Those where it has a place now."""
        turns = () if self.queued is None else self.queued.turns()
        return [target for target in turns if self._candidates.may_take_a_place(visit.group, target, now)]

    def leave(self) -> None:
        """It waits for none any more."""
        if self.queued is not None:
            self.queued.leave()
            self.queued = None
