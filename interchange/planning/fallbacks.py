"""Fallbacks of a file, checked against the existing groups: steps to missing groups, or that close a circle, are left
out.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from groups.config_checks import FALLBACK, fallback_names, find_cycle
from groups.routing_rules.aliases import MOST_ALIASES, trouble_with
from interchange.bundle import GroupDraft, Remark


@dataclass(frozen=True, slots=True)
class PlannedAliases:
    """Alias -> its group: the new ones, and the existing ones."""

    new: Mapping[str, str]
    unchanged: Mapping[str, str]
    remarks: tuple[Remark, ...]


def planned_aliases(
    wanted: Mapping[str, str], stored: Mapping[str, str], groups: Collection[str], taken: Mapping[str, str]
) -> PlannedAliases:
    """`groups` are the names after the import; `taken` are names of other things, with reasons."""
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
        return "a routing group has this name."
    if alias in taken:
        return taken[alias]
    if target not in groups:
        return "it leads to no routing group here, and to none that is imported."
    if count >= MOST_ALIASES:
        return f"there are at most {MOST_ALIASES} aliases."
    return trouble_with(alias, target)


MOST_CIRCLES_SHOWN = 20
NOWHERE = "Fallbacks to groups that are not here, and not imported from the file, are left out:"
CIRCLES = "Fallbacks that close a circle are left out:"


class _Steps:
    """The accepted fallbacks so far. Reachable groups are kept as bit sets, so that thousands of steps are fast."""

    def __init__(self, graph: Mapping[str, Sequence[str]]) -> None:
        self.graph = {name: list(others) for name, others in graph.items()}
        self._bit = {name: 1 << number for number, name in enumerate(self.graph)}
        self._leads_to: dict[str, int] = {}
        for name in self.in_order():
            self._leads_to[name] = self._bit[name]
            for other in self.graph[name]:
                self._leads_to[name] |= self._leads_to[other]

    def in_order(self) -> list[str]:
        """The groups, each after its fallbacks."""
        return list(TopologicalSorter(self.graph).static_order())

    def closes_a_circle(self, start: str, name: str) -> bool:
        return bool(self._leads_to[name] & self._bit[start])

    def circle(self, start: str, name: str) -> list[str]:
        """The circle that a step would close, if any."""
        return find_cycle({**self.graph, start: [*self.graph[start], name]}, start) or []

    def add(self, start: str, name: str) -> None:
        self.graph[start].append(name)
        new = self._leads_to[name]
        for group, reached in self._leads_to.items():
            if reached & self._bit[start]:
                self._leads_to[group] = reached | new


def with_sound_fallbacks(
    drafts: Sequence[GroupDraft], current: Mapping[str, GroupDraft]
) -> tuple[list[GroupDraft], list[Remark]]:
    """The drafts, each after its fallbacks, and a remark for each step that was left out.

    `drafts` would be stored, in the order of the file: of a circle, the closing step is left out. `current` are the
    groups of the console; those without a draft keep their fallbacks.
    """
    here = {**{name: _kept_steps(draft, current) for name, draft in current.items()}, **{d.name: [] for d in drafts}}
    steps = _Steps(here)
    kept: dict[str, GroupDraft] = {}
    remarks: list[Remark] = []
    for draft in drafts:
        kept[draft.name], refused = _sound(draft, steps, shows_circles=len(remarks) < MOST_CIRCLES_SHOWN)
        remarks += refused
    return [kept[name] for name in steps.in_order() if name in kept], remarks


def _kept_steps(draft: GroupDraft, current: Mapping[str, GroupDraft]) -> list[str]:
    return [name for name in fallback_names(draft.config("fallback_config")) if name in current]


def _sound(draft: GroupDraft, steps: _Steps, *, shows_circles: bool) -> tuple[GroupDraft, list[Remark]]:
    """The draft with its valid steps, which are added to the accepted ones."""
    taken: dict[str, list[str]] = {}
    refused: dict[str, Remark] = {}
    for key, name in _wanted(draft):
        if name not in steps.graph:
            refused[name] = _to_nowhere(draft.name, name)
        elif steps.closes_a_circle(draft.name, name):
            refused[name] = _in_a_circle(draft.name, name, steps.circle(draft.name, name) if shows_circles else [])
        else:
            taken.setdefault(key, []).append(name)
            steps.add(draft.name, name)
    if not refused:
        return draft, []
    return replace(draft, fields={**draft.fields, "fallback_config": taken}), list(refused.values())


def _to_nowhere(group: str, name: str) -> Remark:
    why = "there is no such group here, and none is imported from the file"
    return Remark(group, f"Its fallback to {name} is left out: {why}.", NOWHERE, (name,))


def _in_a_circle(group: str, name: str, circle: list[str]) -> Remark:
    way = " → ".join(circle)
    why = f"it closes a circle, {way}" if way else "it closes a circle"
    return Remark(group, f"Its fallback to {name} is left out: {why}.", CIRCLES, (way or f"{group} → {name}",))


def _wanted(draft: GroupDraft) -> list[tuple[str, str]]:
    config = draft.config("fallback_config")
    return [(key, name) for key in FALLBACK for name in config.get(key) or ()]
