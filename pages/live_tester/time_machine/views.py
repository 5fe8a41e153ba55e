"""The time machine's pages: the form of a group, and each rehearsal of the past, under way or done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import Role
from access.rules import can_operate, check_role
from engine.exceptions import BadInput
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
from lib.exceptions import DomainError
from pages.dialogs import refusals_told
from pages.guards import PersonRequest, requires
from pages.live_tester.time_machine.forms import TimeMachineForm, initial_of
from pages.live_tester.time_machine.heat import heat_map, period_of
from pages.parts import Question, ask, wants_part
from tester import actions
from tester.history.performing import PastRehearsal
from tester.history.planning import plan_history, provider_types
from tester.models import HistoryRun
from tester.terminal.history_table import percent

PAGE = "live_tester/time_machine.html"
EARLIER_SHOWN = 10
# htmx stops asking again.
ENOUGH = 286


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.VIEWER, to="see the outage time machine")
def time_machine(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """GET shows the form and what was rehearsed before; POST starts a rehearsal and goes to it."""
    if request.method == "POST":
        check_role(request.user, Role.OPERATOR, to="rehearse routing groups")
    group = get_object_or_404(RoutingGroup, pk=group_id)
    form = TimeMachineForm(request.POST if request.method == "POST" else None, _providers(group))
    if run := _started(request, group, form):
        return redirect("time-machine-run", run.pk)
    context = _context(request, group, form)
    return render(request, PAGE, context, status=422 if request.method == "POST" else 200)


@require_safe
@requires(Role.VIEWER, to="see the outage time machine")
def show(request: PersonRequest, history_id: UUID) -> HttpResponse:
    """One rehearsal of the past. While it is under way, htmx asks for its progress, and for each new answer."""
    run = get_object_or_404(HistoryRun.objects.select_related("group"), pk=history_id)
    about = {"run": run, "period": period_of(run.config), "can_rehearse": can_operate(request.user)}
    heat = {"heat": heat_map(run.result) if run.result else None}
    if wants_part(request):
        is_new = not run.is_open or request.GET.get("seen") != str(run.seeds_done)
        context = {**about, **heat, "is_new": is_new}
        return render(request, f"{PAGE}#progress", context, status=200 if run.is_open else ENOUGH)
    if run.group is None:
        return render(request, PAGE, {**about, **heat, "group": None})
    types = _providers(run.group)
    form = TimeMachineForm(None, types, initial=initial_of(run.config, types))
    return render(request, PAGE, {**_context(request, run.group, form, shown=run), **about, **heat})


@require_POST
@requires(Role.OPERATOR, to="stop a rehearsal")
def cancel(request: PersonRequest, history_id: UUID) -> HttpResponseBase:
    """Asks it to stop; its answer so far stays."""
    run = get_object_or_404(HistoryRun.objects.defer("result"), pk=history_id)
    with refusals_told(request):
        actions.cancel_run(by=request.user, run=run)
    return redirect("time-machine-run", history_id)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.OPERATOR, to="delete a rehearsal")
def delete(request: PersonRequest, history_id: UUID) -> HttpResponseBase:
    """GET asks, POST deletes."""
    run = get_object_or_404(HistoryRun.objects.defer("result"), pk=history_id)
    if request.method != "POST":
        return ask(request, _question(run))
    group_id = run.group_id
    with refusals_told(request):
        actions.delete_run(by=request.user, run=run)
        return redirect("time-machine", group_id) if group_id else redirect("group-list")
    return redirect("time-machine-run", history_id)


def _providers(group: RoutingGroup) -> dict[str, str]:
    return provider_types(specs_with_fallbacks(group))


def _started(request: PersonRequest, group: RoutingGroup, form: TimeMachineForm) -> HistoryRun | None:
    """The rehearsal of a valid form, on its way in the background; None with the reason at the form."""
    if not form.is_valid():
        return None
    try:
        plan = plan_history(group, form.asked, now=timezone.now())
        run = actions.create_history_run(by=request.user, plan=plan)
    except BadInput as error:
        form.blame(error)
        return None
    except DomainError as error:
        form.add_error(None, str(error))
        return None
    PastRehearsal(run, plan).conduct_in_background()
    return run


def _context(
    request: PersonRequest, group: RoutingGroup, form: TimeMachineForm, shown: HistoryRun | None = None
) -> dict[str, Any]:
    """Without the one that is shown: its row would stay as it was when the page was opened."""
    rows = HistoryRun.objects.filter(group=group).annotate(availability=F("result__availability")).defer("result")
    rows = rows if shown is None else rows.exclude(pk=shown.pk)
    earlier = [
        (row, period_of(row.config), "" if row.availability is None else percent(row.availability))
        for row in rows[:EARLIER_SHOWN]
    ]
    return {"group": group, "form": form, "earlier": earlier, "can_rehearse": can_operate(request.user)}


def _question(run: HistoryRun) -> Question:
    started = f"{run.created_at:%Y-%m-%d %H:%M} UTC by {run.created_by}"
    return Question(
        title="Delete this rehearsal?",
        lost=(f"{period_of(run.config)} of {run.group_name}, started {started}",),
        consequence="Links to it will no longer work. The same seeds give it again until the group changes.",
        button="Delete the rehearsal",
        back=resolve_url("time-machine-run", run.pk),
    )
