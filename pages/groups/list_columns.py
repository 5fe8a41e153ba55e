"""The columns of the list of groups, and their sort orders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from groups.models import RoutingGroupQuerySet


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `key` is its name in the URL; `fields` are the sort fields, empty if it is not sortable."""

    title: str
    key: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """A column on a page. `next_sort` is the order after a click, `direction` a value of `aria-sort`."""

    title: str
    next_sort: str
    direction: str


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


def headers(sort: str, columns: Iterable[Column] = COLUMNS) -> list[Header]:
    """The heads of a table in this order: a click sorts by a column, the next one reverses the order."""
    return [_header(column, sort) for column in columns]


def _header(column: Column, sort: str) -> Header:
    if not column.key:
        return Header(column.title, "", "")
    direction = {column.key: "ascending", f"-{column.key}": "descending"}.get(sort, "none")
    return Header(column.title, f"-{column.key}" if sort == column.key else column.key, direction)
