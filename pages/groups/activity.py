"""Pages of what happened."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from groups.models import RoutingGroup
from pages.guards import PersonRequest, requires
from pages.parts import wants_part
from usage.health.activity import activity_of

MOST_GROUPS = 100


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see what happened")
def group_activity(request: PersonRequest) -> HttpResponse:
    """Health and the day's requests of the groups named by `id`: cells for the list of groups, or a page.

    Apart from the list, so that the list is fast whatever the length of the log.
    """
    groups = RoutingGroup.objects.filter(pk__in=_ids(request)).order_by("name").values_list("pk", "name")
    activities = activity_of([name for _, name in groups])
    rows = [(pk, name, activities[name]) for pk, name in groups]
    template = "groups/group_activity.html"
    return render(request, template + "#activity-cells" if wants_part(request) else template, {"rows": rows})


def _ids(request: PersonRequest) -> list[UUID]:
    """The ids asked for; what is no id asks for nothing."""
    ids = []
    for text in request.GET.getlist("id")[:MOST_GROUPS]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return ids
