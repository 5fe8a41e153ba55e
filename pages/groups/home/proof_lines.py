"""What is known of deployments without traffic, and the button that asks one for a token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access.models import Role
from gateway.background.proof_requests import prove_now
from groups.models import Deployment, RoutingGroup
from lib.exceptions import DomainError
from pages.groups.cards import ProofLine
from pages.guards import PersonRequest, requires
from pages.parts import wants_part
from usage.health.standby_proofs import standby_states
from usage.health.standby_rules import StandbyState, endpoint_for

UNKNOWN = StandbyState()


@dataclass(frozen=True, slots=True)
class ProofOutcome:
    """What came of a request that somebody wanted, in a sentence."""

    words: str
    is_bad: bool = False


def proof_lines(
    group: RoutingGroup, states: Mapping[str, StandbyState], *, busy: Collection[str], now: datetime
) -> dict[str, ProofLine]:
    """By deployment: those without traffic that can be asked, and those whose test requests fail."""
    found = {}
    for row in group.deployments.all():
        state = states.get(str(row.model_id), UNKNOWN)
        if endpoint_for(row.model.capabilities) and (str(row.model_id) not in busy or state.failing_since):
            found[str(row.model_id)] = _line(row, state, now)
    return found


def _line(row: Deployment, state: StandbyState, now: datetime) -> ProofLine:
    words = f"{state.words(now)} UTC" if state.words(now) else "not proven yet"
    words = f"{words[:1].upper()}{words[1:]}" if state.failing_since else f"Standby, {words}"
    return ProofLine(row.group_id, row.model_id, words, state.error)


@require_http_methods(["GET", "POST"])
def prove_form(request: PersonRequest, group_id: UUID, model_id: UUID) -> HttpResponseBase:
    """POST asks the deployment; GET (after a sign-in) shows the page with the button."""
    if request.method == "GET":
        return redirect("group-detail", group_id)
    return prove(request, group_id, model_id)


@requires(Role.OPERATOR, to="ask a deployment for one token")
def prove(request: PersonRequest, group_id: UUID, model_id: UUID) -> HttpResponse:
    """Asks it, and shows what came of it: as a part of the page, or as a message on the whole page."""
    rows = Deployment.objects.select_related("model__provider__key")
    row = get_object_or_404(rows, group=group_id, model=model_id)
    told = _told(request, row)
    if wants_part(request):
        state = standby_states([str(model_id)]).get(str(model_id), UNKNOWN)
        line = _line(row, state, timezone.now())
        context = {"proof": line, "told": told, "title": row.display_name or row.model.provider.name, "can_edit": True}
        return render(request, "groups/_proof.html", context)
    (messages.error if told.is_bad else messages.success)(request, told.words)
    return redirect("group-detail", group_id)


def _told(request: PersonRequest, row: Deployment) -> ProofOutcome:
    try:
        proof = prove_now(by=request.user, deployment=row)
    except DomainError as error:
        return ProofOutcome(str(error), is_bad=True)
    if proof.error:
        return ProofOutcome(f"{row.model} did not answer: {proof.error}", is_bad=True)
    return ProofOutcome(f"{row.model} has just answered.")
