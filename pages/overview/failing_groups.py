"""Unhealthy groups, by how many callers they fail now; found by their failures, for any number of groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from pages.groups.cards import ids_of_groups
from usage.health.activity import NEWEST, RECENT, WENT_WRONG, GroupHealth, GroupState, Served, health_of, recent_answers
from usage.models import RequestRecord

# More than a person can handle at once; those with the most failures.
MOST_LOOKED_AT, MOST_SHOWN = 40, 8
WORST_FIRST = (GroupState.FAILING, GroupState.DEGRADED)
MOVED_ON = Q(attempts__1__isnull=False)


@dataclass(frozen=True, slots=True)
class UnhealthyGroup:
    """A group that is failing or degraded, with the requests that it `failed` in the last ten minutes; `id` is None if
    the group is gone."""

    name: str
    id: UUID | None
    health: GroupHealth
    failed: int = 0


@dataclass(frozen=True, slots=True)
class WorstGroups:
    """The worst groups, and how many more there are."""

    groups: tuple[UnhealthyGroup, ...]
    more: int


def worst_groups(*, cooling: Collection[str] = ()) -> WorstGroups:
    """Groups that are failing or degraded; `cooling` are further names to check. Three or four queries."""
    served = recent_answers()
    states = {name: health for name, health in _healths(cooling, served).items() if health.state in WORST_FIRST}
    failed = {name: served.get(name, Served()).failed for name in states}
    worst = sorted(states, key=lambda name: (-failed[name], WORST_FIRST.index(states[name].state), name))
    shown = worst[:MOST_SHOWN]
    ids = ids_of_groups(shown)
    return WorstGroups(
        tuple(UnhealthyGroup(name, ids.get(name), states[name], failed[name]) for name in shown),
        len(worst) - len(shown),
    )


def _healths(cooling: Collection[str], served: Mapping[str, Served]) -> dict[str, GroupHealth]:
    """Health by the callers' answers, and by the newest requests of each group with a recent failure, also of a single
    deployment."""
    recent = RequestRecord.objects.filter(started_at__gte=timezone.now() - RECENT).order_by()
    failed = recent.filter(WENT_WRONG | MOVED_ON).values("model_group").annotate(failures=Count("pk"))
    names = failed.order_by("-failures").values("model_group")[:MOST_LOOKED_AT]
    number = Window(RowNumber(), partition_by=F("model_group"), order_by=F("started_at").desc())
    looked_at = recent.filter(Q(model_group__in=names) | Q(model_group__in=list(cooling)[:MOST_LOOKED_AT]))
    newest = looked_at.annotate(number=number).filter(number__lte=NEWEST)
    attempts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, tried in newest.values_list("model_group", "attempts"):
        attempts[name].extend(tried)
    names_of_all = {*attempts, *(name for name, said in served.items() if said.failed or said.is_alarming)}
    return {name: health_of(attempts.get(name, ()), served.get(name, Served())) for name in names_of_all}
