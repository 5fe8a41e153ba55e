"""The list of cooldowns: deployment, group, reason, remaining time, and a button to end it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from pages.guards import PersonRequest, requires
from pages.parts import page_or_part, way_back
from pages.providers.page_rights import readers_only, rights
from usage.health import cooldown_board
from usage.health.tripping import close_breaker

PAGE = "providers/cooldown_list.html"


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def cooldown_list(request: PersonRequest) -> HttpResponse:
    """The current cooldowns; htmx reloads the table every few seconds."""
    return page_or_part(request, PAGE, "cooldowns", {"rows": cooldown_board.current_cooldowns(), **rights(request)})


@require_POST
@requires(Role.OPERATOR, to="end cooldowns")
def cooldown_end(request: PersonRequest, breaker: str) -> HttpResponse:
    """Takes a deployment, or all of a provider, back into service, in every process."""
    if close_breaker(by=request.user, breaker=breaker) is not None:
        messages.success(request, "It is back in service.")
    else:
        messages.success(request, "This cooldown was over already.")
    return redirect(way_back(request))
