"""What the pools of a virtual model charge, from the catalog."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from groups.models import Deployment, RoutingGroup, Strategy, VirtualModel, VirtualTier
from groups.routing_rules.facts import usual_of
from groups.virtual.calibration import PoolPrices

MILLION = 1_000_000


def prices_of(row: VirtualModel) -> list[PoolPrices]:
    """The pools of a virtual model (loaded `with_tiers`), lowest tier first; two queries."""
    tiers = list(row.tiers.all())
    wanted = [tier.pool_id for tier in tiers]
    groups = {group.pk: group for group in RoutingGroup.objects.with_deployments().filter(pk__in=wanted)}
    return [_of(tier, groups[tier.pool_id]) for tier in tiers]


def _of(tier: VirtualTier, group: RoutingGroup) -> PoolPrices:
    rows = usual_of(group)
    shares = [float(row.weight or 0) if group.strategy == Strategy.WEIGHTED else 1.0 for row in rows]
    charged = [_mean(rows, shares, which) for which in ("input_cost_per_million", "output_cost_per_million")]
    return PoolPrices(tier.name, group.name, *charged)


def _mean(rows: Iterable[Deployment], shares: Iterable[float], which: str) -> float | None:
    """Per token; unknown as soon as one price is."""
    priced = [(getattr(row.model, which), share) for row, share in zip(rows, shares, strict=True) if share]
    if not priced or any(price is None for price, _ in priced):
        return None
    total = fmean(share for _, share in priced)
    return fmean(float(price) * share for price, share in priced) / total / MILLION
