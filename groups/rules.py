"""Who may change routing groups, and which groups are valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from access.models import Actor, Role
from access.rules import check_role
from engine.spec import Rescues, Router
from groups.config_checks import (
    BY_ERROR,
    COOLDOWN,
    HEDGE,
    RESCUE,
    ROUTER,
    STICKY,
    STREAM_UPSTREAM,
    fallback_names,
    find_cycle,
)
from groups.exceptions import GroupIsFallback, GroupIsPool, IsAliased, NothingToUndo
from groups.models import (
    Deployment,
    RoutingGroup,
    RoutingRules,
    Strategy,
    UndoableChange,
    VirtualModel,
    VirtualTier,
)
from groups.routing_rules.power_levels import LEVEL_NAMES


def check_can_edit(actor: Actor) -> None:
    """Operators and above create, change and delete groups."""
    check_role(actor, Role.OPERATOR, to="edit routing groups")


# Names that a client can send as `model`, beside `provider/model` of the catalog.
CALLABLE = (RoutingGroup, VirtualModel)


def taken_names(kind: type[RoutingGroup | VirtualModel]) -> dict[str, str]:
    """The names that are taken for this kind, with the reason, because a name that clients send means one thing.

    Two queries.
    """
    others = (other for other in CALLABLE if other is not kind)
    aliases = dict.fromkeys(
        RoutingRules.objects.current().model_aliases,
        "An alias of this name exists in the routing rules; choose another name.",
    )
    levels = {name: f"'{name}' is the name of a power level; choose another name." for name in LEVEL_NAMES}
    named = {
        name: f"A {other._meta.verbose_name} of this name exists; choose another name."
        for other in others
        for name in other.objects.values_list("name", flat=True)
    }
    return {**aliases, **levels, **named}


def check_name_is_free(row: RoutingGroup | VirtualModel) -> None:
    """Raises if something of another kind has the name."""
    if why := taken_names(type(row)).get(row.name):
        raise ValidationError({"name": why})


def check_not_aliased(*names: str) -> None:
    """Raises IsAliased while an alias leads to one of these; one query."""
    aliases = RoutingRules.objects.current().model_aliases
    for name in names:
        if leading := [alias for alias, target in aliases.items() if target == name]:
            raise IsAliased(name, leading)


def check_strategy_fits(strategy: str, deployments: Sequence[Deployment]) -> None:
    """Raises unless every deployment has the fields that the strategy needs."""
    if strategy == Strategy.PRIORITY_FAILOVER:
        _check_all_have("priority", [row.priority for row in deployments], "a priority of 1 (tried first) or more")
    if strategy == Strategy.WEIGHTED:
        weights = [row.weight for row in deployments]
        _check_all_have("weight", weights, "a weight of 0 or more")
        if not any(weights):
            raise ValidationError({"deployments": "Not every weight may be 0: nothing would take traffic."})


def _check_all_have(what: str, values: Sequence[int | None], needed: str) -> None:
    problems = [f"Deployment {n}: the strategy needs {needed}." for n, v in enumerate(values, start=1) if v is None]
    if problems:
        raise ValidationError({"deployments": problems})


def check_fallbacks(group: RoutingGroup, *, old_name: str | None = None) -> None:
    """Raises for fallbacks that don't exist or that form a circle. `old_name` is set during a rename."""
    if not fallback_names(group.fallback_config):
        return  # without fallbacks there is no circle: the other groups need not be read
    others = RoutingGroup.objects.exclude(pk=group.pk).values_list("name", "fallback_config")
    graph = {name: [group.name if n == old_name else n for n in fallback_names(config)] for name, config in others}
    graph[group.name] = fallback_names(group.fallback_config)
    if unknown := [name for name in graph[group.name] if name not in graph]:
        raise ValidationError({"fallback_config": f"There is no routing group named {', '.join(unknown)}."})
    if cycle := find_cycle(graph, group.name):
        raise ValidationError({"fallback_config": f"The fallbacks lead in a circle: {' → '.join(cycle)}."})


# What LiteLLM's Router has no setting for.
NOT_LITELLMS = {
    "retry_config": ("retry_after_max_s", "retry_budget", BY_ERROR),
    "cooldown_config": tuple(key for key in COOLDOWN if key not in ("cooldown_time_s", "allowed_fails")),
    "settings": (STREAM_UPSTREAM, RESCUE, STICKY, HEDGE),
}


def check_router_can(group: RoutingGroup, deployments: Sequence[Deployment]) -> None:
    """Raises for settings that LiteLLM's Router does not have, in a group that asks for that one."""
    if group.settings.get(ROUTER) != Router.LITELLM:
        return
    for config, keys in NOT_LITELLMS.items():
        if lost := [key for key in keys if _is_set(getattr(group, config).get(key))]:
            why = f"LiteLLM's Router has no such setting. Leave out {', '.join(lost)}, or choose another router."
            raise ValidationError({config: f"{lost[0]}: {why}"})
    for number, row in enumerate(deployments, start=1):
        if row.max_parallel is not None or row.max_wait_s is not None:
            why = "LiteLLM's Router has no max_parallel and max_wait_s. Leave them out, or choose another router."
            raise ValidationError({"deployments": f"Deployment {number}: {why}"})


def _is_set(value: Any) -> bool:
    is_off = isinstance(value, Mapping) and value.get("enabled") is False
    return not is_off and value not in (None, False, Rescues.OFF)


def groups_falling_back_to(name: str) -> list[RoutingGroup]:
    """The groups that name this one as a fallback, by name."""
    return [group for group in RoutingGroup.objects.all() if name in fallback_names(group.fallback_config)]


def check_can_delete(*groups: RoutingGroup) -> None:
    """Raises GroupIsFallback, GroupIsPool or IsAliased, naming what still needs one of these; three queries."""
    going = {group.name for group in groups}
    others = RoutingGroup.objects.exclude(name__in=going).values_list("name", "fallback_config")
    left = {name: going.intersection(fallback_names(config)) for name, config in others}
    for group in groups:
        if users := [name for name, used in left.items() if group.name in used]:
            raise GroupIsFallback(group.name, users)
    tiers = VirtualTier.objects.filter(pool__in=groups).order_by("virtual_model__name")
    used_by = list(tiers.values_list("pool__name", "virtual_model__name").distinct())
    for group in groups:
        if users := [virtual_model for pool, virtual_model in used_by if pool == group.name]:
            raise GroupIsPool(group.name, users)
    check_not_aliased(*going)


def check_can_undo(change: UndoableChange | None, actor: Actor) -> UndoableChange:
    """The change, if it belongs to this person and is not too old; raises NothingToUndo."""
    if change is None or change.by != actor.name or change.expires_at < timezone.now():
        raise NothingToUndo
    return change
