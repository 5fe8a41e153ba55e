"""The pages of a run's traces: its timeline, its requests, and one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from engine.spec import Strategy
from pages.discs import provider_types
from pages.guards import PersonRequest, requires
from pages.live_tester.run_timeline import timeline_of_run
from pages.live_tester.trace_filter import TraceFilterForm
from pages.live_tester.trace_table import TraceRow, providers_of, rows_of
from pages.parts import page_or_part
from tester.models import Run
from tester.scene.drawings import drawn_group_of
from tester.traces import stored

PAGE = "live_tester/run_traces.html"
PAGE_SIZE = 25


@require_safe
@requires(Role.VIEWER, to="watch rehearsals")
def timeline(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """The picture of the timeline, for a page that refreshes it; others get the whole page."""
    if not request.htmx:
        return redirect("run", run_id)
    run = get_object_or_404(Run.objects.defer("result"), pk=run_id)
    context = {"run": run, "timeline": timeline_of_run(run, drawn_group_of(run))}
    return render(request, "live_tester/_timeline.html#timeline", context)


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="read the traces of a rehearsal")
def trace_list(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """The requests of a run, filtered by the URL: as a page, or for the drawer."""
    run = get_object_or_404(Run.objects.without_bulk().select_related("group"), pk=run_id)
    group = drawn_group_of(run)
    form = TraceFilterForm(request.GET, group=group)
    context: dict[str, Any] = {"run": run, "group": group, "form": form, "has_tiers": _has_tiers(group.strategy)}
    if not form.is_valid():
        return page_or_part(request, PAGE, "traces", context, status=422)
    found = stored.find(run, form.wanted, after=form.begins_after, size=PAGE_SIZE)
    following = form.address(after=found.next_after) if found.next_after is not None else ""
    more = {
        "rows": _rows(found.traces),
        "next": following,
        "has_stopped": following != "" and len(found.traces) < PAGE_SIZE,
        "is_first": form.begins_after < 0,
    }
    return page_or_part(request, PAGE, "traces", {**context, **more})


@require_safe
@requires(Role.VIEWER, to="read the traces of a rehearsal")
def trace_detail(request: PersonRequest, run_id: UUID, index: int) -> HttpResponse:
    """One request with its attempts."""
    run = get_object_or_404(Run.objects.without_bulk().select_related("group"), pk=run_id)
    trace = stored.trace_of(run, index)
    if trace is None:
        raise Http404(f"No request {index} of this run has ended.")
    group = drawn_group_of(run)
    (row,) = _rows([trace])
    context = {"run": run, "group": group, "row": row, "has_tiers": _has_tiers(group.strategy)}
    return render(request, "live_tester/run_trace.html", context)


def _rows(found: Sequence[dict[str, Any]]) -> list[TraceRow]:
    return rows_of(found, provider_types(providers_of(found)))


def _has_tiers(strategy: Strategy) -> bool:
    return strategy is Strategy.PRIORITY_FAILOVER
