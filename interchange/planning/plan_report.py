"""A plan in words: the lists that the page shows and the API answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groups.versions.differences import Difference
from interchange.planning.plan import ImportPlan, ImportVerdict

PLACES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One item of the file. `kind` is group, provider, model, alias, or setting for a place in the file."""

    kind: str
    name: str
    why: str = ""
    changes: tuple[Difference, ...] = ()
    stem: str = ""
    names: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        changes = [{"what": change.label, "before": change.before, "after": change.after} for change in self.changes]
        return {"kind": self.kind, "name": self.name, "why": self.why, "changes": changes}


@dataclass(frozen=True, slots=True)
class Remarked:
    """One remark, its names, and all its places; `first` are the places that are shown at once."""

    why: str
    names: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def first(self) -> tuple[str, ...]:
        return self.places[:PLACES_SHOWN]

    @property
    def more(self) -> tuple[str, ...]:
        """The other places."""
        return self.places[PLACES_SHOWN:]


def gathered(lines: Iterable[ReportLine]) -> list[Remarked]:
    """Remarks grouped for people: equal ones once, in the order of the first."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for line in lines:
        names, places = found.setdefault(line.stem or line.why, ({}, {}))
        names |= dict.fromkeys(line.names)
        places[line.name] = None
    return [Remarked(why, tuple(names), tuple(places)) for why, (names, places) in found.items()]


@dataclass(frozen=True, slots=True)
class PlanReport:
    """The result of an import, or the expected one."""

    created: tuple[ReportLine, ...]
    changed: tuple[ReportLine, ...]
    unchanged: tuple[ReportLine, ...]
    skipped: tuple[ReportLine, ...]

    @property
    def models_added(self) -> tuple[ReportLine, ...]:
        """The models to add to the catalog; in a large file they are the longest list."""
        return tuple(line for line in self.created if line.kind == "model")

    @property
    def created_besides(self) -> tuple[ReportLine, ...]:
        """The other new items: groups, providers, aliases."""
        return tuple(line for line in self.created if line.kind != "model")

    @property
    def groups_skipped(self) -> tuple[ReportLine, ...]:
        """The groups that can't be imported."""
        return tuple(line for line in self.skipped if line.kind == "group")

    @property
    def remarks(self) -> list[Remarked]:
        """What was left out, or is different here; equal remarks of several places once."""
        return gathered(line for line in self.skipped if line.kind == "setting")

    def as_json(self) -> dict[str, Any]:
        return {part: [line.as_json() for line in lines] for part, lines in self.parts.items()}

    @property
    def parts(self) -> dict[str, tuple[ReportLine, ...]]:
        """The four lists by name."""
        return {
            "created": self.created,
            "changed": self.changed,
            "skipped": self.skipped,
            "unchanged": self.unchanged,
        }


def report_of(plan: ImportPlan) -> PlanReport:
    """The lists in the order of the file, groups first."""
    return PlanReport(
        created=(*_groups(plan, ImportVerdict.CREATED), *_supplies(plan), *_aliases(plan.aliases.new)),
        changed=tuple(_groups(plan, ImportVerdict.CHANGED)),
        unchanged=(*_groups(plan, ImportVerdict.UNCHANGED), *_aliases(plan.aliases.unchanged)),
        skipped=(
            *_groups(plan, ImportVerdict.SKIPPED),
            *(ReportLine("setting", r.place, r.why, stem=r.stem, names=r.names) for r in plan.remarks),
        ),
    )


def _groups(plan: ImportPlan, verdict: ImportVerdict) -> Iterator[ReportLine]:
    for group in plan.of(verdict):
        count = len(group.draft.deployments)
        made = f"{group.draft.strategy}, {count} deployment{'' if count == 1 else 's'}"
        why = made if verdict is ImportVerdict.CREATED else group.why
        yield ReportLine("group", group.draft.name, why, group.changes)


def _supplies(plan: ImportPlan) -> Iterator[ReportLine]:
    yield from (ReportLine("provider", provider.name, provider.status) for provider in plan.providers)
    yield from (ReportLine("model", f"{model.provider}/{model.name}", "added to the catalog") for model in plan.models)


def _aliases(aliases: Mapping[str, str]) -> Iterator[ReportLine]:
    yield from (ReportLine("alias", alias, f"leads to {target}") for alias, target in aliases.items())
