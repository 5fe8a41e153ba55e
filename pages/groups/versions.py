"""A group's history, and restoring a version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from access.models import Role
from access.rules import can_operate
from groups.actions import restore_version
from groups.models import RoutingGroup
from groups.versions import history
from lib.exceptions import DomainError
from pages.guards import PersonRequest, requires
from pages.parts import page_of

VERSIONS_SHOWN = 20


@require_safe
@requires(Role.VIEWER, to="see routing groups")
def group_history(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """Every saved version, newest first, with its changes."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    return render(request, "groups/routinggroup_history.html", _context(request, group))


@require_POST
@requires(Role.OPERATOR, to="restore a version")
def restore(request: PersonRequest, group_id: UUID, entry_id: int) -> HttpResponseBase:
    """Restores the group to one of its versions."""
    group = get_object_or_404(RoutingGroup, pk=group_id)
    [version] = history.versions([get_object_or_404(history.entries_of(group_id), pk=entry_id)])
    try:
        restored = restore_version(by=request.user, group=group, version=version)
    except (DomainError, ValidationError) as error:
        refusal = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        context = {**_context(request, group), "refusal": refusal}
        return render(request, "groups/routinggroup_history.html", context, status=422)
    messages.success(request, f"{restored.name} is restored to revision {version.revision}.")
    return redirect("group-history", group_id)


def _context(request: PersonRequest, group: RoutingGroup) -> dict[str, Any]:
    page = page_of(request, history.entries_of(group.pk), VERSIONS_SHOWN)
    return {"group": group, "page": page, "versions": history.versions(page), "can_edit": can_operate(request.user)}
