"""Create, change and delete routing groups.

Each action bumps the configuration's version first, which makes changes queue up (see
`providers/config_version.py`): what is checked afterwards still holds at the commit, so no two changes
can together make a circle of fallbacks, lose one another's fields, or take the same name.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, TypedDict, Unpack

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic

from access.models import Actor
from groups import policies, rules
from groups.models import Deployment, RoutingGroup
from groups.placements import Placement, rows_of
from providers import config_version

log = structlog.get_logger(__name__)

MAX_SETTINGS_BYTES = 64 * 1024


class GroupFields(TypedDict, total=False):
    """The fields of a group that people set."""

    name: str
    description: str
    strategy: str
    fallback_config: dict[str, Any]
    retry_config: dict[str, Any]
    cooldown_config: dict[str, Any]
    settings: dict[str, Any]
    assigned_team_ids: list[str]
    assigned_key_ids: list[str]
    is_active: bool


@atomic
def create_group(*, by: Actor, deployments: Sequence[Placement], **fields: Unpack[GroupFields]) -> RoutingGroup:
    """A new group, served within a second if it is active."""
    config_version.bump()
    rules.check_can_edit(by)
    group = RoutingGroup(created_by=by.name, updated_by=by.name, **fields)
    rows = rows_of(deployments)
    _check(group, rows)
    group.save()
    _place(group, rows)
    return group


@atomic
def update_group(
    *,
    by: Actor,
    group: RoutingGroup,
    deployments: Sequence[Placement] | None = None,
    if_match: Collection[str] | None = None,
    **fields: Unpack[GroupFields],
) -> RoutingGroup:
    """Changes the fields given, and the whole list of deployments when one is given.

    They are laid over the group as it is now, not as the caller loaded it; `if_match` (ETags) refuses that.
    """
    config_version.bump()
    rules.check_can_edit(by)
    fresh = RoutingGroup.objects.with_deployments().get(pk=group.pk)
    rules.check_unchanged(fresh, if_match)
    old_name = fresh.name
    for field, value in fields.items():
        setattr(fresh, field, value)
    rows = list(fresh.deployments.all()) if deployments is None else rows_of(deployments)
    _check(fresh, rows, old_name=old_name)
    _save_revision(fresh, by)
    if deployments is not None:
        fresh.deployments.all().delete()
        _place(fresh, rows)
    if fresh.name != old_name:
        _rename_fallbacks(old_name, fresh.name, by)
    return fresh


@atomic
def delete_group(*, by: Actor, group: RoutingGroup, if_match: Collection[str] | None = None) -> None:
    """Ends a group; raises GroupIsFallback when others fall back to it."""
    config_version.bump()
    rules.check_can_edit(by)
    fresh = RoutingGroup.objects.get(pk=group.pk)
    rules.check_unchanged(fresh, if_match)
    rules.check_can_delete(fresh)
    fresh.delete()
    log.info("routing group deleted", group=fresh.name, by=by.name)


def _check(group: RoutingGroup, rows: Sequence[Deployment], *, old_name: str | None = None) -> None:
    """Raises ValidationError for anything that makes the group unsound."""
    for field, checked in CONFIGS.items():
        try:
            setattr(group, field, checked(getattr(group, field)))
        except ValidationError as error:
            raise ValidationError({field: error.messages}) from error
    if len(json.dumps(group.settings)) > MAX_SETTINGS_BYTES:
        raise ValidationError({"settings": f"Keep this under {MAX_SETTINGS_BYTES // 1024} kB."})
    group.full_clean()
    rules.check_strategy_fits(group.strategy, rows)
    rules.check_fallbacks(group, old_name=old_name)


CONFIGS = {
    "retry_config": policies.checked_retry,
    "cooldown_config": policies.checked_cooldown,
    "fallback_config": policies.checked_fallback,
}


def _place(group: RoutingGroup, rows: Sequence[Deployment]) -> None:
    for row in rows:
        row.group = group
    Deployment.objects.bulk_create(rows)


def _save_revision(group: RoutingGroup, by: Actor) -> None:
    group.revision += 1
    group.updated_by = by.name
    group.save()


def _rename_fallbacks(old: str, new: str, by: Actor) -> None:
    """Keeps the groups that fall back to a renamed one right."""
    for other in rules.groups_falling_back_to(old):
        other.fallback_config = policies.renamed_fallback(other.fallback_config, old=old, new=new)
        _save_revision(other, by)
