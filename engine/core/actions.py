"""What a journey wants done, and what it keeps of where it went. Times are seconds on the driver's clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.core.breaker import Breaker
from engine.core.failures import Failure, Rule
from engine.core.queues import Queued
from engine.core.state import Group, Target
from engine.ledger import SkipReason


class Step(StrEnum):
    """How a candidate follows the one before: as the first, by a repeat or in the same tier, elsewhere, to go on with a
    stream that broke, or beside one that is slow to begin."""

    FIRST = "first"
    RETRY = "retry"
    FALLBACK = "fallback"
    RESCUE = "rescue"
    HEDGE = "hedge"


@dataclass(slots=True, eq=False)
class Visit:
    """A group that the request came to. `depth` is the number of tiers in the groups before it; `is_barred` says that
    the caller may not use it. Tiers before the number `tier` are behind the request."""

    group: Group
    depth: int = 0
    is_barred: bool = False
    tier: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether a failure said that nobody else of it is to be asked."""
        return self.tier >= len(self.group.tiers)


@dataclass(slots=True, eq=False)
class Ask:
    """One attempt: ask this target. `depth` is its distance from the first tier of all, in tiers.

    The rest is the core's: where the target stands, and what the attempt is to the breakers and to this minute's count.
    `release` is the driver's, to be called when the attempt ends.
    """

    target: Target
    visit: Visit
    tier: int
    depth: int
    step: Step
    began_s: float
    number: int = 0
    ticket: int = 0
    key_ticket: int = 0
    minute: int = 0
    has_started: bool = False
    release: Callable[[], None] | None = None


class Exclusion(NamedTuple):
    """Why a request must not ask a target, whoever else there is; the message is for people."""

    reason: SkipReason
    message: str = ""


class Wait(NamedTuple):
    """Wait so many seconds; in a queue, less if it wakes the request."""

    seconds: float
    queued: Queued | None = None


class GiveUp(NamedTuple):
    """Nobody answered. `failure` is the last one, None when nobody was asked; in `free_in_s` somebody can be."""

    failure: Failure | None
    free_in_s: float


class Obstacle(NamedTuple):
    """Why a target cannot be asked at the moment `seen_s`; from `until_s` on it may be (infinity: not in this request).

    For a breaker, as it was then: since when it is open, because of what (`2×503`, or why somebody tripped it by
    hand), last in which request.
    """

    reason: SkipReason
    seen_s: float
    until_s: float = math.inf
    breaker: Breaker | None = None
    since_s: float = 0.0
    cause: str = ""
    request_id: str = ""
    is_by_hand: bool = False


@dataclass(slots=True, eq=False)
class Asked:
    """A target that has failed in this request.

    By its group's `rule` for that failure it may be asked again at `ready_s`; `told_s` is when its upstream wants to
    be, 0 when it did not say.
    """

    target: Target
    visit: Visit
    tier: int
    failure: Failure
    rule: Rule
    ready_s: float
    told_s: float = 0.0
    times: int = 1


Action = Ask | Wait | GiveUp


def longest_wait_s(group: Group, asked: Asked | None = None) -> float:
    """How long a repeat is waited for: as long as a Retry-After may be, or as the group itself wants."""
    wanted_s = 0.0 if asked is None or asked.rule.wait_s is None else asked.rule.wait_s
    return max(group.longest_wait_s, group.pause_s, wanted_s)
