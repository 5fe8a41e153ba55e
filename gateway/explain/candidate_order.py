"""The deployments of a group that would be tried for a request, in order. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.spec import DeploymentSpec, GroupSpec, Strategy


@dataclass(frozen=True, slots=True)
class Candidate:
    """A deployment that would be tried.

    `chance`, from 0 to 1, is the probability of being the first; None: the load decides. `proven_at` is when it last
    answered, if only a test request; `failing_since`: test requests fail since then, and no real one was answered.
    """

    deployment_id: str
    deployment_name: str
    provider: str
    model_group: str
    tier: int
    chance: float | None
    why: str
    proven_at: datetime | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """A deployment that can't answer now. `is_tried`: the router asks it all the same, and goes on when it fails."""

    deployment_id: str
    deployment_name: str
    provider: str
    model_group: str
    tier: int
    why: str
    is_tried: bool = False


Ordered = Iterator[tuple[DeploymentSpec, float | None, str]]


def candidates_in(
    spec: GroupSpec, able: Sequence[DeploymentSpec], *, latencies_ms: Mapping[str, float] | None = None
) -> list[Candidate]:
    """The `able` deployments of a group in the order of its strategy; the likeliest first where chance decides.

    `latencies_ms` are measured response times by deployment id, for latency-based routing.
    """
    ordered = ORDERS.get(spec.strategy, _by_load)(spec, able, latencies_ms or {})
    return [
        Candidate(d.deployment_id, d.name, d.provider, spec.name, spec.tier_of(d), chance, why)
        for d, chance, why in ordered
    ]


def _by_priority(spec: GroupSpec, able: Sequence[DeploymentSpec], _: Mapping[str, float]) -> Ordered:
    tiers = [[d for d in able if spec.tier_of(d) == tier] for tier in spec.tiers]
    for rank, tier in enumerate(filter(None, tiers)):
        for deployment, share in _shares(tier):
            yield deployment, 0.0 if rank else share, f"tier {spec.tier_of(deployment)}"


def _by_weight(_: GroupSpec, able: Sequence[DeploymentSpec], __: Mapping[str, float]) -> Ordered:
    for deployment, share in _shares(able, ("weight", "rpm", "tpm")):
        weight = deployment.weight or 0
        yield deployment, share, f"weight {weight:g}" if share else "weight 0: asked when no other is healthy"


def _by_chance(_: GroupSpec, able: Sequence[DeploymentSpec], __: Mapping[str, float]) -> Ordered:
    for deployment, share in _shares(able):
        yield deployment, share, "picked at random"


def _by_cost(_: GroupSpec, able: Sequence[DeploymentSpec], __: Mapping[str, float]) -> Ordered:
    for rank, deployment in enumerate(sorted(able, key=_price)):
        price = _price(deployment)
        why = "price unknown" if price == math.inf else f"${1e6 * price:g} for a million tokens in and out"
        yield deployment, 0.0 if rank else 1.0, why


def _by_latency(_: GroupSpec, able: Sequence[DeploymentSpec], latencies_ms: Mapping[str, float]) -> Ordered:
    for deployment in sorted(able, key=lambda d: latencies_ms.get(d.deployment_id, 0.0)):
        measured = latencies_ms.get(deployment.deployment_id)
        why = "not measured yet, so asked first" if measured is None else f"answered in {measured:.0f} ms recently"
        yield deployment, None, why


def _by_load(spec: GroupSpec, able: Sequence[DeploymentSpec], _: Mapping[str, float]) -> Ordered:
    measure = "requests under way" if spec.strategy is Strategy.LEAST_BUSY else "tokens used this minute"
    for deployment in able:
        yield deployment, None, f"the one with the fewest {measure}"


ORDERS = {
    Strategy.PRIORITY_FAILOVER: _by_priority,
    Strategy.WEIGHTED: _by_weight,
    Strategy.SIMPLE_SHUFFLE: _by_chance,
    Strategy.COST_BASED: _by_cost,
    Strategy.LATENCY_BASED: _by_latency,
}


def _price(deployment: DeploymentSpec) -> float:
    cost = deployment.cost_usd(input_tokens=1, output_tokens=1)
    return math.inf if cost is None else cost


def _shares(
    able: Sequence[DeploymentSpec], measures: Sequence[str] = ("rpm", "tpm")
) -> list[tuple[DeploymentSpec, float]]:
    """LiteLLM's shuffle: by the first measure that any deployment has, else equal; the likeliest first."""
    for measure in measures:
        values = [float(getattr(deployment, measure) or 0) for deployment in able]
        if any(values):
            shares = [value / sum(values) for value in values]
            return sorted(zip(able, shares, strict=True), key=lambda pair: -pair[1])
    return [(deployment, 1 / len(able)) for deployment in able]
