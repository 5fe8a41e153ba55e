"""Undo of a switch or a deletion: the earlier rows are kept unchanged in the database for a few seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from django.core import serializers
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from access.models import Actor
from groups.exceptions import CannotComeBack
from groups.models import Deployment, RoutingGroup, UndoableChange
from providers.models import LanguageModel

# Pages offer undo for 10 seconds; the rest allows for the request's time.
KEPT_FOR = timedelta(seconds=15)


class Exact(DjangoJSONEncoder):
    """Times to the microsecond, as the database has them."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


def keep_switch(groups: Sequence[RoutingGroup], *, by: Actor) -> UndoableChange:
    """Remembers which groups were switched, and to what."""
    kept = {"ids": [str(group.pk) for group in groups], "is_active": groups[0].is_active}
    return _keep(UndoableChange.Kind.SWITCHED, groups, kept, by)


def keep_rows(groups: Sequence[RoutingGroup], *, by: Actor) -> UndoableChange:
    """Remembers groups that are about to be deleted, and the rows that point at them."""
    rows = chain(groups, *(group.deployments.all() for group in groups))
    kept = {"rows": serializers.serialize("json", rows, cls=Exact), "pointers": _pointers(groups)}
    return _keep(UndoableChange.Kind.DELETED, groups, kept, by)


def _keep(kind: UndoableChange.Kind, groups: Sequence[RoutingGroup], kept: dict[str, Any], by: Actor) -> UndoableChange:
    UndoableChange.objects.filter(expires_at__lt=timezone.now()).delete()
    names = [group.name for group in groups]
    expires_at = timezone.now() + KEPT_FOR
    return UndoableChange.objects.create(kind=kind, by=by.name, names=names, kept=kept, expires_at=expires_at)


def restored(change: UndoableChange) -> list[RoutingGroup]:
    """Saves the deleted rows again: the same ids, revisions and times. Raises CannotComeBack."""
    rows = [found.object for found in serializers.deserialize("json", change.kept["rows"])]
    groups = [row for row in rows if isinstance(row, RoutingGroup)]
    models = {row.model_id for row in rows if isinstance(row, Deployment)}
    _check_room([group.name for group in groups], models)
    for row in rows:
        row.save_base(raw=True)
    _point_again(change.kept["pointers"])
    return groups


def _check_room(names: list[str], models: set[UUID]) -> None:
    if taken := RoutingGroup.objects.filter(name__in=names).values_list("name", flat=True):
        raise CannotComeBack(
            f"The name {', '.join(taken)} was taken in the meantime. Rename that group, then undo again."
        )
    if LanguageModel.objects.filter(pk__in=models).count() < len(models):
        raise CannotComeBack("A model of the group is no longer in the catalog. Create the group again without it.")


def _pointers(groups: Iterable[RoutingGroup]) -> dict[str, list[list[str]]]:
    """Rows of other tables whose link a deletion clears (the group's runs): by relation, pairs of their key and the
    group's."""
    return {relation.name: _pairs(relation, groups) for relation in _forgetting()}


def _pairs(relation: Any, groups: Iterable[RoutingGroup]) -> list[list[str]]:
    name = relation.field.attname
    rows = relation.related_model._default_manager.filter(**{f"{name}__in": [group.pk for group in groups]})
    return [[str(key), str(group_id)] for key, group_id in rows.order_by().values_list("pk", name)]


def _point_again(pointers: Mapping[str, list[list[str]]]) -> None:
    for relation in _forgetting():
        keys: dict[str, list[str]] = defaultdict(list)
        for key, group_id in pointers.get(relation.name, []):
            keys[group_id].append(key)
        rows = relation.related_model._default_manager
        for group_id, of_group in keys.items():
            rows.filter(pk__in=of_group).update(**{relation.field.attname: group_id})


def _forgetting() -> list[Any]:
    return [relation for relation in RoutingGroup._meta.related_objects if relation.field.null]
