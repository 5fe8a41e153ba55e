"""What an open page of a group takes in every two seconds: the diagram's attributes, and its other parts as HTML."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone
from pydantic_core import to_json

from groups.models import RoutingGroup
from pages.groups.home.shared_views import SharedViews
from pages.groups.home.state import HomeState, home_of

PARTS = "groups/_home_parts.html"
NAMES = ("health", "figures", "strip", "going-on", "breakers", "fallbacks")
TICK_S = 2.0
# Nothing here is of one reader: the answer is the same for all of one audience.
shared = SharedViews[tuple[str, bytes]](seconds=TICK_S)


def now_answer(request: HttpRequest, group_id: UUID, *, audience: str) -> HttpResponse:
    """The answer for an audience (`viewer`, `operator`, `public`); one computation for all of it."""
    digest, body = shared.get((group_id, audience), lambda: _now(group_id, audience))
    if request.GET.get("seen") == digest:
        return HttpResponse(status=204)
    return HttpResponse(body, content_type="application/json")


def _now(group_id: UUID, audience: str) -> tuple[str, bytes]:
    group = get_object_or_404(RoutingGroup.objects.with_deployments(), pk=group_id)
    state = home_of(group, now=timezone.now())
    said = {
        "p": {part.id: dict(part.attributes) for part in state.scene.parts},
        "parts": {name: part_of(state, name, audience) for name in NAMES},
        "cards": [drawn.deployment_id for drawn in state.drawn.deployments],
    }
    digest = hashlib.sha256(to_json(said)).hexdigest()[:16]
    return digest, to_json({**said, "digest": digest})


def part_of(state: HomeState, name: str, audience: str) -> str:
    """One part as HTML."""
    context = {
        "state": state,
        "group": state.group,
        "can_edit": audience == "operator",
        "is_public": audience == "public",
    }
    return render_to_string(f"{PARTS}#{name}", context)
