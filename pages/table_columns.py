"""The columns of sortable tables, for `_components/heads.html`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


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


def headers(sort: str, columns: Iterable[Column]) -> list[Header]:
    """The heads of a table in this order: a click sorts by a column, the next one reverses the order."""
    return [_header(column, sort) for column in columns]


def _header(column: Column, sort: str) -> Header:
    if not column.key:
        return Header(column.title, "", "")
    direction = {column.key: "ascending", f"-{column.key}": "descending"}.get(sort, "none")
    return Header(column.title, f"-{column.key}" if sort == column.key else column.key, direction)
