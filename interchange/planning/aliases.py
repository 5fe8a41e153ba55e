"""Aliases of a file against the names there are: which are added, which are here, which can't be had. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from groups.routing_rules.aliases import MOST_ALIASES, trouble_with
from interchange.bundle import Remark


@dataclass(frozen=True, slots=True)
class PlannedAliases:
    """Alias -> the group it leads to: the new ones, and those that are here already."""

    new: Mapping[str, str]
    unchanged: Mapping[str, str]
    remarks: tuple[Remark, ...]


def planned_aliases(
    wanted: Mapping[str, str], stored: Mapping[str, str], groups: Collection[str], taken: Mapping[str, str]
) -> PlannedAliases:
    """`groups` are the names there will be; `taken` those that mean something else than a group, and why."""
    new: dict[str, str] = {}
    remarks = []
    unchanged = {alias: target for alias, target in wanted.items() if stored.get(alias) == target}
    for alias, target in wanted.items():
        if alias in unchanged:
            continue
        if why := _trouble(alias, target, stored, groups, taken, len(stored) + len(new)):
            remarks.append(Remark(alias[:80], f"This alias of {target[:80]} is left out: {why}"))
        else:
            new[alias] = target
    return PlannedAliases(new, unchanged, tuple(remarks))


def _trouble(
    alias: str,
    target: str,
    stored: Mapping[str, str],
    groups: Collection[str],
    taken: Mapping[str, str],
    count: int,
) -> str:
    if alias in stored:
        return f"here it leads to {stored[alias]}."
    if alias in groups:
        return "a routing group is called so."
    if alias in taken:
        return taken[alias]
    if target not in groups:
        return "it leads to no routing group here, and to none that is taken over."
    if count >= MOST_ALIASES:
        return f"there are at most {MOST_ALIASES} aliases."
    return trouble_with(alias, target)
