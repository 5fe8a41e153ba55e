"""How a request ends for its caller that nobody could be asked for, and how any of a rehearsal ends. Pure.

A rehearsal says the same as the gateway (`routing.Routing.route`), without its exceptions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import overload

from engine.core.actions import GiveUp
from engine.core.candidates import PROBE_TAKES_S
from engine.core.failures import Kind
from engine.core.journey import Journey
from engine.core.state import Group
from engine.drivers.effects import Effect
from engine.drivers.passed_over import skip_by
from engine.exceptions import MAY_WAIT, GroupUnavailable, Hindrance, NoneFree, RequestFailed
from engine.ledger import Attempt, Skip, SkipReason, Trace
from engine.skips import EVERYTHING, Visit, end_of, skips_in
from engine.spec import DeploymentSpec, GroupSpec

HINDRANCES = {
    SkipReason.COOLING: Hindrance.COOLING,
    SkipReason.PROBE_RUNNING: Hindrance.COOLING,
    SkipReason.RATE_LIMITED: Hindrance.LIMITED,
    SkipReason.AT_CAPACITY: Hindrance.FULL,
}


def failure_of(
    journey: Journey, group: Group, trace: Trace, failures: Sequence[Effect], end: GiveUp, now: float
) -> RequestFailed:
    """What the caller of a request is told that nobody answered; `failures` are those of its attempts in order."""
    free_in_s = end.free_in_s if 0 < end.free_in_s < math.inf else None
    if not failures:
        return not_asked(journey, group, free_in_s)
    last = failures[-1]
    # Waiting brings no money.
    is_hopeless = all(one.failure.kind is Kind.QUOTA for one in failures)
    wait_s = free_in_s if free_in_s is not None else _told_s(trace, failures, now)
    return RequestFailed(
        last.message,
        status=last.status,
        error_class=last.error_class,
        code=last.code,
        retry_after_s=wait_s if last.status in MAY_WAIT and not is_hopeless else None,
        is_hopeless=is_hopeless,
    )


class Skips(Sequence[Skip]):
    """The skips of one request. They are made when somebody looks at them: nobody does at those of most requests."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Iterator[Skip]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Skip]:
        return self._make()

    def __len__(self) -> int:
        return sum(1 for _ in self._make())

    @overload
    def __getitem__(self, at: int) -> Skip: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Skip]: ...
    def __getitem__(self, at: int | slice) -> Skip | Sequence[Skip]:
        return tuple(self._make())[at]


class PassedOver:
    """Who was passed over in the requests of one run, which begin with `group`."""

    def __init__(self, groups: Mapping[str, Group], group: Group) -> None:
        self._visits = {name: Visit.of(one.spec) for name, one in groups.items()}
        self.has_left_out = self._visits[group.name].has_left_out

    def skips_of(self, journey: Journey, trace: Trace, *, is_given_up: bool) -> Sequence[Skip]:
        """Those of a request that has ended."""
        attempts = trace.attempts
        is_lone = len(attempts) == len(journey.visits) == 1 and not attempts[0].fallback_depth
        if is_lone and not (is_given_up or journey.noted or self.has_left_out):
            return ()
        return Skips(partial(self._told, journey, attempts, EVERYTHING if is_given_up else end_of(trace)))

    def _told(self, journey: Journey, attempts: Sequence[Attempt], end: float) -> Iterator[Skip]:
        visits = (self._visits[v.group.name].at(v.depth, is_barred=v.is_barred) for v in journey.visits)
        return skips_in(attempts, visits, partial(_noted, journey), end=end)


def _noted(journey: Journey, spec: GroupSpec, deployment: DeploymentSpec) -> Skip | None:
    obstacle = (journey.noted or {}).get((spec.name, deployment.deployment_id))
    return None if obstacle is None else skip_by(obstacle, spec, deployment, 0.0)


def not_asked(journey: Journey, group: Group, free_in_s: float | None) -> RequestFailed:
    """What the caller is told of a request for which nobody could be asked; `free_in_s` is when somebody can be."""
    visited = [visit.group for visit in journey.visits if not visit.is_barred]
    if any(one.tiers for one in visited):
        return NoneFree(group.name, free_in_s or PROBE_TAKES_S, _hindrances(journey) or [Hindrance.COOLING])
    rows = [row for one in visited for row in one.spec.deployments]
    if not rows:
        return GroupUnavailable(f"'{group.name}' has no usable deployment.")
    return RequestFailed(
        str(rows[0].problem), status=502, error_class="AuthenticationError", code="no_usable_deployment"
    )


def _hindrances(journey: Journey) -> list[Hindrance]:
    """One for each deployment that waiting helps."""
    found = {key: one for (_, key), one in (journey.noted or {}).items() if one.reason in HINDRANCES}
    return [Hindrance.STOPPED if one.is_by_hand else HINDRANCES[one.reason] for one in found.values()]


def _told_s(trace: Trace, failures: Sequence[Effect], now: float) -> float | None:
    """Seconds until the first of those that asked for a wait wants to be asked again."""
    until_s: dict[tuple[str, str], float] = {}
    attempts = sorted(trace.attempts, key=_ended_s) if trace.is_hedged else trace.attempts
    for attempt, effect in zip(attempts, failures, strict=True):
        if (wait_s := effect.failure.retry_after_s) is not None:
            until_s[attempt.model_group, attempt.deployment_id] = _ended_s(attempt) + wait_s
    return max(0.0, min(until_s.values()) - now) if until_s else None


def _ended_s(attempt: Attempt) -> float:
    return attempt.started_at + (attempt.duration_ms or 0.0) / 1000
