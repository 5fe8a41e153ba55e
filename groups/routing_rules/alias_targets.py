"""The possible targets of an alias: groups, virtual models, power levels, models of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from groups.models import RoutingGroup, VirtualModel
from groups.routing_rules.power_levels import LEVEL_NAMES
from groups.specs import call_name
from providers.models import LanguageModel

MOST_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Targets:
    """Callable names: `named` are groups, virtual models and levels, `models` are `provider/model`.

    `loose` finds models by other spellings of the provider: another case, or its type.
    """

    named: frozenset[str]
    models: frozenset[str]
    loose: Mapping[str, str]

    def find(self, target: str) -> str | None:
        """The name to call for an alias's target; None if there is nothing of that name."""
        if target in self.named or target in self.models:
            return target
        return self.loose.get(_spelling(*target.split("/", 1))) if "/" in target else None


def all_targets() -> Targets:
    """The current targets, in service or not; three queries."""
    named = {*RoutingGroup.objects.values_list("name", flat=True), *VirtualModel.objects.values_list("name", flat=True)}
    rows = LanguageModel.objects.values_list("provider__name", "provider__type", "name")
    by_priority = list(rows.order_by("provider__priority", "provider__name"))
    loose: dict[str, str] = {}
    for spelled in (0, 1):
        for row in by_priority:
            loose.setdefault(_spelling(row[spelled], row[2]), call_name(row[0], row[2]))
    models = frozenset(call_name(provider, name) for provider, _, name in by_priority)
    return Targets(frozenset(named | {*LEVEL_NAMES}), models, loose)


def offered_targets() -> list[str]:
    """The first targets of each kind, for a list of suggestions; three queries."""
    names = (
        rows.order_by("name").values_list("name", flat=True) for rows in (RoutingGroup.objects, VirtualModel.objects)
    )
    groups, virtual = (list(found[:MOST_OFFERED]) for found in names)
    models = LanguageModel.objects.order_by("provider__priority", "provider__name", "name")
    called = models.values_list("provider__name", "name")[:MOST_OFFERED]
    return [*groups, *virtual, *LEVEL_NAMES, *(call_name(*row) for row in called)]


def resolved(aliases: Mapping[str, str]) -> dict[str, str]:
    """Alias -> the name to call, for the aliases whose target exists."""
    if not aliases:
        return {}
    targets = all_targets()
    return {alias: name for alias, target in aliases.items() if (name := targets.find(target)) is not None}


def _spelling(provider: str, model: str) -> str:
    return call_name(provider.casefold(), model)
