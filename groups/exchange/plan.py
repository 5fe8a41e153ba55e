"""A file against the console -> what an import creates, changes and skips, and why. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from django.core.exceptions import ValidationError

from groups import rules
from groups.actions import CONFIGS
from groups.cycles import Graph, find_cycle
from groups.differences import Difference, differences
from groups.exchange.bundle import Bundle, GroupDraft, ModelDraft, ProviderDraft, Remark
from groups.exchange.rows import Known
from groups.exchange.supplies import Supplies, supplies_of
from groups.models import Deployment, RoutingGroup
from groups.policies import fallback_names
from groups.snapshots import PLACED, Snapshot

ANOTHERS = ("created_by", "updated_by")


class Verdict(StrEnum):
    """What becomes of a group of the file."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """A group of the file with its deployments as this console names them; `why` it is skipped, what changes."""

    draft: GroupDraft
    verdict: Verdict
    why: str = ""
    changes: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole import, in the order it can be made: fallbacks before the groups that fall back to them."""

    groups: tuple[PlannedGroup, ...]
    providers: tuple[ProviderDraft, ...]
    models: tuple[ModelDraft, ...]
    remarks: tuple[Remark, ...]

    def of(self, verdict: Verdict) -> tuple[PlannedGroup, ...]:
        """The groups this becomes of."""
        return tuple(group for group in self.groups if group.verdict is verdict)

    @property
    def writes(self) -> bool:
        """Whether anything would be stored."""
        return any(group.verdict in (Verdict.CREATED, Verdict.CHANGED) for group in self.groups)


def planned(bundle: Bundle, known: Known, *, may_add_providers: bool) -> Plan:
    """What importing the bundle does to the console as it is known."""
    supplies = supplies_of(bundle, known, may_add_providers=may_add_providers)
    current = known.groups or {}
    judged = {draft.name: _judged(draft, current, supplies, bundle) for draft in reversed(bundle.groups)}
    twice = _named_twice(bundle.groups)
    groups = _with_sound_fallbacks(
        {name: judged[name] for name in dict.fromkeys(g.name for g in bundle.groups)}, current
    )
    used = {p.provider: None for g in groups if _is_written(g) for p in g.draft.deployments}
    places = {(p.provider, p.model_name) for g in groups if _is_written(g) for p in g.draft.deployments}
    return Plan(
        groups=tuple(groups),
        providers=tuple(p for p in supplies.new_providers if p.name in used),
        models=tuple(m for m in supplies.new_models if (m.provider, m.name) in places),
        remarks=(*bundle.remarks, *twice),
    )


def _named_twice(drafts: Iterable[GroupDraft]) -> list[Remark]:
    names = [draft.name for draft in drafts]
    return [Remark(n, "Is in the file twice; the first counts.") for n in dict.fromkeys(names) if names.count(n) > 1]


def _judged(draft: GroupDraft, current: Mapping[str, GroupDraft], supplies: Supplies, bundle: Bundle) -> PlannedGroup:
    """One group by itself; its fallbacks are looked at when all are judged."""
    before = current.get(draft.name)
    problems, placements = supplies.resolved(draft.deployments)
    draft = replace(draft, deployments=placements)
    if before is not None and bundle.is_partial:
        draft = _completed(draft, before)
    if why := " ".join(problems) or _unsound(draft):
        return PlannedGroup(draft, Verdict.SKIPPED, why)
    if before is None:
        return PlannedGroup(draft, Verdict.CREATED)
    changes = differences(_snapshot(before), _snapshot(replace(draft, fields={**before.fields, **draft.fields})))
    return PlannedGroup(draft, Verdict.CHANGED if changes else Verdict.UNCHANGED, changes=changes)


def _completed(draft: GroupDraft, before: GroupDraft) -> GroupDraft:
    """What a format can't say of a deployment stays as it is: its name here, and what another strategy needs."""
    old = {(p.provider, p.model_name): p for p in before.deployments}
    rows = []
    for placement in draft.deployments:
        was = old.get((placement.provider, placement.model_name), placement)
        kept = {name: getattr(was, name) for name in ("display_name", "priority", "weight")}
        said = {name: getattr(placement, name) for name in kept if getattr(placement, name) not in (None, "")}
        rows.append(replace(placement, **{**kept, **said}))
    return replace(draft, deployments=tuple(rows))


def _unsound(draft: GroupDraft) -> str:
    """Why no such group can be stored, or ''."""
    group = RoutingGroup(name=draft.name, **draft.fields)
    rows = [Deployment(priority=p.priority, weight=p.weight, rpm=p.rpm, tpm=p.tpm) for p in draft.deployments]
    models = [(p.provider, p.model_name) for p in draft.deployments]
    try:
        for name, checked in CONFIGS.items():
            setattr(group, name, checked(getattr(group, name)))
        group.clean_fields(exclude=ANOTHERS)
        rules.check_strategy_fits(group.strategy, rows)
        for row in rows:
            row.clean_fields(exclude={"group", "model"})
    except ValidationError as error:
        return " ".join(error.messages)
    if len(set(models)) < len(models):
        return "A group holds a model once; one is there twice."
    return ""


def _with_sound_fallbacks(judged: dict[str, PlannedGroup], current: Mapping[str, GroupDraft]) -> list[PlannedGroup]:
    """Skips groups whose fallbacks are not here or lead in a circle, until none is left; sorted for making."""
    here = {**current, **{name: group.draft for name, group in judged.items() if _is_written(group)}}
    graph = {name: _falls_back(draft) for name, draft in here.items()}
    while lost := _without_their_fallbacks(judged, graph) or _in_a_circle(judged, graph):
        for name, why in lost.items():
            judged[name] = replace(judged[name], verdict=Verdict.SKIPPED, why=why, changes=())
            del graph[name]
            if name in current:
                graph[name] = _falls_back(current[name])
    order = [name for name in TopologicalSorter(graph).static_order() if name in judged]
    return [judged[name] for name in dict.fromkeys([*order, *judged])]


def _without_their_fallbacks(judged: Mapping[str, PlannedGroup], graph: Graph) -> dict[str, str]:
    return {
        name: f"It falls back to {', '.join(unknown)}: not here, and not taken over from the file."
        for name, group in judged.items()
        if _is_written(group) and (unknown := [other for other in graph[name] if other not in graph])
    }


def _in_a_circle(judged: Mapping[str, PlannedGroup], graph: Graph) -> dict[str, str]:
    """One group of one circle, the last in the file: skipping it opens the circle for the others."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = frozenset(error.args[1])
        last = [name for name, group in judged.items() if name in circle and _is_written(group)][-1]
        return {last: f"Its fallbacks lead in a circle: {' → '.join(find_cycle(graph, last) or ())}."}
    return {}


def _falls_back(draft: GroupDraft) -> list[str]:
    return fallback_names(draft.config("fallback_config"))


def _is_written(group: PlannedGroup) -> bool:
    return group.verdict is not Verdict.SKIPPED


def _snapshot(draft: GroupDraft) -> Snapshot:
    """As the history keeps a group; names serve as ids, for both sides are named by this console."""
    rows = [
        {
            "model_id": f"{p.provider}/{p.model_name}",
            "provider": p.provider,
            "model_name": p.model_name,
            **{name: getattr(p, name) for name in PLACED},
        }
        for p in draft.deployments
    ]
    return {"name": draft.name, **draft.fields, "deployments": rows}
