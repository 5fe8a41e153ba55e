"""Create, change and delete virtual models. As with groups, changes are serialised: see `groups/actions.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypedDict, Unpack

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic

from access.models import Actor, Role
from access.rules import check_role
from groups.models import VirtualModel, VirtualTier
from groups.routing_rules.actions import follow_rename
from groups.rules import check_name_is_free, check_not_aliased
from groups.versions.revisions import check_fields, latest, save_revision
from groups.virtual.history import CHANGED, CREATED, DELETED, record, snapshot_of
from groups.virtual.scoring import checked_scoring
from groups.virtual.tiers import TierPlan, rows_of
from providers import config_version


def check_can_edit(actor: Actor) -> None:
    """Operators and above create, change and delete virtual models."""
    check_role(actor, Role.OPERATOR, to="edit virtual models")


def check_default_tier(row: VirtualModel, tiers: Sequence[VirtualTier]) -> None:
    """Raises unless the default tier is one of the tiers."""
    names = [tier.name for tier in tiers]
    if row.default_tier not in names:
        raise ValidationError({"default_tier": f"Name one of the tiers: {', '.join(names)}."})


log = structlog.get_logger(__name__)


class VirtualModelFields(TypedDict, total=False):
    """The editable fields of a virtual model; an empty `default_tier` is the highest tier."""

    name: str
    description: str
    scoring: dict[str, Any]
    default_tier: str
    is_active: bool


@atomic
def create_virtual_model(*, by: Actor, tiers: Sequence[TierPlan], **fields: Unpack[VirtualModelFields]) -> VirtualModel:
    """A new virtual model, served within a second if it is active."""
    config_version.bump()
    check_can_edit(by)
    row = VirtualModel(created_by=by.name, updated_by=by.name, **fields)
    placed = rows_of(tiers)
    _check(row, placed)
    row.save()
    _place(row, placed)
    record(CREATED, row, {}, snapshot_of(row, placed), by=by)
    return row


@atomic
def update_virtual_model(
    *,
    by: Actor,
    virtual_model: VirtualModel,
    tiers: Sequence[TierPlan] | None = None,
    if_match: Collection[str] | None = None,
    **fields: Unpack[VirtualModelFields],
) -> VirtualModel:
    """Changes the given fields, and all tiers if any are given. `if_match` (ETags) refuses another version."""
    config_version.bump()
    check_can_edit(by)
    fresh = latest(virtual_model, VirtualModel.objects.with_tiers(), if_match)
    placed = list(fresh.tiers.all())
    before = snapshot_of(fresh, placed)
    for field, value in fields.items():
        setattr(fresh, field, value)
    if tiers is not None:
        placed = rows_of(tiers)
    _check(fresh, placed)
    save_revision(fresh, by=by)
    if tiers is not None:
        fresh.tiers.all().delete()
        _place(fresh, placed)
    record(CHANGED, fresh, before, snapshot_of(fresh, placed), by=by)
    if fresh.name != before["name"]:
        follow_rename(by=by, old=before["name"], new=fresh.name)
    return fresh


@atomic
def delete_virtual_model(*, by: Actor, virtual_model: VirtualModel, if_match: Collection[str] | None = None) -> None:
    """Deletes a virtual model; its pools stay. Raises IsAliased while an alias leads to it."""
    config_version.bump()
    check_can_edit(by)
    fresh = latest(virtual_model, VirtualModel.objects.with_tiers(), if_match)
    check_not_aliased(fresh.name)
    record(DELETED, fresh, snapshot_of(fresh, fresh.tiers.all()), {}, by=by)
    fresh.delete()
    log.info("virtual model deleted", virtual_model=fresh.name, by=by.name)


def _check(row: VirtualModel, tiers: Sequence[VirtualTier]) -> None:
    """Raises ValidationError for an invalid virtual model."""
    check_fields(row, {"scoring": checked_scoring})
    row.default_tier = row.default_tier or tiers[-1].name
    row.full_clean()
    check_default_tier(row, tiers)
    check_name_is_free(row)


def _place(row: VirtualModel, tiers: Sequence[VirtualTier]) -> None:
    for tier in tiers:
        tier.virtual_model = row
    VirtualTier.objects.bulk_create(tiers)
