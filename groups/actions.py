"""Create, change and delete routing groups.

Each action bumps the configuration's version first, which serialises changes (see `providers/config_version.py`):
checks still hold at the commit. So two changes can't together make a circle of fallbacks, overwrite each other's
fields, or take the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, count
from typing import Any, TypedDict, Unpack, cast
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic

from access.models import Actor
from groups import config_checks, rules
from groups.deployments.placements import Placement, rows_of
from groups.exceptions import CannotComeBack
from groups.models import Deployment, RoutingGroup, UndoableChange
from groups.routing_rules.actions import follow_rename
from groups.versions import history, snapshots, undo
from groups.versions.revisions import check_fields, latest, save_revision
from providers import config_version
from providers.models import LanguageModel

LONGEST = 128


def free_name(name: str) -> str:
    """`chat` -> `chat-copy`, or `chat-copy-2`, `-3`, … where that is taken; one query."""
    stem = name[: LONGEST - len("-copy-99999")] + "-copy"
    taken = set(RoutingGroup.objects.filter(name__startswith=stem).values_list("name", flat=True))
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


log = structlog.get_logger(__name__)


class GroupFields(TypedDict, total=False):
    """The editable fields of a group."""

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
    check_group(group, rows)
    config_checks.check_first_token(group.retry_config)
    group.save()
    _place(group, rows)
    history.record(history.CREATED, group, rows, by=by)
    return group


@atomic
def update_group(
    *,
    by: Actor,
    group: RoutingGroup,
    deployments: Sequence[Placement] | None = None,
    if_match: Collection[str] | None = None,
    restored: int | None = None,
    **fields: Unpack[GroupFields],
) -> RoutingGroup:
    """Changes the given fields, and the whole list of deployments if one is given.

    The change applies to the current group, not to the one that the caller loaded; `if_match` (ETags) refuses a group
    that has changed. `restored` is for the history: the revision that this change restores.
    """
    config_version.bump()
    rules.check_can_edit(by)
    fresh = latest(group, RoutingGroup.objects.with_deployments(), if_match)
    before = history.before_change(fresh)
    old_name, old_retry = fresh.name, fresh.retry_config
    for field, value in fields.items():
        setattr(fresh, field, value)
    rows = list(fresh.deployments.all()) if deployments is None else rows_of(deployments)
    check_group(fresh, rows, old_name=old_name)
    if restored is None and fresh.retry_config != old_retry:
        config_checks.check_first_token(fresh.retry_config)
    save_revision(fresh, by=by)
    if deployments is not None:
        fresh.deployments.all().delete()
        _place(fresh, rows)
    history.record(history.CHANGED, fresh, rows, by=by, before=before, restored=restored)
    if fresh.name != old_name:
        _rename_fallbacks(old_name, fresh.name, by)
        follow_rename(by=by, old=old_name, new=fresh.name)
    return fresh


@atomic
def restore_version(*, by: Actor, group: RoutingGroup, version: history.Version) -> RoutingGroup:
    """Restores an earlier version as a new revision.

    Raises ValidationError if one of its models is gone. Settings that did not exist at that version stay as they are.
    """
    wanted = snapshots.model_ids_of(version.snapshot)
    known = LanguageModel.objects.filter(pk__in=wanted).values_list("pk", flat=True)
    placements = snapshots.placements_of(version.snapshot, known=known)
    fields = cast(GroupFields, snapshots.fields_of(version.snapshot))
    fields["settings"] = {**RoutingGroup.objects.get(pk=group.pk).settings, **fields.get("settings", {})}
    return update_group(by=by, group=group, deployments=placements, restored=version.revision, **fields)


@atomic
def delete_group(*, by: Actor, group: RoutingGroup, if_match: Collection[str] | None = None) -> None:
    """Deletes a group; raises GroupIsFallback or GroupIsPool while something needs it."""
    config_version.bump()
    rules.check_can_edit(by)
    fresh = latest(group, RoutingGroup.objects.with_deployments(), if_match)
    rules.check_can_delete(fresh)
    _end(fresh, by)


@atomic
def delete_groups(*, by: Actor, groups: Collection[RoutingGroup]) -> UndoableChange | None:
    """Deletes groups, all or none, in a way that `take_back` can undo; None if they are gone already."""
    config_version.bump()
    rules.check_can_edit(by)
    fresh = _fresh(groups)
    rules.check_can_delete(*fresh)
    change = undo.keep_rows(fresh, by=by) if fresh else None
    for group in fresh:
        _end(group, by)
    return change


@atomic
def switch_groups(*, by: Actor, groups: Collection[RoutingGroup], is_active: bool) -> UndoableChange | None:
    """Puts groups into service or takes them out; None if nothing changes."""
    config_version.bump()
    rules.check_can_edit(by)
    changed = [group for group in _fresh(groups) if group.is_active != is_active]
    for group in changed:
        before = history.before_change(group)
        group.is_active = is_active
        save_revision(group, by=by)
        history.record(history.CHANGED, group, group.deployments.all(), by=by, before=before)
    return undo.keep_switch(changed, by=by) if changed else None


@atomic
def duplicate_group(*, by: Actor, group: RoutingGroup) -> RoutingGroup:
    """A copy of a group under a new name; it is not in the power levels until it is added."""
    config_version.bump()
    fresh = RoutingGroup.objects.with_deployments().get(pk=group.pk)
    copied = snapshots.snapshot_of(fresh, fresh.deployments.all())
    known = [row.model_id for row in fresh.deployments.all()]
    settings = {key: value for key, value in fresh.settings.items() if key != config_checks.IN_POWER_LEVELS}
    own = {"name": free_name(fresh.name), "settings": settings}
    fields = cast(GroupFields, snapshots.fields_of(copied) | own)
    return create_group(by=by, deployments=snapshots.placements_of(copied, known=known), **fields)


@atomic
def take_back(*, by: Actor, token: UUID) -> UndoableChange:
    """Undoes a switch or a deletion of this person; raises NothingToUndo or CannotComeBack."""
    config_version.bump()
    rules.check_can_edit(by)
    change = rules.check_can_undo(UndoableChange.objects.filter(pk=token).first(), by)
    change.delete()
    if change.kind == UndoableChange.Kind.DELETED:
        _bring_back(change, by)
    else:
        groups = RoutingGroup.objects.filter(pk__in=change.kept["ids"])
        switch_groups(by=by, groups=groups, is_active=not change.kept["is_active"])
    log.info("change undone", kind=change.kind, groups=change.names, by=by.name)
    return change


def _bring_back(change: UndoableChange, by: Actor) -> None:
    for group in undo.restored(change):
        try:
            rules.check_name_is_free(group)
            rules.check_fallbacks(group)
        except ValidationError as error:
            raise CannotComeBack(f"{group.name} can't come back: {' '.join(error.messages)}") from error
        rows = group.deployments.select_related("model__provider")
        history.record(history.CREATED, group, rows, by=by, restored=group.revision)


def _fresh(groups: Collection[RoutingGroup]) -> list[RoutingGroup]:
    return list(RoutingGroup.objects.with_deployments().filter(pk__in=[group.pk for group in groups]))


def _end(group: RoutingGroup, by: Actor) -> None:
    before = history.before_change(group)
    history.record(history.DELETED, group, group.deployments.all(), by=by, before=before)
    group.delete()
    log.info("routing group deleted", group=group.name, by=by.name)


def check_group(group: RoutingGroup, rows: Sequence[Deployment], *, old_name: str | None = None) -> None:
    """Raises ValidationError for an invalid group."""
    check_fields(group, CONFIGS)
    group.full_clean()
    rules.check_name_is_free(group)
    rules.check_strategy_fits(group.strategy, rows)
    rules.check_fallbacks(group, old_name=old_name)
    rules.check_router_can(group, rows)


CONFIGS = {
    "retry_config": config_checks.checked_retry,
    "cooldown_config": config_checks.checked_cooldown,
    "fallback_config": config_checks.checked_fallback,
    "settings": config_checks.checked_settings,
}


def _place(group: RoutingGroup, rows: Sequence[Deployment]) -> None:
    for row in rows:
        row.group = group
    Deployment.objects.bulk_create(rows)


def _rename_fallbacks(old: str, new: str, by: Actor) -> None:
    """Updates the fallbacks of other groups to a renamed group."""
    for other in rules.groups_falling_back_to(old):
        before = history.before_change(other)
        other.fallback_config = config_checks.renamed_fallback(other.fallback_config, old=old, new=new)
        save_revision(other, by=by)
        history.record(history.CHANGED, other, other.deployments.all(), by=by, before=before)
