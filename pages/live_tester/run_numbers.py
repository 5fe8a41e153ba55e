"""The numbers of a run: its own, their median and range over its seeds, and the same as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from access.models import Role
from access.rules import can_operate
from engine.rehearsal.ranges import metrics_of, ranges_of
from pages.guards import PersonRequest, requires
from pages.live_tester.exports import file_name
from pages.live_tester.verdict import verdict_of, whole_of
from tester.models import Run
from tester.runs.chance import chance_notes, names_in, range_lines
from tester.runs.result_csv import numbers_csv
from tester.runs.result_notes import failure_in_words
from tester.scene.drawings import drawn_group_of

UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class NumberLine:
    """One number: in this run, and over the seeds. `is_wide`: it hangs on chance."""

    label: str
    value: str
    median: str
    span: str
    is_wide: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the card shows. `causes` are failures by the error that callers got; `groups` are what came to each group,
    where a name was called, and `refusals` what its key refused."""

    lines: list[NumberLine]
    notes: list[str]
    causes: list[tuple[str, int]]
    seeds: int
    done: int
    is_running: bool
    groups: list[dict[str, Any]]
    refusals: list[dict[str, Any]]

    @property
    def has_ranges(self) -> bool:
        """One seed has no range."""
        return self.done > 1

    @property
    def is_stopped(self) -> bool:
        """Whether some seeds will never come."""
        return self.done < self.seeds and not self.is_running


def numbers_of(run: Run) -> Numbers | None:
    """The numbers of a run; None before it has a result, and where nothing came to an end."""
    if not run.result or not run.result.get("total_requests"):
        return None
    names, own = names_in(run.result), ranges_of([metrics_of(run.result)])
    values = {line.label: line.median for line in range_lines(own, names)}
    ranges = run.ranges or own
    lines = [
        NumberLine(line.label, values.get(line.label, UNKNOWN), line.median, line.span, line.is_wide)
        for line in range_lines(ranges, names)
    ]
    done = len(run.measured) or 1
    notes = list(chance_notes(ranges, names, done)) if done > 1 else []
    causes = [(failure_in_words(name), count) for name, count in (run.result.get("failures_by_cause") or {}).items()]
    groups, refusals = run.result.get("groups") or [], run.result.get("refused_by_key") or []
    return Numbers(lines, notes, causes, run.seeds, done, run.are_seeds_running, groups, refusals)


@require_safe
@requires(Role.VIEWER, to="watch rehearsals")
def numbers(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """The card, for a page that refreshes it; others get the whole page."""
    if not request.htmx:
        return redirect("run", run_id)
    run = get_object_or_404(Run.objects.defer("config", "engine_input"), pk=run_id)
    context = {
        "run": run,
        "numbers": numbers_of(run),
        "can_rehearse": can_operate(request.user),
        "is_part": True,
        "verdict": verdict_of(run.result, drawn_group_of(run)),
        "whole": whole_of(run.result, run.ranges, run.seeds),
    }
    return render(request, "live_tester/_numbers.html", context)


@require_safe
@requires(Role.VIEWER, to="export a rehearsal")
def as_csv(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """The numbers with their ranges, one a line."""
    run = get_object_or_404(Run, pk=run_id)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(run)}.csv"'}
    return HttpResponse(numbers_csv(run), content_type="text/csv; charset=utf-8", headers=headers)
