"""What an open page of a group takes in every two seconds: the diagram's attributes, and its other parts as HTML."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone
from pydantic_core import to_json

from groups.models import RoutingGroup
from pages.groups.home.home_state import HomeState, home_of
from pages.groups.home.shared_views import SharedViews

PARTS = "groups/_home_parts.html"
NAMES = ("health", "figures", "strip", "going-on", "breakers", "fallbacks")
TICK_S = 2.0
# How much of a hash tells two states of one part apart.
LENGTH = 8


@dataclass(frozen=True, slots=True)
class Now:
    """All that an audience sees: `said` by name, each with its digest. Nothing in it is of one reader."""

    said: dict[str, Any]
    digests: dict[str, str]

    @property
    def seen(self) -> str:
        """What a page has once it has all of it."""
        return "".join(self.digests.values())

    def unlike(self, seen: str) -> dict[str, Any]:
        """What a page lacks that has seen this."""
        had = [seen[n : n + LENGTH] for n in range(0, len(seen), LENGTH)] if len(seen) == len(self.seen) else []
        old = dict(zip(self.digests, had, strict=False))
        return {name: self.said[name] for name, digest in self.digests.items() if old.get(name) != digest}


shared = SharedViews[Now](seconds=TICK_S)


def now_answer(request: HttpRequest, group_id: UUID, *, audience: str) -> HttpResponse:
    """The answer for an audience (`viewer`, `operator`, `public`).

    One computation for all of it, and for each page what it has not `seen`.
    """
    now = shared.get((group_id, audience), lambda: _now(group_id, audience))
    if not (news := now.unlike(request.GET.get("seen", ""))):
        return HttpResponse(status=204)
    body = {"p": news.pop("p", {}), "cards": now.said["cards"], "seen": now.seen}
    news.pop("cards", None)
    return HttpResponse(to_json({**body, "parts": news}), content_type="application/json")


def _now(group_id: UUID, audience: str) -> Now:
    group = get_object_or_404(RoutingGroup.objects.with_deployments(), pk=group_id)
    state = home_of(group, now=timezone.now())
    said = {
        "p": {part.id: dict(part.attributes) for part in state.scene.parts},
        "cards": [drawn.deployment_id for drawn in state.drawn.deployments],
        **{name: part_of(state, name, audience) for name in NAMES},
    }
    return Now(said, {name: hashlib.sha256(to_json(value)).hexdigest()[:LENGTH] for name, value in said.items()})


def part_of(state: HomeState, name: str, audience: str) -> str:
    """One part as HTML."""
    context = {
        "state": state,
        "group": state.group,
        "can_edit": audience == "operator",
        "is_public": audience == "public",
    }
    return render_to_string(f"{PARTS}#{name}", context)
