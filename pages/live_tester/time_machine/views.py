"""GET shows the form; POST computes and shows the year."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access.models import Role
from access.rules import can_operate, check_role
from engine.exceptions import BadInput
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
from pages.guards import PersonRequest, requires
from pages.live_tester.time_machine.forms import TimeMachineForm
from pages.live_tester.time_machine.heat import heat_map
from tester.exceptions import RunBroken
from tester.history.performing import rehearse_history
from tester.history.planning import plan_history, provider_types

PAGE = "live_tester/time_machine.html"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.VIEWER, to="see the outage time machine")
def time_machine(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """The form, and with POST the answer to it."""
    if request.method == "POST":
        check_role(request.user, Role.OPERATOR, to="rehearse routing groups")
    group = get_object_or_404(RoutingGroup, pk=group_id)
    types = provider_types(specs_with_fallbacks(group))
    form = TimeMachineForm(request.POST if request.method == "POST" else None, types)
    context: dict[str, Any] = {"group": group, "form": form, "can_rehearse": can_operate(request.user)}
    if request.method != "POST":
        return render(request, PAGE, context)
    status = 422
    if form.is_valid():
        try:
            context["heat"] = heat_map(rehearse_history(plan_history(group, form.asked, now=timezone.now())))
            status = 200
        except BadInput as error:
            form.blame(error)
        except RunBroken as broken:
            form.add_error(None, str(broken))
            status = 503
    return render(request, PAGE, context, status=status)
