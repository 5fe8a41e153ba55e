"""Rules from outside -> checked rules. Raises ValidationError naming the field."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from groups.models import RoutingGroup, RoutingRules, VirtualModel
from groups.routing_rules.alias_targets import Targets, all_targets
from groups.routing_rules.aliases import MOST_ALIASES, trouble_with
from groups.routing_rules.chain import meant
from groups.routing_rules.power_levels import LEVEL_NAMES, LevelStrategy
from providers.models import Provider
from providers.presets import is_known

MEASURES = ("cost", "latency", "quality")
MOST_PROVIDERS = 50
MOST_WEIGHT = 1_000_000


def checked_strategy(value: Any) -> str:
    """One of the five."""
    if value not in list(LevelStrategy):
        raise ValidationError({"strategy": f"Give one of {', '.join(LevelStrategy)}."})
    return str(value)


def checked_weights(value: Any) -> dict[str, float]:
    """`cost`, `latency` and `quality`, relative to each other; an absent one is 0."""
    if not isinstance(value, Mapping) or not value.keys() <= {*MEASURES}:
        raise ValidationError({"weights": f"Give an object with {', '.join(MEASURES)}."})
    weights = {name: value.get(name) or 0 for name in MEASURES}
    if not all(_is_weight(weight) for weight in weights.values()):
        raise ValidationError({"weights": f"Each weight is a number from 0 to {MOST_WEIGHT:,}, such as 0.4."})
    if not any(weights.values()):
        raise ValidationError({"weights": "Not every weight may be 0: nothing would count."})
    return weights


def checked_providers(value: Any) -> list[str]:
    """Ids, names or types of providers, each once."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MOST_PROVIDERS:
        raise ValidationError({"fallback_providers": f"Give a list of at most {MOST_PROVIDERS} providers."})
    entries = [str(entry).strip() for entry in value]
    if len({entry.casefold() for entry in entries}) < len(entries):
        raise ValidationError({"fallback_providers": "Name each provider once."})
    rows = list(Provider.objects.all())
    if unknown := [entry for entry in entries if not meant(entry, rows) and not is_known(entry.lower())]:
        why = f"There is no provider {', '.join(entry[:64] for entry in unknown[:5])}. Give its id, name or type."
        raise ValidationError({"fallback_providers": why})
    return entries


def checked_aliases(value: Any) -> dict[str, str]:
    """Alias -> target. A target `provider/model` may be missing in the catalog; any other target must exist."""
    if not isinstance(value, Mapping) or len(value) > MOST_ALIASES:
        raise ValidationError({"model_aliases": f"Give an object of at most {MOST_ALIASES} aliases and their targets."})
    aliases = {str(alias).strip(): str(target).strip() for alias, target in value.items()}
    troubles = troubles_with(aliases)
    if refused := {alias: why for alias, (why, is_fatal) in troubles.items() if is_fatal}:
        raise ValidationError({"model_aliases": [f"{alias[:64]}: {why}" for alias, why in [*refused.items()][:20]]})
    return aliases


def troubles_with(aliases: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
    """The problems by alias, and whether they forbid saving it; five queries."""
    targets, taken = all_targets(), _taken(aliases)
    found = {alias: _trouble(alias, target, aliases, targets, taken) for alias, target in aliases.items()}
    return {alias: trouble for alias, trouble in found.items() if trouble[0]}


def problems_of(rules: RoutingRules) -> list[str]:
    """Stored targets that no longer exist."""
    missing = [f"{alias}: {why}" for alias, (why, _) in troubles_with(rules.model_aliases).items()]
    rows = list(Provider.objects.all()) if rules.fallback_providers else []
    gone = [entry for entry in rules.fallback_providers if not meant(entry, rows)]
    return missing + [f"{entry}: there is no such provider now, so it is skipped." for entry in gone]


def _trouble(
    alias: str, target: str, aliases: Mapping[str, str], targets: Targets, taken: Mapping[str, str]
) -> tuple[str, bool]:
    if why := trouble_with(alias, target):
        return why, True
    if alias in taken:
        return f"A {taken[alias]} has this name; choose another alias.", True
    if target in aliases:
        return f"'{target}' is an alias itself; use its target instead.", True
    if targets.find(target) is None:
        named = "no model in the catalog" if "/" in target else "no routing group, virtual model or power level"
        return f"There is {named} called '{target}'.", "/" not in target
    return "", False


def _taken(aliases: Mapping[str, str]) -> dict[str, str]:
    """The names among these that are already taken by something else."""
    kinds = (RoutingGroup, VirtualModel)
    taken = {n: str(k._meta.verbose_name) for k in kinds for n in k.objects.values_list("name", flat=True)}
    return {
        name: kind for name, kind in {**taken, **dict.fromkeys(LEVEL_NAMES, "power level")}.items() if name in aliases
    }


def _is_weight(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= MOST_WEIGHT
