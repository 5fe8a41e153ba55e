"""The list of the groups."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from access.rules import can_operate
from groups.models import RoutingGroup
from pages.groups.assignments import team_names
from pages.groups.cards import row_of
from pages.groups.forms import GroupFilterForm
from pages.groups.list_columns import COLUMNS
from pages.guards import PersonRequest, requires
from pages.parts import ids_in, page_of, page_or_part
from pages.table_columns import headers
from usage.health.activity import activity_of

MOST_GROUPS = 100


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see what happened")
def group_activity(request: PersonRequest) -> HttpResponse:
    """Health and the day's requests of the groups named by `id`: cells for the list of groups, or a page.

    Separate from the list, so that the list is fast with a log of any length.
    """
    groups = (
        RoutingGroup.objects.filter(pk__in=ids_in(request, most=MOST_GROUPS)).order_by("name").values_list("pk", "name")
    )
    activities = activity_of([name for _, name in groups])
    rows = [(pk, name, activities[name]) for pk, name in groups]
    return page_or_part(request, "groups/group_activity.html", "activity-cells", {"rows": rows})


PAGE_SIZE = 20


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see routing groups")
def group_list(request: PersonRequest) -> HttpResponse:
    """All groups; the URL has search, filters, order and page."""
    form = GroupFilterForm(request.GET)
    page = page_of(request, form.narrow(RoutingGroup.objects.with_deployments()), PAGE_SIZE)
    names = team_names({team_id for group in page for team_id in group.assigned_team_ids})
    context = {
        "form": form,
        "page": page,
        "rows": [row_of(group, names) for group in page],
        "headers": headers(form.sort_key, COLUMNS),
        "query": form.query,
        "can_edit": can_operate(request.user),
    }
    return page_or_part(request, "groups/routinggroup_list.html", "group-rows", context)
