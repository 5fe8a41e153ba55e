"""The Live Tester: watch a group route, now or in a run that was made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_safe

from access.models import Role
from access.pages import PersonRequest, requires
from access.rules import can_operate
from engine.exceptions import BadInput
from groups.models import RoutingGroup
from groups.views import group_with_deployments
from lib.exceptions import DomainError
from tester import actions
from tester.forms import RehearsalForm
from tester.live.reading import drawn_group, drawn_group_of
from tester.models import Run
from tester.planning import plan
from tester.runs.conduct import conduct_in_background
from tester.scene import DrawnGroup, Mode, mode_of, scene_of

PAGE = "tester/live_tester.html"
RUNS_SHOWN = 10
# Fields of the form by the names that BadInput has for them.
FIELDS = {"num_requests": "num_requests", "concurrency": "concurrency", "scenario": "scenario"}


@require_http_methods(["GET", "HEAD", "POST"])
def live_tester(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """GET shows the group and the controls, POST starts a rehearsal and goes to it."""
    return start_run(request, group_id) if request.method == "POST" else show_group(request, group_id)


@requires(Role.VIEWER, to="watch rehearsals")
def show_group(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """The group at rest."""
    group = group_with_deployments(group_id)
    drawn = drawn_group(group)
    return render(
        request, PAGE, _context(request, drawn, group=group, form=RehearsalForm(deployments=drawn.deployments))
    )


@requires(Role.OPERATOR, to="start a rehearsal")
def start_run(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """Starts what the form asks for; an invalid form comes back with the reasons."""
    group = group_with_deployments(group_id)
    drawn = drawn_group(group)
    form = RehearsalForm(request.POST, deployments=drawn.deployments)
    run = _started(request, group, form) if form.is_valid() else None
    if run is None:
        return render(request, PAGE, _context(request, drawn, group=group, form=form), status=422)
    return redirect(resolve_url("run", run.pk) + "?play=1")


def _started(request: PersonRequest, group: RoutingGroup, form: RehearsalForm) -> Run | None:
    try:
        planned = plan(group, form.asked)
        run = actions.create_run(by=request.user, plan=planned)
    except BadInput as error:
        form.add_error(FIELDS.get(error.field), error.message)
        return None
    except DomainError as error:
        form.add_error(None, str(error))
        return None
    conduct_in_background(run, planned.job)
    return run


@require_safe
@requires(Role.VIEWER, to="watch rehearsals")
def show_run(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """One run: live while it lasts, to play back afterwards. Without JavaScript its last frame."""
    run = get_object_or_404(Run.objects.select_related("group"), pk=run_id)
    drawn = drawn_group_of(run)
    form = RehearsalForm(deployments=drawn.deployments, initial=_again(run, drawn))
    return render(request, PAGE, _context(request, drawn, group=run.group, run=run, form=form))


def _context(
    request: PersonRequest,
    drawn: DrawnGroup,
    *,
    group: RoutingGroup | None,
    form: RehearsalForm,
    run: Run | None = None,
) -> dict[str, Any]:
    mode = _mode(request, drawn)
    is_playing = run is not None and "play" in request.GET
    frame = run.frames.last() if run and not is_playing else None
    runs = Run.objects.filter(group=group).defer("config", "result")[:RUNS_SHOWN] if group else []
    return {
        "scene": scene_of(drawn, frame.data if frame else None, mode),
        "other_mode": mode.other,
        "is_playing": is_playing,
        "group": group,
        "run": run,
        "runs": runs,
        "form": form,
        "can_rehearse": can_operate(request.user) and group is not None,
    }


def _mode(request: PersonRequest, drawn: DrawnGroup) -> Mode:
    asked = request.GET.get("mode")
    return Mode(asked) if asked in set(Mode) else mode_of(drawn.strategy)


def _again(run: Run, drawn: DrawnGroup) -> dict[str, Any]:
    """The controls as they were for this run, so that it can be changed a little and run again."""
    known = {name: run.config[name] for name in ("num_requests", "concurrency") if name in run.config}
    scenario = {"scenario": run.scenario} if run.scenario != "custom" else {}
    return {**known, **scenario, "mode": "real" if run.is_real else "mock", "seed": run.seed}
