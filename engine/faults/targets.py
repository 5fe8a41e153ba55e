"""The targets of faults, with probability and time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import fields
from engine.exceptions import BadInput
from engine.faults.fates import Exposure
from engine.faults.kinds import KINDS, Degradation, Fault, LimitedCapacity, PriceChange
from engine.fields import RunSeconds, Share, Text
from engine.rehearsal.profiles import DEFAULT_PROFILE, Profile
from engine.rehearsal.quantiles import typical
from engine.spec import DeploymentSpec, GroupSpec, Strategy

# These are valid for every group, even if they are empty: the others of a single deployment.
ALWAYS_KNOWN = ("primary", "others", "primary-provider", "primary-region", "*")
KNOWN_TARGETS = (
    "primary, others, primary-provider, primary-region, tier:N, provider:NAME, region:NAME, *, or a deployment's id"
)
# LiteLLM's assumption for an unknown price, and the size of an answer for comparing speeds.
UNKNOWN_PRICE_USD, ANSWER_TOKENS = 5.0, 100
AIM = ("target", "probability", "from_s", "until_s", "stops_at_s")


@dataclass(frozen=True, slots=True)
class TargetedFault:
    """A fault with its target, probability, start and end (exclusive; None means the run's end).

    `target` is a deployment's id, or `primary`, `others`, `primary-provider`, `primary-region`, `tier:N`,
    `provider:NAME`, `region:NAME`, `*`: see `targets`. From `stops_at_s` on it no longer strikes, but its window stays
    the same: it was stopped by a change of the run.
    """

    fault: Fault
    target: Text
    probability: Share = 1.0
    from_s: RunSeconds = 0.0
    until_s: RunSeconds | None = None
    stops_at_s: RunSeconds | None = None

    def __post_init__(self) -> None:
        if self.until_s is not None and self.until_s <= self.from_s:
            raise BadInput("until_s", "Give a moment after from_s.")
        if self.until_s is None and isinstance(self.fault, Degradation):
            raise BadInput("until_s", "This is needed: it gets worse from from_s to until_s.")
        if self.probability != 1 and isinstance(self.fault, LimitedCapacity):
            raise BadInput("probability", "All requests share a capacity. Leave this out.")
        if self.probability != 1 and isinstance(self.fault, PriceChange):
            raise BadInput("probability", "All requests pay the same price. Leave this out.")

    @property
    def end_s(self) -> float:
        """The end of its window, exclusive."""
        return math.inf if self.until_s is None else self.until_s

    @property
    def over_s(self) -> float:
        """The first second in which it no longer strikes."""
        return self.end_s if self.stops_at_s is None else min(self.end_s, self.stops_at_s)

    def exposure(self) -> Exposure:
        """The exposure of a new deployment to it."""
        return Exposure(window_s=self.end_s - self.from_s)

    def overlaps(self, other: TargetedFault) -> bool:
        """Whether both apply to the same target at the same time."""
        return _subject(self) == _subject(other) and max(self.from_s, other.from_s) < min(self.over_s, other.over_s)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{"kind": "rate_limit", "target": "primary", "probability": 0.3, "retry_after_s": 5}`."""
        aim = {name: getattr(self, name) for name in AIM if getattr(self, name) is not None}
        return {"kind": self.fault.kind, **aim, **fields.written(self.fault)}

    @classmethod
    def from_json(cls, data: object, *, path: str = "fault") -> TargetedFault:
        """The fault that `to_json` described; raises BadInput."""
        given = fields.as_object(data, path)
        kind = KINDS[fields.choice(KINDS, given.get("kind"), f"{path}.kind")]
        own = {name: value for name, value in given.items() if name not in (*AIM, "kind")}
        aim = {name: given[name] for name in AIM if name in given}
        return fields.read(cls, aim, path, fault=fields.read(kind, own, path))


def _subject(aimed: TargetedFault) -> tuple[object, ...]:
    # A server may fail with 500 and with 503 at the same time.
    return aimed.target, aimed.fault.kind, getattr(aimed.fault, "status", None)


def targets(target: str, specs: Sequence[GroupSpec], profiles: Mapping[str, Profile] | None = None) -> frozenset[str]:
    """The ids of a target's deployments; the first group is the rehearsed one.

    `primary` is the first to be asked (see there), `others` the rest of the group. `primary-provider`,
    `primary-region`, `provider:NAME`, `region:NAME` and `*` include the fallback groups: what they share fails for all
    of them. Empty if there are none. `profiles` by deployment id decide which is the fastest.
    """
    everyone = [deployment for spec in specs for deployment in spec.deployments]
    group, first = specs[0], primary(specs[0], profiles or {})
    verb, _, name = target.partition(":")
    match verb, name:
        case "*", "":
            found: Iterable[DeploymentSpec] = everyone
        case "primary", "":
            found = first
        case "others", "":
            found = (d for d in group.deployments if d not in first)
        case "primary-provider", "":
            found = (d for d in everyone if d.provider in {p.provider for p in first})
        case "primary-region", "":
            regions = {p.region.casefold() for p in first if p.region}
            found = (d for d in everyone if d.region.casefold() in regions)
        case "provider", _:
            found = (d for d in everyone if d.provider.casefold() == name.casefold())
        case "region", _:
            found = (d for d in everyone if name and d.region.casefold() == name.casefold())
        case "tier", _:
            found = (d for d in group.deployments if str(group.tier_of(d)) == name)
        case _:
            found = (d for d in everyone if d.deployment_id == target)
    return frozenset(d.deployment_id for d in found)


def primary(spec: GroupSpec, profiles: Mapping[str, Profile]) -> tuple[DeploymentSpec, ...]:
    """The deployment that a fresh group asks first, or most often where chance decides; ties go to the first.

    By strategy: all of the first tier; the largest weight; the cheapest; the fastest by its profile; with
    simple-shuffle the largest rpm, else tpm, which LiteLLM uses as weights; else the first.
    """
    if spec.strategy is Strategy.PRIORITY_FAILOVER:
        return tuple(d for d in spec.deployments if spec.tier_of(d) == spec.tiers[0])
    return tuple(sorted(spec.deployments, key=_precedence(spec, profiles))[:1])


def _precedence(spec: GroupSpec, profiles: Mapping[str, Profile]) -> Callable[[DeploymentSpec], float]:
    """The smallest goes first."""
    match spec.strategy:
        case Strategy.WEIGHTED:
            return lambda d: -(d.weight or 0)
        case Strategy.COST_BASED:
            return lambda d: _price(d.input_cost_per_token_usd) + _price(d.output_cost_per_token_usd)
        case Strategy.LATENCY_BASED:
            return lambda d: _answer_s(profiles.get(d.deployment_id, DEFAULT_PROFILE))
        case Strategy.SIMPLE_SHUFFLE:
            return _shuffled_by(spec)
    return lambda d: 0.0


def _shuffled_by(spec: GroupSpec) -> Callable[[DeploymentSpec], float]:
    if any(d.rpm for d in spec.deployments):
        return lambda d: -(d.rpm or 0)
    return lambda d: -(d.tpm or 0)


def _price(usd: float | None) -> float:
    return UNKNOWN_PRICE_USD if usd is None else usd


def _answer_s(profile: Profile) -> float:
    return typical(profile.first_token_ms) / 1000 + ANSWER_TOKENS / typical(profile.tokens_per_s)
