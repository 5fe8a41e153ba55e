"""Routing groups on the pages of teams."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role, Team
from pages.groups.assignments import group_counts, groups_of
from pages.guards import PersonRequest, requires
from pages.parts import ids_in, page_or_part

PAGE = "groups/team_groups.html"
MOST_COUNTED = 50
readers_only = requires(Role.VIEWER, to="see routing groups")


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def team_groups(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """The groups assigned to a team: a part of its page, or a page of its own."""
    team = get_object_or_404(Team, pk=team_id)
    context = {"team": team, "groups": groups_of(team).order_by("name")}
    return page_or_part(request, PAGE, "team-groups", context)


@require_safe
@readers_only
def team_group_counts(request: PersonRequest) -> HttpResponse:
    """The numbers of groups of the teams in `id`: cells that htmx puts into the list of teams."""
    ids = [str(team_id) for team_id in ids_in(request, most=MOST_COUNTED)]
    counts = group_counts(ids)
    return render(request, f"{PAGE}#group-counts", {"counts": [(team_id, counts[team_id]) for team_id in ids]})
