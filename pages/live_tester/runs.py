"""The runs of a group, and the actions on a run."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Role
from access.rules import can_operate
from groups.models import RoutingGroup
from lib.exceptions import DomainError
from pages.dialogs import refusals_told
from pages.formats import scenario_name
from pages.guards import PersonRequest, requires
from pages.live_tester.compare_form import REVISION
from pages.live_tester.listing import lines_of, runs_of
from pages.parts import Question, ask, ids_in, page_of
from tester import actions
from tester.models import Run

PAGE_SIZE = 20
# More ticks than a mistake makes.
MOST_TICKED = 20
SAME = "Both runs are of the configuration that is saved now."


@require_safe
@requires(Role.VIEWER, to="watch rehearsals")
def run_list(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """The stored runs of a group, newest first."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    page = page_of(request, runs_of(group.pk), PAGE_SIZE)
    context = {"group": group, "page": page, "lines": lines_of(page), "can_rehearse": can_operate(request.user)}
    return render(request, "live_tester/run_list.html", context)


@require_safe
@requires(Role.OPERATOR, to="compare configurations")
def compare_runs(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """Two runs that were ticked: the older configuration beside the saved one, in the newer run's scenario."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    chosen = Run.objects.without_bulk().filter(group=group, pk__in=ids_in(request, most=MOST_TICKED))
    runs = sorted(chosen, key=lambda run: run.group_revision)
    if len(runs) != 2:
        messages.error(request, "Tick two runs to compare their configurations.")
    elif runs[0].group_revision == group.revision:
        messages.error(request, f"{SAME} Tick a run of an earlier revision, or compare with something else there.")
    else:
        return redirect(_comparison(group, *runs))
    return redirect("run-list", group_id)


def _comparison(group: RoutingGroup, older: Run, newer: Run) -> str:
    """The comparison of the saved configuration with the older run's, in the scenario of the newer run."""
    asked = {"run": newer.pk, "against": f"{REVISION}:{older.group_revision}"}
    return f"{resolve_url('compare', group.pk)}?{urlencode(asked)}"


@require_POST
@requires(Role.OPERATOR, to="stop a rehearsal")
def cancel(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """Asks the run to stop."""
    run = get_object_or_404(Run, pk=run_id)
    with refusals_told(request):
        actions.cancel_run(by=request.user, run=run)
        messages.success(request, "The rehearsal is being stopped.")
    return redirect("run", run_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.OPERATOR, to="delete a rehearsal")
def delete(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """GET asks, POST deletes."""
    if request.method == "POST":
        return _deleted(request, run_id)
    run = get_object_or_404(Run.objects.select_related("group").defer("config", "result"), pk=run_id)
    return ask(request, _question(run))


def _question(run: Run) -> Question:
    back = resolve_url("run-list", run.group_id) if run.group_id else resolve_url("run", run.pk)
    started = f"{run.created_at:%Y-%m-%d %H:%M} UTC by {run.created_by}"
    return Question(
        title="Delete this run?",
        lost=(
            f"{scenario_name(run.scenario)} of {run.group_name}, seed {run.seed}, started {started}",
            "its traces and its picture",
        ),
        consequence="Links to it will no longer work. The seed gives the same run again until the group changes.",
        button="Delete the run",
        back=back,
    )


def _deleted(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """Deletes a run and goes back to its group."""
    run = get_object_or_404(Run, pk=run_id)
    try:
        actions.delete_run(by=request.user, run=run)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("run", run_id)
    messages.success(request, "The rehearsal was deleted.")
    return redirect("live-tester", run.group_id) if run.group_id else redirect("group-list")
