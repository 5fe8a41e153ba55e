"""Virtual models for pages. Data only, no HTML."""

from __future__ import annotations

from dataclasses import dataclass

from groups.models import RoutingGroup, VirtualModel


@dataclass(frozen=True, slots=True)
class TierLine:
    """A tier with its scores, such as `below 50` or `50 to 199`."""

    name: str
    pool: RoutingGroup
    scores: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class VirtualRow:
    """A virtual model as a row of the list."""

    row: VirtualModel
    tiers: tuple[TierLine, ...]


def row_of(row: VirtualModel) -> VirtualRow:
    """The row of a virtual model (loaded `with_tiers`)."""
    return VirtualRow(row, tier_lines(row))


def tier_lines(row: VirtualModel) -> tuple[TierLine, ...]:
    """Its tiers, lowest first. The lowest takes every score below the next, regardless of its own minimum."""
    tiers = list(row.tiers.all())
    minima = [None, *(tier.minimum_score for tier in tiers[1:]), None]
    bounds = zip(tiers, minima, minima[1:], strict=False)
    return tuple(TierLine(t.name, t.pool, _scores(low, high), t.name == row.default_tier) for t, low, high in bounds)


def _scores(low: int | None, high: int | None) -> str:
    if low is None:
        return "any score" if high is None else f"below {high}"
    return f"from {low}" if high is None else f"{low} to {high - 1}"
