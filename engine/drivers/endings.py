"""How a request of a rehearsal ends for its caller, and who was passed over on its way. Pure.

The same as the gateway says (`routing.Routing.route`), without its exceptions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.core.actions import GiveUp
from engine.core.candidates import PROBE_TAKES_S
from engine.core.journey import Journey
from engine.core.state import Group
from engine.drivers.effects import Effect
from engine.drivers.passed_over import is_plain, tell
from engine.exceptions import MAY_WAIT, AllCoolingDown, GroupUnavailable, RequestFailed
from engine.ledger import Skip, Trace
from engine.skips import EVERYTHING, end_of, skipped_in
from engine.skips import Journey as Passed


def failure_of(
    journey: Journey, group: Group, trace: Trace, failures: Sequence[Effect], end: GiveUp, now: float
) -> RequestFailed:
    """What the caller of a request is told that nobody answered; `failures` are those of its attempts in order."""
    free_in_s = end.free_in_s if 0 < end.free_in_s < math.inf else None
    if not failures:
        return _not_asked(journey, group, free_in_s)
    last = failures[-1]
    wait_s = free_in_s if free_in_s is not None else _told_s(trace, failures, now)
    return RequestFailed(
        last.message,
        status=last.status,
        error_class=last.error_class,
        code=last.code,
        retry_after_s=wait_s if last.status in MAY_WAIT else None,
    )


def skips_of(
    journey: Journey, group: Group, trace: Trace, *, has_failed: bool, is_given_up: bool = False
) -> Sequence[Skip]:
    """Who was passed over, in a request of which an attempt `has_failed` before anybody answered."""
    attempts = trace.attempts
    depth = attempts[0].fallback_depth if attempts else 0
    if is_plain(journey, group, attempts=len(attempts), has_failed=has_failed, depth=depth):
        return ()
    passed = Passed()
    tell(journey, passed, unix_s=0.0)
    if not is_given_up and passed.is_plain(trace):
        return ()
    return skipped_in(trace, passed, end=EVERYTHING if is_given_up else end_of(trace))


def _not_asked(journey: Journey, group: Group, free_in_s: float | None) -> RequestFailed:
    visited = [visit.group for visit in journey.visits]
    if any(one.tiers for one in visited):
        return AllCoolingDown(group.name, free_in_s or PROBE_TAKES_S)
    rows = [row for one in visited for row in one.spec.deployments]
    if not rows:
        return GroupUnavailable(f"'{group.name}' has no usable deployment.")
    return RequestFailed(
        str(rows[0].problem), status=502, error_class="AuthenticationError", code="no_usable_deployment"
    )


def _told_s(trace: Trace, failures: Sequence[Effect], now: float) -> float | None:
    """Seconds until the first of those that asked for a wait wants to be asked again."""
    until_s: dict[tuple[str, str], float] = {}
    for attempt, effect in zip(trace.attempts, failures, strict=True):
        if (wait_s := effect.failure.retry_after_s) is not None:
            ended_s = attempt.started_at + (attempt.duration_ms or 0.0) / 1000
            until_s[attempt.model_group, attempt.deployment_id] = ended_s + wait_s
    return max(0.0, min(until_s.values()) - now) if until_s else None
