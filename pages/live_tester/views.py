"""The Live Tester: watch a group's routing, now or in a stored run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.forms import BoundField
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_safe

from access.models import Role
from access.rules import can_operate
from engine.exceptions import BadInput
from engine.faults.scenarios import SCENARIOS
from engine.rehearsal.jobs import DEFAULT_FRAME_S, FRAMES_PER_INTERVAL, Job
from groups.models import RoutingGroup
from lib.exceptions import DomainError
from pages.groups.detail import group_with_deployments
from pages.guards import PersonRequest, requires
from pages.live_tester.called import CALLED, KEY, calling_in, offered
from pages.live_tester.following import CONTROLS, FILLED_FOR, MOCK, REAL
from pages.live_tester.forms import FIRST, RehearsalForm, controls_of
from pages.live_tester.listing import lines_of, runs_of
from pages.live_tester.more_fields import SEEDS, field_of, place_in
from pages.live_tester.rewinding import ARRIVALS_OF, SINCE, TRAFFIC_FILE, UNTIL, initial_recorded, rewound
from pages.live_tester.run_numbers import numbers_of
from pages.live_tester.run_speeds import speeds_of_run
from pages.live_tester.run_timeline import timeline_of_run
from pages.live_tester.verdict import verdict_of, whole_of
from tester import actions
from tester.models import FINAL, Run
from tester.rules import can_change
from tester.run_planning import RunPlan, plan
from tester.runs.conduct import conduct_in_background
from tester.runs.cost_estimate import Estimate, estimate
from tester.runs.pool import pool
from tester.runs.result_notes import notes_on
from tester.scene import DrawnDeployment, DrawnGroup, Mode, Scene, mode_of, scene_of
from tester.scene.drawings import drawn_group, drawn_group_of
from tester.scene.elements import Element

NAMED = 5


@dataclass(frozen=True, slots=True)
class Consent:
    """The question before real requests: their number, providers and estimated cost; `most` is the largest number
    allowed."""

    count: int
    providers: tuple[str, ...]
    estimate: Estimate
    most: int

    @property
    def unpriced(self) -> str:
        """Why there is no estimate."""
        names = self.estimate.unpriced
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return (
            f"The price of {', '.join(names[:NAMED])}{more} is unknown. Give it one in the catalog to get an estimate."
        )


def consent_for(job: Job) -> Consent:
    """The question before a job with real requests; fallback groups count, because they may be reached."""
    providers = dict.fromkeys(d.provider for spec in job.specs for d in spec.deployments)
    return Consent(job.workload.num_requests, tuple(providers), estimate(job), settings.REAL_RUN_MAX_REQUESTS)


PAGE = "live_tester/live_tester.html"
RUNS_SHOWN = 5
# Fields of the form by their names in BadInput.
FIELDS = {
    "num_requests": "num_requests",
    "workload": "num_requests",
    "concurrency": "concurrency",
    "rate_per_s": "rate_per_s",
    "workload.rate_per_s": "rate_per_s",
    "kind": "rate_per_s",
    "workload.input_tokens": "input_tokens",
    "scenario": "scenario",
    "workload.from": SINCE,
    "workload.until": UNTIL,
    "workload.trace": TRAFFIC_FILE,
    "seeds": SEEDS,
    "model": CALLED,
    "key": KEY,
}
PRICE_CHANGED = "The price has changed since you were asked. "


@require_http_methods(["GET", "HEAD", "POST"])
def live_tester(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """GET shows the group and the controls, POST starts a rehearsal and goes to it."""
    return start_run(request, group_id) if request.method == "POST" else show_group(request, group_id)


@requires(Role.VIEWER, to="watch rehearsals")
def show_group(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """The group at rest. A person with the right will soon start a rehearsal, so its process is started now."""
    if can_operate(request.user):
        pool.warm()
    group = group_with_deployments(group_id)
    drawn = drawn_group(group)
    back = rewound(group, request.GET)
    initial = {**_chosen(request), **back.initial} if back else {"scenario": FIRST, **_chosen(request)}
    form = RehearsalForm(deployments=drawn.deployments, initial=initial)
    return render(request, PAGE, {**_context(request, drawn, group=group, form=form), "rewound": back})


def _chosen(request: PersonRequest) -> dict[str, Any]:
    """The scenario in the URL, and the controls that follow it; `mode` is there for them too, or names a picture."""
    names = ("scenario", FILLED_FOR, ARRIVALS_OF, *CONTROLS)
    mode = {"mode": request.GET["mode"]} if request.GET.get("mode") in (MOCK, REAL) else {}
    return {name: request.GET[name] for name in names if name in request.GET} | mode


@requires(Role.OPERATOR, to="start a rehearsal")
def start_run(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """Starts the rehearsal in the form. It asks before real requests; an invalid form is shown with its errors."""
    group = group_with_deployments(group_id)
    drawn = drawn_group(group)
    form = RehearsalForm(request.POST, request.FILES, deployments=drawn.deployments)
    if "back" in request.POST:
        return render(request, PAGE, _context(request, drawn, group=group, form=form))
    planned = _planned(request, group, form) if form.is_valid() else None
    consent = _question(form, planned)
    run = None if planned is None or consent else _started(request, form, planned)
    if run is None:
        status = 200 if consent else 422
        return render(request, PAGE, _context(request, drawn, group=group, form=form, consent=consent), status=status)
    return redirect(f"{resolve_url('run', run.pk)}?play=1&{form.controls}".rstrip("&"))


def _planned(request: PersonRequest, group: RoutingGroup, form: RehearsalForm) -> RunPlan | None:
    try:
        calling = calling_in(form.cleaned_data, group, request.user)
        return plan(group if calling is None else calling.group, form.asked, calling=calling)
    except BadInput as error:
        prefix = PRICE_CHANGED if error.field == "max_cost_usd" else place_in(error.field)
        form.add_error(FIELDS.get(error.field) or field_of(error.field), prefix + error.message)
        return None


def _question(form: RehearsalForm, planned: RunPlan | None) -> Consent | None:
    """The question to answer first, if any."""
    if planned is None or not planned.job.is_real or form.is_confirmed:
        return None
    return consent_for(planned.job)


def _started(request: PersonRequest, form: RehearsalForm, planned: RunPlan) -> Run | None:
    try:
        run = actions.create_run(by=request.user, plan=planned)
    except DomainError as error:
        form.add_error(None, str(error))
        return None
    conduct_in_background(run, planned.job)
    return run


@require_safe
@requires(Role.VIEWER, to="watch rehearsals")
def show_run(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """One run: live while it lasts, playback afterwards. Without JavaScript, its last frame."""
    return run_page(request, get_object_or_404(Run.objects.select_related("group"), pk=run_id))


def run_page(request: PersonRequest, run: Run, *, not_changed: str = "", status: int = 200) -> HttpResponse:
    """The page of one run; after a refused change, with the input and the reason."""
    drawn = drawn_group_of(run)
    initial = {**_again(request, run, drawn), **request.POST.dict()}
    form = RehearsalForm(deployments=drawn.deployments, initial=initial)
    context = _context(request, drawn, group=run.group, run=run, form=form)
    return render(request, PAGE, {**context, "not_changed": not_changed}, status=status)


def _context(
    request: PersonRequest,
    drawn: DrawnGroup,
    *,
    group: RoutingGroup | None,
    form: RehearsalForm,
    run: Run | None = None,
    consent: Consent | None = None,
) -> dict[str, Any]:
    mode = _mode(request, drawn)
    is_playing = run is not None and "play" in request.GET
    frame = run.frames.last() if run and not is_playing else None
    lines = lines_of(runs_of(group.pk)[: RUNS_SHOWN + 1]) if group else []
    scene = scene_of(drawn, frame.data if frame else None, mode)
    can_rehearse = can_operate(request.user) and group is not None
    return {
        "faders": _faders(scene, form) if can_rehearse and not consent else [],
        "timeline": timeline_of_run(run, drawn) if run else None,
        "speeds": speeds_of_run(run, drawn) if run else None,
        "scene": scene,
        "other_mode": mode.other,
        "is_playing": is_playing,
        "final_statuses": " ".join(FINAL),
        "frame_ms": round(1000 * DEFAULT_FRAME_S),
        "frames_per_interval": FRAMES_PER_INTERVAL,
        "group": group,
        "run": run,
        "verdict": verdict_of(run.result, drawn) if run else None,
        "whole": whole_of(run.result, run.ranges, run.seeds) if run else None,
        "notes": list(notes_on(run.result)) if run and run.result else [],
        "numbers": numbers_of(run) if run else None,
        "lines": lines[:RUNS_SHOWN],
        "has_more_runs": len(lines) > RUNS_SHOWN,
        "consent": consent,
        "form": form,
        "can_rehearse": can_rehearse,
        "offered": offered(group, request.user) if group and run is None and can_rehearse else None,
        "can_change": can_operate(request.user) and run is not None and can_change(run),
    }


def _faders(scene: Scene, form: RehearsalForm) -> list[tuple[Element, DrawnDeployment, BoundField]]:
    """The failure sliders with the state of their cards, on which they lie."""
    pairs = zip(scene.cards, form.sliders, strict=True)
    return [(live.card.again, deployment, slider) for live, (deployment, slider) in pairs]


def _mode(request: PersonRequest, drawn: DrawnGroup) -> Mode:
    asked = request.GET.get("mode")
    return Mode(asked) if asked in set(Mode) else mode_of(drawn.strategy)


def _again(request: PersonRequest, run: Run, drawn: DrawnGroup) -> dict[str, Any]:
    """The controls of this run, so that it can be varied and run again."""
    kept = {name: request.GET[name] for name in CONTROLS if name in request.GET}
    scenario = dict.fromkeys(("scenario", FILLED_FOR), run.scenario) if run.scenario in SCENARIOS else {}
    mode = {"mode": "real" if run.is_real else "mock", "seed": run.seed}
    return {**controls_of(run.config, drawn.deployments), **scenario, **mode, **initial_recorded(run), **kept}
