"""What stood in a journey's way, as skips for the ledger: for both drivers of the core. Its words are all drivers'."""

from __future__ import annotations

from engine.core.actions import Obstacle
from engine.core.journey import Journey
from engine.core.state import Group
from engine.ledger import Skip, SkipReason
from engine.skips import Journey as Passed
from engine.skips import Visit, skip_of
from engine.spec import DeploymentSpec, GroupSpec


def is_plain(journey: Journey, group: Group, *, attempts: int, has_failed: bool, depth: int) -> bool:
    """Whether the first that was asked answered and nobody was passed over: then there is nothing to tell.

    `depth` is the first attempt's distance from the first tier; `has_failed` says that one of them did.
    """
    if journey.noted or attempts != 1 or depth or has_failed:
        return False
    return group.size == len(group.spec.deployments)


def tell(journey: Journey, passed: Passed, *, unix_s: float) -> None:
    """Notes where a request went and who was passed over; the driver's clock began at `unix_s`."""
    passed.visits = [Visit.of(v.group.spec, v.depth, is_barred=v.is_barred) for v in journey.visits]
    if not journey.noted:
        return
    targets = {(v.group.name, t.key): (v.group.spec, t.spec) for v in journey.visits for t in v.group.targets()}
    for place, obstacle in journey.noted.items():
        passed.note(skip_by(obstacle, *targets[place], unix_s))


def skip_by(obstacle: Obstacle, spec: GroupSpec, deployment: DeploymentSpec, unix_s: float) -> Skip:
    """The skip of a deployment that something stood in the way of."""
    left_s = obstacle.until_s - obstacle.seen_s
    is_open = obstacle.breaker is not None
    return skip_of(
        spec,
        deployment,
        obstacle.reason,
        message(obstacle.reason, deployment, left_s=left_s, cause=obstacle.cause, is_by_hand=obstacle.is_by_hand),
        for_s=None if obstacle.reason is SkipReason.AT_CAPACITY or left_s == float("inf") else max(0.0, left_s),
        since=unix_s + obstacle.since_s if is_open and obstacle.since_s else None,
        cause=(obstacle.cause or None) if is_open else None,
        cause_call_id=obstacle.request_id or None,
    )


def message(
    reason: SkipReason, deployment: DeploymentSpec, *, left_s: float, cause: str, is_by_hand: bool = False
) -> str:
    """Why a deployment was passed over, for people; for `left_s` more seconds.

    `cause` are the failures that led to it, or what the person said who stopped it by hand.
    """
    after = f"after {cause}" if cause else "after failures"
    match reason:
        case SkipReason.COOLING if is_by_hand:
            return f"It is stopped by hand for {max(0.0, left_s):.0f} s more: {cause}"
        case SkipReason.COOLING:
            return f"It cools down for {max(0.0, left_s):.0f} s more, {after}."
        case SkipReason.PROBE_RUNNING:
            return f"It comes back {after}, with few requests at a time."
        case SkipReason.RATE_LIMITED:
            return f"Its own rate limit is used up; {left_s:.0f} s more to wait."
        case SkipReason.CONTEXT_TOO_SMALL:
            return "Its context is too small for the prompt."
        case SkipReason.UNSUITABLE:
            return cause
        case SkipReason.AT_CAPACITY:
            return f"It takes {deployment.max_parallel} requests at once, and all places were taken."
    return f"{deployment.provider} refused the caller's own key in this request."
