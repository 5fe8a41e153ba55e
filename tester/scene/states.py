"""The states of a deployment, as its card tells them: by shape, word and colour. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tester.scene.group import DrawnFault

JSON = Mapping[str, Any]
# Shares of failed recent attempts; a single failure does not make a deployment down.
DEGRADED_FROM, DOWN_AFTER = 0.05, 2
LIMITED = frozenset({"RateLimitError", "QuotaUsedUpError"})
REFUSED = frozenset({"AuthenticationError", "PermissionDeniedError"})


class CardState(StrEnum):
    """Worst first. A deployment that is down stays so while it cools: the countdown stands beside it."""

    DOWN = "down"
    KEY_REJECTED = "key-rejected"
    OVER_QUOTA = "over-quota"
    PROBING = "probing"
    COOLING = "cooling"
    DEGRADED = "degraded"
    ANSWERING = "answering"
    STANDBY = "standby"

    @property
    def word(self) -> str:
        """For people."""
        return self.value.replace("-", " ").capitalize()

    @property
    def shape(self) -> str:
        """An SVG path around the origin, so that colour is not all that tells it."""
        return SHAPES[self]

    @property
    def is_bad(self) -> bool:
        """Whether it answers nobody."""
        return self in (CardState.DOWN, CardState.KEY_REJECTED, CardState.OVER_QUOTA)


DISC = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"
CROSSED = (
    "M-5 -5h10v10h-10zM-2.4 -3.4l-1 1l2.4 2.4l-2.4 2.4l1 1l2.4 -2.4l2.4 2.4l1 -1l-2.4 -2.4l2.4 -2.4l-1 -1l-2.4 2.4z"
)
TRIANGLE = "M0 -5l5.5 9.5h-11z"
FLAKE = "M0 -5.5v11M-4.8 -2.8l9.6 5.6M-4.8 2.8l9.6 -5.6M-1.8 -4.9l1.8 1.6l1.8 -1.6M-1.8 4.9l1.8 -1.6l1.8 1.6"
SHAPES = {
    CardState.DOWN: CROSSED,
    CardState.KEY_REJECTED: CROSSED,
    CardState.OVER_QUOTA: TRIANGLE,
    CardState.PROBING: f"{FLAKE}M-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0 -3 0z",
    CardState.COOLING: FLAKE,
    CardState.DEGRADED: TRIANGLE,
    CardState.ANSWERING: DISC,
    CardState.STANDBY: DISC,
}


def state_of(row: JSON, fault: DrawnFault | None) -> CardState:
    """Only recent attempts count, so that an outage that is over is no longer shown; but who answered nobody since
    it failed is no standby."""
    if fault is not None and fault.is_down:
        return _why_down(row)
    attempts, failures = _recent(row)
    row_of_failures: int = row.get("failing_count", 0)
    answered = attempts > failures
    if row["cooldown_left_s"] > 0:
        never = not row["success_count"] and row["failure_count"]
        is_down = not answered and (never or row_of_failures >= DOWN_AFTER)
        return _why_down(row) if is_down else CardState.COOLING
    if row.get("failing_cooled"):
        return CardState.PROBING
    if not answered and (failures >= DOWN_AFTER or (failures and not row["success_count"])):
        return _why_down(row)
    if not attempts:
        if row_of_failures >= DOWN_AFTER:
            return _why_down(row)
        return CardState.DEGRADED if row_of_failures else CardState.STANDBY
    return CardState.DEGRADED if failures / attempts >= DEGRADED_FROM else CardState.ANSWERING


def fault_at(faults: tuple[DrawnFault, ...], deployment_id: str, at_ms: float) -> DrawnFault | None:
    """The worst fault that is set for a deployment at a moment."""
    struck = (one for one in faults if one.deployment_id == deployment_id and one.from_ms <= at_ms < one.until_ms)
    return max(struck, key=lambda one: (one.is_down, -one.from_ms), default=None)


def fault_in_words(fault: DrawnFault | None) -> str:
    """`down until 1:10`."""
    if fault is None:
        return ""
    return fault.words if math.isinf(fault.until_ms) else f"{fault.words} until {clock(fault.until_ms)}"


def clock(at_ms: float) -> str:
    """A moment of a run: 1:10."""
    seconds = int(at_ms / 1000 + 1e-6)
    return f"{seconds // 60}:{seconds % 60:02}"


def _why_down(row: JSON) -> CardState:
    errors = Counter[str](row["errors"])
    if errors and errors.keys() <= REFUSED:
        return CardState.KEY_REJECTED
    return CardState.OVER_QUOTA if errors and errors.keys() <= LIMITED else CardState.DOWN


def _recent(row: JSON) -> tuple[int, int]:
    """Recent attempts and failures; all of them if the frame has no recent ones, or the newest is still running."""
    attempts, failures = row["request_count"], row["failure_count"]
    recent: int = row.get("recent_request_count", attempts)
    is_told = bool(recent) or not row["in_flight"]
    return (recent, row.get("recent_failure_count", failures)) if is_told else (attempts, failures)
