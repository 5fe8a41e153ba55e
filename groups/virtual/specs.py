"""Rows -> the engine's virtual models."""

from __future__ import annotations

from engine.virtual import TierSpec, VirtualSpec
from groups.models import VirtualModel
from groups.virtual.scoring import rules_of


def active_virtual_specs() -> list[VirtualSpec]:
    """Every active virtual model by name; two queries."""
    return [virtual_spec_of(row) for row in VirtualModel.objects.routable().with_tiers()]


def virtual_spec_of(row: VirtualModel) -> VirtualSpec:
    """One virtual model, loaded `with_tiers`."""
    tiers = tuple(TierSpec(tier.name, tier.minimum_score, tier.pool.name) for tier in row.tiers.all())
    return VirtualSpec(row.name, tiers, row.default_tier, rules_of(row.scoring))
