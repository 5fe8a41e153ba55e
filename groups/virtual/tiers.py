"""Requested tiers -> rows, lowest first, with the routing groups found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError

from groups.models import RoutingGroup, VirtualTier

FEWEST_TIERS, MOST_TIERS = 2, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPlan:
    """One requested tier: from `minimum_score` on, the routing group named `pool` answers.

    None means no minimum. Without names, two tiers are called simple and complex, more tiers tier-1, tier-2, …
    """

    pool: str
    minimum_score: int | None = None
    name: str = ""


def rows_of(plans: Sequence[TierPlan]) -> list[VirtualTier]:
    """Unsaved tiers, lowest first; one query. Raises ValidationError for `tiers`."""
    if not FEWEST_TIERS <= len(plans) <= MOST_TIERS:
        raise _error(f"Give {FEWEST_TIERS} to {MOST_TIERS} tiers.")
    ordered = _named(sorted(plans, key=_minimum))
    _check_distinct(ordered)
    pools = {pool.name: pool for pool in RoutingGroup.objects.filter(name__in={plan.pool for plan in plans})}
    if unknown := [plan.pool for plan in ordered if plan.pool not in pools]:
        raise _error(f"There is no routing group named {', '.join(dict.fromkeys(unknown))}.")
    rows = [
        VirtualTier(position=n, name=plan.name, minimum_score=plan.minimum_score, pool=pools[plan.pool])
        for n, plan in enumerate(ordered)
    ]
    for row in rows:
        _check_fields(row)
    return rows


def name_of(plan: TierPlan, plans: Sequence[TierPlan]) -> str:
    """The name of one of these tiers."""
    ordered = sorted(plans, key=_minimum)
    return _named(ordered)[ordered.index(plan)].name


def _minimum(plan: TierPlan) -> float:
    return float("-inf") if plan.minimum_score is None else plan.minimum_score


def _named(plans: Sequence[TierPlan]) -> list[TierPlan]:
    usual = ("simple", "complex") if len(plans) == FEWEST_TIERS else [f"tier-{n + 1}" for n in range(len(plans))]
    return [replace(plan, name=plan.name or name) for plan, name in zip(plans, usual, strict=True)]


def _check_fields(row: VirtualTier) -> None:
    try:
        row.clean_fields(exclude={"virtual_model", "pool"})
    except ValidationError as error:
        raise _error(f"Tier {row.name}: {' '.join(error.messages)}") from error


def _check_distinct(plans: Sequence[TierPlan]) -> None:
    """Raises if two tiers have the same minimum or the same name."""
    if len({plan.minimum_score for plan in plans}) < len(plans):
        raise _error("Give each tier another minimum_score; only the lowest may be without one.")
    if len({plan.name for plan in plans}) < len(plans):
        raise _error("Give each tier another name.")


def _error(message: str) -> ValidationError:
    return ValidationError({"tiers": message})
