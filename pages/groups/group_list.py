"""The list of the groups, and the search over everything."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from access.rules import can_operate
from groups.models import RoutingGroup
from pages.groups.assignments import team_names
from pages.groups.cards import row_of
from pages.groups.forms import GroupFilterForm
from pages.groups.list_columns import headers
from pages.groups.name_search import LONGEST_QUERY, find
from pages.guards import PersonRequest, requires
from pages.parts import wants_part
from usage.health.activity import activity_of

MOST_GROUPS = 100


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see what happened")
def group_activity(request: PersonRequest) -> HttpResponse:
    """Health and the day's requests of the groups named by `id`: cells for the list of groups, or a page.

    Separate from the list, so that the list is fast with a log of any length.
    """
    groups = RoutingGroup.objects.filter(pk__in=_ids(request)).order_by("name").values_list("pk", "name")
    activities = activity_of([name for _, name in groups])
    rows = [(pk, name, activities[name]) for pk, name in groups]
    template = "groups/group_activity.html"
    return render(request, template + "#activity-cells" if wants_part(request) else template, {"rows": rows})


def _ids(request: PersonRequest) -> list[UUID]:
    """The requested ids; invalid ids are ignored."""
    ids = []
    for text in request.GET.getlist("id")[:MOST_GROUPS]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return ids


PAGE_SIZE = 20
FEW, MANY = 5, 50


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see routing groups")
def group_list(request: PersonRequest) -> HttpResponse:
    """All groups; the URL has search, filters, order and page."""
    form = GroupFilterForm(request.GET)
    groups = form.narrow(RoutingGroup.objects.with_deployments())
    page = Paginator(groups, PAGE_SIZE).get_page(request.GET.get("page"))
    names = team_names({team_id for group in page for team_id in group.assigned_team_ids})
    context = {
        "form": form,
        "page": page,
        "rows": [row_of(group, names) for group in page],
        "headers": headers(form.sort_key),
        "query": urlencode(form.chosen),
        "can_edit": can_operate(request.user),
        "is_part": wants_part(request),
    }
    template = "groups/routinggroup_list.html"
    return render(request, template + "#group-rows" if wants_part(request) else template, context)


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="search")
def search(request: PersonRequest) -> HttpResponse:
    """Groups, providers and models by name: a few of each under the search field, more on the page."""
    text = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    is_part = wants_part(request)
    context = {"text": text, "kinds": find(text, most=FEW if is_part else MANY), "is_part": is_part}
    return render(request, "groups/search.html#search-results" if is_part else "groups/search.html", context)
