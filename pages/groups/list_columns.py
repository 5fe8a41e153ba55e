"""The columns of the list of groups, and the orders they offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from groups.models import RoutingGroupQuerySet


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `key` names its order in the address and `fields` are what it sorts by, none where it can't."""

    title: str
    key: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """A column as one page shows it. `next_sort` is what a click asks for, `direction` a value of `aria-sort`."""

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
    """The groups in the order of a column; `-` before its key turns it round."""
    sign, key = ("-", sort[1:]) if sort.startswith("-") else ("", sort)
    if key == "deployments":
        groups = groups.annotate(deployment_count=Count("deployments"))
    first, *rest = SORTABLE[key].fields
    return groups.order_by(sign + first, *rest)


def headers(sort: str, columns: Iterable[Column] = COLUMNS) -> list[Header]:
    """The heads of a table under this order: a click sorts by a column, the next one turns it round."""
    return [_header(column, sort) for column in columns]


def _header(column: Column, sort: str) -> Header:
    if not column.key:
        return Header(column.title, "", "")
    direction = {column.key: "ascending", f"-{column.key}": "descending"}.get(sort, "none")
    return Header(column.title, f"-{column.key}" if sort == column.key else column.key, direction)
