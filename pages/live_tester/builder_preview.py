"""The builder's side panel: the diagram of the group in the form, and a short rehearsal of it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST

from access.models import Role
from engine.exceptions import BadInput
from engine.faults.scenarios import SCENARIOS
from engine.spec import Strategy
from groups.models import Deployment, RoutingGroup
from groups.rules import check_strategy_fits
from groups.specs import specs_of_draft, specs_with_fallbacks
from groups.versions.snapshots import snapshot_of
from pages.groups.builder.deployment_rows import is_id
from pages.groups.builder.drafts import Draft
from pages.guards import PersonRequest, requires
from tester.comparing.draft_comparison import DraftComparison, compare_draft
from tester.exceptions import RunBroken
from tester.runs.brief_rehearsal import DEFAULT_SCENARIO, BriefRehearsal, fingerprint, rehearse_briefly
from tester.scene import mode_of, scene_of
from tester.scene.drawings import drawn_draft

PART = "live_tester/_draft.html"
PAGE = "live_tester/draft.html"
UNNAMED = "new-group"


@require_POST
@requires(Role.OPERATOR, to="edit routing groups")
def preview(request: PersonRequest) -> HttpResponseBase:
    """The diagram of the form's group, as far as it can be drawn; unchanged if it was just rehearsed."""
    draft = Draft.sent(request.POST)
    if not draft.rows:
        return _answer(request)
    try:
        group, rows = _unsaved(draft, request)
    except ValidationError as error:
        return _answer(request, problems=error.messages)
    if request.POST.get("rehearsed") == fingerprint(snapshot_of(group, rows)):
        return HttpResponse(status=204)
    return _answer(request, group=group, rows=rows)


@require_POST
@requires(Role.OPERATOR, to="rehearse routing groups")
def rehearsal(request: PersonRequest) -> HttpResponseBase:
    """A rehearsal of the form's group and of the stored group; nothing is saved."""
    draft, scenario = Draft.sent(request.POST), request.POST.get("scenario", DEFAULT_SCENARIO)
    try:
        group, rows = _checked(draft, request)
        mine = rehearse_briefly(specs_of_draft(group, rows), scenario)
        before = _before(request, scenario)
        compared = _compared(request, group, rows, scenario)
    except ValidationError as error:
        return _answer(request, problems=error.messages, status=422)
    except BadInput as error:
        return _answer(request, problems=[f"{error.field}: {error.message}"], status=422)
    except RunBroken as error:
        return _answer(request, problems=[str(error)], status=503)
    return _answer(request, group=group, rows=rows, mine=mine, before=before, compared=compared)


def _unsaved(draft: Draft, request: PersonRequest) -> tuple[RoutingGroup, list[Deployment]]:
    group, rows = draft.unsaved(_stored(request))
    group.name = group.name or UNNAMED
    return group, rows


def _checked(draft: Draft, request: PersonRequest) -> tuple[RoutingGroup, list[Deployment]]:
    """The group, if it can route; raises ValidationError. Its name is not checked here."""
    group, rows = _unsaved(draft, request)
    check_strategy_fits(group.strategy, rows)
    if wrong := [*draft.errors_beyond("name", "description")]:
        raise ValidationError(wrong)
    return group, rows


def _stored(request: PersonRequest) -> RoutingGroup | None:
    group_id = request.POST.get("group", "")
    return RoutingGroup.objects.filter(pk=group_id).first() if is_id(group_id) else None


def _before(request: PersonRequest, scenario: str) -> BriefRehearsal | None:
    """The same for the stored group, if there is one."""
    group = _stored(request)
    return rehearse_briefly(specs_with_fallbacks(group), scenario) if group else None


def _compared(
    request: PersonRequest, group: RoutingGroup, rows: list[Deployment], scenario: str
) -> DraftComparison | None:
    """What the edits change, if there is a stored group."""
    stored = _stored(request)
    if stored is None:
        return None
    specs = specs_with_fallbacks(stored), specs_of_draft(group, rows)
    return compare_draft(by=request.user, stored=specs[0], draft=specs[1], scenario=scenario)


def _answer(
    request: PersonRequest,
    *,
    group: RoutingGroup | None = None,
    rows: list[Deployment] | None = None,
    mine: BriefRehearsal | None = None,
    before: BriefRehearsal | None = None,
    compared: DraftComparison | None = None,
    problems: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    chosen = request.POST.get("scenario", DEFAULT_SCENARIO)
    drawn = drawn_draft(group, rows or []) if group else None
    context: dict[str, Any] = {
        "scene": scene_of(drawn, mine.frame if mine else None, mode_of(Strategy(drawn.strategy))) if drawn else None,
        "mine": mine,
        "rehearsed": fingerprint(snapshot_of(group, rows or [])) if group and mine else "",
        "before": before,
        "compared": compared,
        "problems": problems or [],
        "scenarios": [(name, name.replace("-", " ").capitalize()) for name in SCENARIOS],
        "chosen": chosen if chosen in SCENARIOS else DEFAULT_SCENARIO,
        "scenario": SCENARIOS.get(chosen),
    }
    # htmx does not swap a 503, and the panel must say why there is no result.
    return render(
        request, PART if request.htmx else PAGE, context, status=200 if request.htmx and status == 503 else status
    )
