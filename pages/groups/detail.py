"""The pages of one group: its routing, and how to use it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access.models import Role
from access.rules import can_operate
from groups.models import RoutingGroup
from groups.versions.effective import error_rows_of, sections_of
from pages.client_snippets import snippets_of
from pages.groups.cards import tiers_of
from pages.groups.forms import GroupTestForm
from pages.groups.home.home_state import home_of, moment_in
from pages.groups.home.live_parts import now_answer
from pages.groups.home.proof_lines import proof_lines
from pages.guards import PersonRequest, requires

# Those of the first clients; the others are on a page of their own.
HOME_SNIPPETS = 3


@require_safe
@requires(Role.VIEWER, to="see routing groups")
def group_detail(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """One group: its traffic, how to call it, its routing, and a test."""
    group = group_with_deployments(group_id)
    at = moment_in(request.GET["at"]) if request.GET.get("at") else None
    return render(request, "groups/routinggroup_detail.html", detail_context(request, group, at=at))


@require_safe
@requires(Role.VIEWER, to="see routing groups")
def group_now(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """What the open page of a group shows now, as JSON; 204 if that is still what it has `seen`."""
    return now_answer(request, group_id, audience="operator" if can_operate(request.user) else "viewer")


@require_safe
@requires(Role.VIEWER, to="see routing groups")
def group_use(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """Snippets that call the group, for each client."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    snippets = snippets_of(request.build_absolute_uri("/"), group.name)
    context = {"group": group, "snippets": snippets, "can_edit": can_operate(request.user)}
    return render(request, "groups/routinggroup_use.html", context)


def group_with_deployments(group_id: UUID) -> RoutingGroup:
    return get_object_or_404(RoutingGroup.objects.with_deployments(), pk=group_id)


def detail_context(
    request: PersonRequest, group: RoutingGroup, at: datetime | None = None, **more: Any
) -> dict[str, Any]:
    """The context of the page of one group, now or at an earlier moment; a test adds its result."""
    now = timezone.now()
    state = home_of(group, now=now, at=at)
    busy = {name for name, traffic in state.traffic.deployments.items() if traffic.tried}
    sections = sections_of(group)
    return {
        "group": group,
        "state": state,
        "scene": state.scene,
        "tiers": tiers_of(group, state.cooldowns, {} if at else proof_lines(group, state.proofs, busy=busy, now=now)),
        "snippets": snippets_of(request.build_absolute_uri("/"), group.name)[:HOME_SNIPPETS],
        "changed": [setting for section in sections for setting in section.settings if not setting.is_default],
        "sections": sections,
        "error_rows": error_rows_of(group),
        "base_url": request.build_absolute_uri("/v1"),
        "can_test": can_operate(request.user),
        "can_edit": can_operate(request.user),
        "form": GroupTestForm(),
        "rewind_url": state.rewind_url,
        **more,
    }
