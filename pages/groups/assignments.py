"""The assignments of routing groups: teams and keys, with their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import TextField
from django.db.models.functions import Cast

from access.models import ApiKey, KeyStatus, Team
from groups.models import RoutingGroup, RoutingGroupQuerySet
from lib.ids import uuids_of

# More check boxes than this do not help; the API accepts any id.
KEYS_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Assignee:
    """A team or a key that a group may be assigned to: its id, its name, and whether the group is."""

    id: str
    label: str
    is_chosen: bool


def assignable_teams(chosen: Sequence[str]) -> list[Assignee]:
    """All teams by name, then the chosen ids of deleted teams."""
    names = {str(pk): name for pk, name in Team.objects.order_by("name").values_list("pk", "name")}
    gone = {team_id: f"unknown team {team_id}" for team_id in chosen if team_id not in names}
    return [Assignee(team_id, label, team_id in chosen) for team_id, label in {**names, **gone}.items()]


def assignable_keys(chosen: Sequence[str]) -> list[Assignee]:
    """The newest working keys by name, and every chosen key; keys that no longer work come last."""
    usable = ApiKey.objects.usable().select_related("owner")
    known = {*ApiKey.objects.select_related("owner").filter(pk__in=uuids_of(chosen))}
    offered = sorted({*usable[:KEYS_OFFERED], *(key for key in known if key.status == KeyStatus.USABLE)}, key=_by_name)
    labels = {str(key.pk): f"{key} of {key.owner.username}" for key in offered}
    rotated = {str(key.pk): f"{key}, rotated: its successor may call the group" for key in known if key.successor_id}
    ended = [key_id for key_id in chosen if key_id not in labels]
    gone = {key_id: rotated.get(key_id, f"{key_id}, no key that works now") for key_id in ended}
    return [Assignee(key_id, label, key_id in chosen) for key_id, label in {**labels, **gone}.items()]


def groups_of(team: Team) -> RoutingGroupQuerySet:
    """The groups assigned to a team; the list of ids is searched as text, because SQLite can't search JSON."""
    rows = RoutingGroup.objects.annotate(teams=Cast("assigned_team_ids", TextField()))
    return rows.filter(teams__contains=f'"{team.pk}"')


def group_counts(team_ids: Iterable[str]) -> Counter[str]:
    """The number of groups assigned to each of the teams; one query over all assigned groups."""
    wanted = set(team_ids)
    assigned = RoutingGroup.objects.exclude(assigned_team_ids=[]).values_list("assigned_team_ids", flat=True)
    return Counter(team_id for ids in assigned for team_id in set(ids) & wanted)


def team_names(team_ids: Collection[str]) -> dict[str, str]:
    """The names of existing teams by id; other ids have none."""
    if not team_ids:
        return {}
    ids = {str(team_id).lower() for team_id in team_ids}
    return {str(pk): name for pk, name in Team.objects.values_list("pk", "name") if str(pk) in ids}


def _by_name(key: ApiKey) -> tuple[str, str]:
    return key.name.lower(), key.hint
