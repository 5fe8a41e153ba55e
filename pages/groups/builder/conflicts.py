"""Somebody else saved the group first: both versions, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from groups.models import RoutingGroup
from groups.versions.differences import Difference, differences
from groups.versions.snapshots import snapshot_of
from pages.groups.builder.drafts import Draft


@dataclass(frozen=True, slots=True)
class Conflict:
    """The group as it is now, and where the draft differs from it: `before` is theirs, `after` is yours."""

    group: RoutingGroup
    lines: tuple[Difference, ...]


def conflict_of(draft: Draft, group: RoutingGroup) -> Conflict | None:
    """The draft against the group as it is stored; None when the draft names a model that is gone, which it blames."""
    try:
        mine = snapshot_of(*draft.unsaved(group))
    except ValidationError as error:
        draft.blame(error)
        return None
    return Conflict(group, differences(snapshot_of(group, group.deployments.all()), mine))
