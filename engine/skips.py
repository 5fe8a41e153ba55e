"""The skips of a request: candidates that were not asked, with reasons.

Pure. A candidate's rank is its distance from the first tier of the requested group, as in `Attempt.fallback_depth`.
Candidates after the one that answered are standbys, not skips: the router did not look at them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.ledger import Attempt, Skip, SkipReason, Trace
from engine.spec import DeploymentSpec, GroupSpec, Strategy

EVERYTHING = math.inf
TURN_DID_NOT_COME = "Its turn did not come: the retries were used up, or the error was not worth one."
BEYOND_MOVES = "The request had made its {} moves to another tier or group (max_fallbacks)."
HAS_FAILED = "It has already failed in this request, in the group '{}'."
NOT_NEEDED = "The request ended before its turn."

Noted = Callable[[GroupSpec, DeploymentSpec], Skip | None]


@dataclass(frozen=True, slots=True)
class Visit:
    """A group that a request came to. `depth` is the rank of its first tier.

    `ranks` are its deployments, each with the distance of its tier from that one. `is_barred`: the caller may not use
    it; `has_left_out`: it has deployments that are never asked.
    """

    spec: GroupSpec
    ranks: tuple[tuple[int, DeploymentSpec], ...]
    has_left_out: bool
    depth: int = 0
    is_barred: bool = False

    @classmethod
    def of(cls, spec: GroupSpec, depth: int = 0, *, is_barred: bool = False) -> Visit:
        """One visit of a group."""
        rank_of = {tier: rank for rank, tier in enumerate(spec.tiers)}
        ranks = tuple((rank_of[spec.tier_of(row)], row) for row in spec.deployments)
        return cls(spec, ranks, any(_is_left_out(spec, row) for row in spec.deployments), depth, is_barred)

    def at(self, depth: int, *, is_barred: bool = False) -> Visit:
        """The same group at another depth."""
        if (depth, is_barred) == (self.depth, self.is_barred):
            return self
        return Visit(self.spec, self.ranks, self.has_left_out, depth, is_barred)


@dataclass(slots=True)
class Journey:
    """The route of one request: its groups in order, and the obstacles noted before attempts.

    `noted` is by group name and deployment id; the first note counts.
    """

    visits: list[Visit] = field(default_factory=list)
    noted: dict[tuple[str, str], Skip] = field(default_factory=dict)

    def note(self, skip: Skip) -> None:
        """Notes why a candidate is not asked; ignored if it is asked later."""
        self.noted.setdefault((skip.model_group, skip.deployment_id), skip)

    def is_plain(self, trace: Trace) -> bool:
        """Whether the first candidate answered and nothing was noted: then there are no skips."""
        if self.noted or len(self.visits) != 1 or len(trace.attempts) != 1:
            return False
        return not (self.visits[0].has_left_out or trace.attempts[0].fallback_depth)


def skip_of(
    spec: GroupSpec,
    deployment: DeploymentSpec,
    reason: SkipReason,
    message: str,
    *,
    for_s: float | None = None,
    since: float | None = None,
    cause: str | None = None,
    cause_call_id: str | None = None,
    depth: int = 0,
) -> Skip:
    """A skip of one deployment of a group, at a distance of `depth` tiers from the first tier of all."""
    return Skip(
        deployment.deployment_id,
        deployment.name,
        deployment.provider,
        spec.name,
        spec.tier_of(deployment),
        reason,
        message,
        depth,
        None if for_s is None else round(for_s, 3),
        None if since is None else round(since, 3),
        cause,
        cause_call_id,
    )


def skipped_in(
    trace: Trace, journey: Journey, *, end: float, refused_providers: Collection[str] = ()
) -> tuple[Skip, ...]:
    """The skips of a request that ended at the rank `end` (EVERYTHING if all possible attempts failed).

    `refused_providers` are the ids of providers that refused the caller's own key, if no other key may be used.
    """

    def noted(spec: GroupSpec, deployment: DeploymentSpec) -> Skip | None:
        return journey.noted.get((spec.name, deployment.deployment_id))

    return tuple(skips_in(trace.attempts, journey.visits, noted, end=end, refused_providers=refused_providers))


def skips_in(
    attempts: Sequence[Attempt],
    visits: Iterable[Visit],
    noted: Noted,
    *,
    end: float,
    refused_providers: Collection[str] = (),
) -> Iterator[Skip]:
    """The same one by one; `noted` gives the obstacle that was noted for a deployment of a group."""
    asked = asked_in(attempts)
    places = {deployment_id: group for group, deployment_id in asked}
    for visit in visits:
        name, depth = visit.spec.name, visit.depth
        for place, deployment in visit.ranks:
            rank = depth + place
            if (rank > end and not visit.is_barred) or (name, deployment.deployment_id) in asked:
                continue
            asked_as = places.get(deployment.deployment_id)
            skip = _skip(visit, deployment, noted, rank < end, refused_providers, asked_as)
            if skip is not None:
                yield skip if skip.fallback_depth == rank else skip._replace(fallback_depth=rank)


def standbys(specs: Iterable[GroupSpec], told: Collection[tuple[str, str]]) -> tuple[Skip, ...]:
    """All other deployments of these groups as `not_needed`: together with attempts and skips they are all candidates.

    `told` are group and deployment of each attempt and skip.
    """
    return tuple(
        skip_of(spec, deployment, SkipReason.NOT_NEEDED, NOT_NEEDED)
        for spec in specs
        for deployment in spec.deployments
        if (spec.name, deployment.deployment_id) not in told
    )


def asked_in(attempts: Iterable[Attempt]) -> set[tuple[str, str]]:
    """Group and deployment of each attempt."""
    return {(attempt.model_group, attempt.deployment_id) for attempt in attempts}


def end_of(trace: Trace) -> int:
    """The rank that a request has reached. One that stays in a later tier has not gone through the others."""
    return max((attempt.fallback_depth for attempt in trace.course if not attempt.sticky), default=0)


def _skip(
    visit: Visit,
    deployment: DeploymentSpec,
    noted: Noted,
    was_passed: bool,
    refused_providers: Collection[str],
    asked_as: str | None,
) -> Skip | None:
    """The skip of a candidate; None for a standby of the tier that answered. `asked_as` is the other group in which it
    was asked."""
    spec = visit.spec
    if visit.is_barred:
        message = f"The caller may not use the group '{spec.name}'."
        return skip_of(spec, deployment, SkipReason.NOT_ALLOWED, message)
    if deployment.problem:
        reason = SkipReason.NO_CREDENTIALS if deployment.lacks_credentials else SkipReason.UNSUITABLE
        return skip_of(spec, deployment, reason, deployment.problem)
    if deployment.provider_id in refused_providers:
        message = f"{deployment.provider} refused the caller's own key in this request."
        return skip_of(spec, deployment, SkipReason.OWN_KEY_REFUSED, message)
    if (skip := noted(spec, deployment)) is not None:
        return skip
    if _has_no_weight(spec, deployment):
        return skip_of(spec, deployment, SkipReason.NO_WEIGHT, "Its weight is 0.")
    if not was_passed:
        return None
    return skip_of(spec, deployment, SkipReason.RETRY_BUDGET, _why_passed(spec, deployment, asked_as))


def _why_passed(spec: GroupSpec, deployment: DeploymentSpec, asked_as: str | None) -> str:
    if asked_as is not None:
        return HAS_FAILED.format(asked_as)
    most = spec.retry.max_fallbacks
    is_beyond = spec.tier_of(deployment) not in spec.tiers[: most + 1]
    return BEYOND_MOVES.format(most) if is_beyond else TURN_DID_NOT_COME


def _is_left_out(spec: GroupSpec, deployment: DeploymentSpec) -> bool:
    return bool(deployment.problem) or _has_no_weight(spec, deployment)


def _has_no_weight(spec: GroupSpec, deployment: DeploymentSpec) -> bool:
    return spec.strategy is Strategy.WEIGHTED and not deployment.weight
