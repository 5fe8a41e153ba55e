"""Rows -> the facts for power levels: price, speed and quality of each chat group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from groups.models import Deployment, RoutingGroup, Strategy
from groups.routing_rules.power_levels import PoolFacts
from providers.models import LanguageModel


def all_pools(latencies_ms: Mapping[str, float]) -> list[PoolFacts]:
    """The active chat groups of the power levels that have a usable deployment; two queries.

    Latencies are by deployment id.
    """
    groups = RoutingGroup.objects.routable().in_power_levels().with_deployments()
    return [facts for group in groups if (facts := facts_of(group, latencies_ms)) is not None]


def facts_of(group: RoutingGroup, latencies_ms: Mapping[str, float]) -> PoolFacts | None:
    """The facts of a group (loaded `with_deployments`), by its usual deployments; None if it has none, or none that
    chats."""
    rows = usual_of(group)
    if not rows or any(is_embedding(row.model) for row in rows):
        return None
    shares = [float(row.weight or 0) if group.strategy == Strategy.WEIGHTED else 1.0 for row in rows]
    return PoolFacts(
        group.name,
        price_usd=_mean([price_of(row.model) for row in rows], shares),
        latency_ms=_mean([latencies_ms.get(str(row.model_id)) for row in rows], shares),
        quality=_mean([row.model.quality_score for row in rows], shares),
        models=tuple(dict.fromkeys(row.label for row in rows)),
    )


def usual_of(group: RoutingGroup) -> list[Deployment]:
    """The deployments that answer while nothing fails: the first tier, or those with a weight, or all."""
    rows = [row for row in group.deployments.all() if row.model.enabled and row.model.provider.enabled]
    if group.strategy == Strategy.PRIORITY_FAILOVER and rows:
        first = min(row.priority or 1 for row in rows)
        return [row for row in rows if (row.priority or 1) == first]
    if group.strategy == Strategy.COST_BASED and rows:
        return [min(rows, key=lambda row: _with_new_price(price_of(row.model)))]
    if group.strategy == Strategy.WEIGHTED:
        return [row for row in rows if row.weight]
    return rows


def price_of(model: LanguageModel) -> float | None:
    """The mean price of a million input and a million output tokens, in US dollars."""
    known = [float(c) for c in (model.input_cost_per_million, model.output_cost_per_million) if c is not None]
    return fmean(known) if known else None


def is_embedding(model: LanguageModel) -> bool:
    """Whether the model makes embeddings; undescribed models are recognised by their names."""
    return "embedding" in model.capabilities or "embed" in model.name.lower() or "/bge-" in model.name.lower()


def _with_new_price(price: float | None) -> float:
    return float("inf") if price is None else price


def _mean(values: Sequence[float | None], shares: Sequence[float]) -> float | None:
    known = [(value, share) for value, share in zip(values, shares, strict=True) if value is not None and share]
    return sum(v * s for v, s in known) / sum(s for _, s in known) if known else None
