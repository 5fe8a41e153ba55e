"""A group as it was, or as somebody would have it, in memory only: to rehearse it beside the stored one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Unpack

from django.core.exceptions import ValidationError

from groups import config_checks
from groups.actions import GroupFields, check_group
from groups.deployments.placements import Placement, rows_of
from groups.models import Deployment, RoutingGroup
from groups.versions import history, snapshots
from providers.models import LanguageModel

Unsaved = tuple[RoutingGroup, list[Deployment]]


def draft_of(group: RoutingGroup, *, deployments: Sequence[Placement], **fields: Unpack[GroupFields]) -> Unsaved:
    """The group with these fields and deployments, checked as a save would; raises ValidationError by field."""
    draft = _changed(group, fields)
    rows = rows_of(deployments)
    check_group(draft, rows, old_name=group.name)
    if draft.retry_config != group.retry_config:
        config_checks.check_first_token(draft.retry_config)
    return draft, rows


def revision_of(group: RoutingGroup, revision: int) -> Unsaved:
    """The group as it was at an earlier revision; raises ValidationError if nobody kept it, or a model is gone."""
    entry = history.entries_of(group.pk).filter(additional_data__revision=revision).first()
    if entry is None:
        raise ValidationError(f"There is no revision {revision} of '{group.name}'; it is at {group.revision} now.")
    snapshot = history.versions([entry])[0].snapshot
    known = LanguageModel.objects.filter(pk__in=snapshots.model_ids_of(snapshot)).values_list("pk", flat=True)
    rows = rows_of(snapshots.placements_of(snapshot, known=known))
    return _changed(group, {**snapshots.fields_of(snapshot), "revision": revision}), rows


def _changed(group: RoutingGroup, fields: Mapping[str, Any]) -> RoutingGroup:
    changed = copy(group)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
