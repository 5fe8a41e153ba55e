"""The route of a request, without sending it: the score, the pool, the candidates and the excluded ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.complexity import Part
from engine.virtual import decide, pools_for, reason
from gateway.explain.candidate_order import Candidate, Excluded, candidates_in
from gateway.explain.skip_reasons import excluded_from, tokens_of
from groups.models import RoutingGroup, VirtualModel
from groups.specs import fallbacks_of, spec_of
from groups.virtual.specs import virtual_spec_of
from usage.health.cooldown_board import by_group, current_cooldowns
from usage.health.response_times import response_times
from usage.health.standby_proofs import standby_states


@dataclass(frozen=True, slots=True)
class GroupExplained:
    """A group's deployments, followed by those of its fallback groups."""

    routing_group: str
    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]


@dataclass(frozen=True, slots=True)
class VirtualExplained:
    """The decision of a virtual model.

    `score` is None without text of a user, `tier` and `pool` are None if none is in service. The positions in `parts`
    count characters of `text`.
    """

    virtual_model: str
    score: int | None
    parts: tuple[Part, ...]
    text: str
    tier: str | None
    pool: str | None
    decision: str
    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]


def explain_virtual_model(row: VirtualModel, messages: Sequence[Any]) -> VirtualExplained:
    """The decision of a virtual model (loaded `with_tiers`), active or not, for these messages."""
    spec = virtual_spec_of(row)
    decision = decide(messages, spec)
    in_service = {tier.pool.name: tier.pool for tier in row.tiers.all() if tier.pool.is_active}
    tier = next((tier for tier in pools_for(decision, spec) if tier.pool in in_service), None)
    pool = explain_group(in_service[tier.pool], messages) if tier else None
    score = decision.score
    return VirtualExplained(
        virtual_model=spec.name,
        score=score.total if score else None,
        parts=score.parts if score else (),
        text=score.text if score else "",
        tier=tier.name if tier else None,
        pool=tier.pool if tier else None,
        decision=reason(decision, tier) if tier else "none, because no pool is in service",
        candidates=pool.candidates if pool else (),
        excluded=pool.excluded if pool else (),
    )


def explain_group(group: RoutingGroup, messages: Sequence[Any] = ()) -> GroupExplained:
    """The candidates for these messages in order, and the excluded ones with reasons; seven queries."""
    names = [group.name, *fallbacks_of(group)]
    rows = {row.name: row for row in RoutingGroup.objects.with_credentials().filter(name__in=names)}
    cooling = by_group(current_cooldowns())
    latencies_ms = {deployment: times.mean_ms for deployment, times in response_times().items()}
    candidates, excluded = [], []
    for row in (rows[name] for name in names if name in rows):
        spec, deployments = spec_of(row), list(row.deployments.all())
        left_out = excluded_from(spec, deployments, cooling=cooling, tokens=tokens_of(messages))
        unable = {one.deployment_id for one in left_out}
        able = [deployment for deployment in spec.deployments if deployment.deployment_id not in unable]
        candidates += candidates_in(spec, able, latencies_ms=latencies_ms)
        excluded += left_out
    return GroupExplained(group.name, tuple(_in_turn(_with_proofs(candidates))), tuple(excluded))


def _with_proofs(candidates: Sequence[Candidate]) -> list[Candidate]:
    proofs = standby_states(one.deployment_id for one in candidates)
    told = ((one, proofs.get(one.deployment_id)) for one in candidates)
    return [
        replace(one, proven_at=proof.proven_at, failing_since=proof.failing_since) if proof else one
        for one, proof in told
    ]


def _in_turn(candidates: Sequence[Candidate]) -> Iterable[Candidate]:
    """Fallback groups are asked later: their deployments are never first, unless the group has none."""
    return (one if one.model_group == candidates[0].model_group else replace(one, chance=0.0) for one in candidates)
