"""A plan in words: the lists that the page shows and the API answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from groups.differences import Difference
from groups.exchange.plan import Plan, Verdict


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of the file. `kind` is group, provider, model, or setting for a place in the file."""

    kind: str
    name: str
    why: str = ""
    changes: tuple[Difference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        changes = [{"what": change.label, "before": change.before, "after": change.after} for change in self.changes]
        return {"kind": self.kind, "name": self.name, "why": self.why, "changes": changes}


@dataclass(frozen=True, slots=True)
class Report:
    """What was, or would be, made of a file."""

    created: tuple[Line, ...]
    changed: tuple[Line, ...]
    unchanged: tuple[Line, ...]
    skipped: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        return {part: [line.as_json() for line in lines] for part, lines in self.parts.items()}

    @property
    def parts(self) -> dict[str, tuple[Line, ...]]:
        """The four lists by name."""
        return {
            "created": self.created,
            "changed": self.changed,
            "skipped": self.skipped,
            "unchanged": self.unchanged,
        }


def report_of(plan: Plan) -> Report:
    """The lists in the order of the file, groups first."""
    return Report(
        created=(*_groups(plan, Verdict.CREATED), *_supplies(plan)),
        changed=tuple(_groups(plan, Verdict.CHANGED)),
        unchanged=tuple(_groups(plan, Verdict.UNCHANGED)),
        skipped=(
            *_groups(plan, Verdict.SKIPPED),
            *(Line("setting", remark.place, remark.why) for remark in plan.remarks),
        ),
    )


def _groups(plan: Plan, verdict: Verdict) -> Iterator[Line]:
    for group in plan.of(verdict):
        count = len(group.draft.deployments)
        made = f"{group.draft.strategy}, {count} deployment{'' if count == 1 else 's'}"
        why = made if verdict is Verdict.CREATED else group.why
        yield Line("group", group.draft.name, why, group.changes)


def _supplies(plan: Plan) -> Iterator[Line]:
    yield from (Line("provider", provider.name, provider.status) for provider in plan.providers)
    yield from (Line("model", f"{model.provider}/{model.name}", "added to the catalog") for model in plan.models)
