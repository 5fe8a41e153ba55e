"""A file and the console -> what an import creates, changes and skips, and why. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from django.core.exceptions import ValidationError

from groups import rules
from groups.actions import CONFIGS
from groups.config_checks import with_possible_first_token
from groups.models import Deployment, RoutingGroup
from groups.versions.differences import Difference, differences
from groups.versions.snapshots import PLACED, Snapshot
from interchange.bundle import Bundle, GroupDraft, ModelDraft, ProviderDraft, Remark
from interchange.planning.fallbacks import PlannedAliases, planned_aliases, with_sound_fallbacks
from interchange.planning.supplies import Supplies, supplies_of
from interchange.rows import Known

ANOTHERS = ("created_by", "updated_by")


class ImportVerdict(StrEnum):
    """The planned action for a group of the file."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """A group of the file, with its deployments under this console's names; `why` it is skipped, or what changes."""

    draft: GroupDraft
    verdict: ImportVerdict
    why: str = ""
    changes: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The whole import in a possible order: fallbacks before the groups that use them."""

    groups: tuple[PlannedGroup, ...]
    providers: tuple[ProviderDraft, ...]
    models: tuple[ModelDraft, ...]
    aliases: PlannedAliases
    remarks: tuple[Remark, ...]

    def of(self, verdict: ImportVerdict) -> tuple[PlannedGroup, ...]:
        """The groups with this verdict."""
        return tuple(group for group in self.groups if group.verdict is verdict)

    @property
    def writes(self) -> bool:
        """Whether anything would be stored."""
        is_written = (group.verdict in (ImportVerdict.CREATED, ImportVerdict.CHANGED) for group in self.groups)
        return bool(self.aliases.new) or any(is_written)


def planned(bundle: Bundle, known: Known, *, may_add_providers: bool) -> ImportPlan:
    """The plan of importing the bundle into the console."""
    supplies = supplies_of(bundle, known, may_add_providers=may_add_providers)
    current = known.groups or {}
    first = {draft.name: draft for draft in reversed(bundle.groups)}
    judged = [_judged(first[name], known, supplies, bundle) for name in dict.fromkeys(g.name for g in bundle.groups)]
    sound, fallbacks = with_sound_fallbacks([one.draft for one in judged if not one.why], current)
    groups = (*(_compared(draft, current) for draft in sound), *(one.group for one in judged if one.why))
    used = {(p.provider, p.model_name) for draft in sound for p in draft.deployments}
    there = {*current, *(draft.name for draft in sound)}
    aliases = planned_aliases(bundle.aliases, known.aliases, there, known.taken)
    return ImportPlan(
        groups=groups,
        providers=tuple(p for p in supplies.new_providers if p.name in {name for name, _ in used}),
        models=tuple(m for m in supplies.new_models if (m.provider, m.name) in used),
        aliases=aliases,
        remarks=(
            *bundle.remarks,
            *_named_twice(bundle.groups),
            *(remark for one in judged for remark in one.remarks),
            *fallbacks,
            *aliases.remarks,
            *supplies.remarks,
        ),
    )


def _named_twice(drafts: Iterable[GroupDraft]) -> list[Remark]:
    names = [draft.name for draft in drafts]
    return [Remark(n, "Is in the file twice; the first counts.") for n in dict.fromkeys(names) if names.count(n) > 1]


@dataclass(frozen=True, slots=True)
class _Judged:
    """One group without its fallbacks: the draft to store, or `why` it can't be stored."""

    draft: GroupDraft
    why: str = ""
    remarks: tuple[Remark, ...] = ()

    @property
    def group(self) -> PlannedGroup:
        return PlannedGroup(self.draft, ImportVerdict.SKIPPED, self.why)


def _judged(draft: GroupDraft, known: Known, supplies: Supplies, bundle: Bundle) -> _Judged:
    before = (known.groups or {}).get(draft.name)
    placements, problems = supplies.resolved(draft.deployments)
    draft = replace(draft, deployments=placements)
    if problems and not (bundle.is_partial and placements):
        return _Judged(draft, " ".join(problems))
    if before is not None and bundle.is_partial:
        draft = _completed(draft, before)
    why = (known.taken.get(draft.name, "") if before is None else "") or _unsound(draft)
    remarks = [Remark(draft.name, f"A deployment is left out: {p}") for p in problems]
    if not why and (before is None or before.config("retry_config") != draft.config("retry_config")):
        draft, changed = _with_possible_limits(draft)
        remarks += changed
    return _Judged(draft, why, tuple(remarks))


def _with_possible_limits(draft: GroupDraft) -> tuple[GroupDraft, list[Remark]]:
    retry = draft.config("retry_config")
    possible = with_possible_first_token(retry)
    if possible == dict(retry):
        return draft, []
    most_s = f"{possible['first_token_timeout_s']:g} s"
    why = f"A stream's first token may take {most_s} here, as long as a whole answer: the file has more."
    return replace(draft, fields={**draft.fields, "retry_config": possible}), [Remark(draft.name, why)]


def _compared(draft: GroupDraft, current: Mapping[str, GroupDraft]) -> PlannedGroup:
    before = current.get(draft.name)
    if before is None:
        return PlannedGroup(draft, ImportVerdict.CREATED)
    changes = differences(_snapshot(before), _snapshot(replace(draft, fields={**before.fields, **draft.fields})))
    return PlannedGroup(draft, ImportVerdict.CHANGED if changes else ImportVerdict.UNCHANGED, changes=changes)


KEPT = ("display_name", "priority", "weight", "max_wait_s")


def _completed(draft: GroupDraft, before: GroupDraft) -> GroupDraft:
    """Fields of a deployment that the format can't express stay as they are: its name here, and the fields of other
    strategies."""
    old = {(p.provider, p.model_name): p for p in before.deployments}
    rows = []
    for placement in draft.deployments:
        was = old.get((placement.provider, placement.model_name), placement)
        kept = {name: getattr(was, name) for name in (*KEPT, "extra_headers", "extra_body", "capacity", "region")}
        said = {name: getattr(placement, name) for name in kept if getattr(placement, name) not in (None, "", {})}
        rows.append(replace(placement, **{**kept, **said}))
    return replace(draft, deployments=tuple(rows))


def _unsound(draft: GroupDraft) -> str:
    """Why the group can't be stored, or ''."""
    group = RoutingGroup(name=draft.name, **draft.fields)
    rows = [Deployment(**{name: getattr(p, name) for name in PLACED}) for p in draft.deployments]
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
        return "A group contains a model only once; one is there twice."
    return ""


def _snapshot(draft: GroupDraft) -> Snapshot:
    """A snapshot as in the history; names serve as ids, because both sides have this console's names."""
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
