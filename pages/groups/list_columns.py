"""The columns of the list of groups, and their sort orders."""

from __future__ import annotations

from django.db.models import Count

from groups.models import RoutingGroupQuerySet
from pages.table_columns import Column

COLUMNS = (
    Column("Name", "name", ("name",)),
    Column("Strategy", "strategy", ("strategy", "name")),
    Column("Deployments", "deployments", ("deployment_count", "name")),
    Column("Health"),
    Column("Last 24 h"),
    Column("Status", "status", ("is_active", "name")),
    Column("Teams"),
    Column("Created", "created", ("created_at", "name")),
)
SORTABLE = {column.key: column for column in COLUMNS if column.key}
SORTS = tuple(sign + key for key in SORTABLE for sign in ("", "-"))
DEFAULT_SORT = "name"


def sorted_by(groups: RoutingGroupQuerySet, sort: str) -> RoutingGroupQuerySet:
    """The groups in the order of a column; `-` before its key reverses it."""
    sign, key = ("-", sort[1:]) if sort.startswith("-") else ("", sort)
    if key == "deployments":
        groups = groups.annotate(deployment_count=Count("deployments"))
    first, *rest = SORTABLE[key].fields
    return groups.order_by(sign + first, *rest)
