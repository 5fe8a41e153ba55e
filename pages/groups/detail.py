"""The pages of one group: its routing, and how to use it."""

from __future__ import annotations

from datetime import timedelta
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
from pages.guards import PersonRequest, requires
from pages.live_tester.rewinding import BEFORE, rewind_url
from usage.health.cooldown_board import current_cooldowns

# The last quarter of an hour, less what each link adds at its beginning.
REWOUND = timedelta(minutes=15) - BEFORE


@require_safe
@requires(Role.VIEWER, to="see routing groups")
def group_detail(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """One group: its routing, a sample call, and a test."""
    group = group_with_deployments(group_id)
    return render(request, "groups/routinggroup_detail.html", detail_context(request, group))


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


def detail_context(request: PersonRequest, group: RoutingGroup, **more: Any) -> dict[str, Any]:
    """The context of the page of one group; a test adds its result."""
    return {
        "group": group,
        "tiers": tiers_of(group, current_cooldowns()),
        "sections": sections_of(group),
        "error_rows": error_rows_of(group),
        "base_url": request.build_absolute_uri("/v1"),
        "can_test": can_operate(request.user),
        "can_edit": can_operate(request.user),
        "form": GroupTestForm(),
        "rewind_url": rewind_url(group.pk, timezone.now() - REWOUND),
        **more,
    }
