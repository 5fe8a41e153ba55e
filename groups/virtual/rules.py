"""Who may change virtual models, and what a sound one is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.core.exceptions import ValidationError

from access.models import Actor, Role
from access.rules import check_role
from groups.exceptions import VirtualModelChanged
from groups.models import VirtualModel, VirtualTier


def check_can_edit(actor: Actor) -> None:
    """Operators and up create, change and delete virtual models."""
    check_role(actor, Role.OPERATOR, to="edit virtual models")


def check_unchanged(row: VirtualModel, etags: Collection[str] | None) -> None:
    """Raises VirtualModelChanged unless it is at one of these versions. None asks for nothing, `*` for any."""
    if etags is None or "*" in etags:
        return
    if row.etag not in {etag.removeprefix("W/") for etag in etags}:
        raise VirtualModelChanged(row.name, row.etag)


def check_default_tier(row: VirtualModel, tiers: Sequence[VirtualTier]) -> None:
    """Raises unless the default tier is one of the tiers."""
    names = [tier.name for tier in tiers]
    if row.default_tier not in names:
        raise ValidationError({"default_tier": f"Name one of the tiers: {', '.join(names)}."})
