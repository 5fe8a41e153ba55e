"""What every change of a row with revisions does, in the transaction of its action: the latest row, checks, a save."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from access.models import Actor
from groups.exceptions import RowChanged
from groups.models import RoutingRules
from groups.models.versioned import Versioned

Row = TypeVar("Row", bound=Versioned)


def latest(row: Row, rows: QuerySet[Row], if_match: Collection[str] | None) -> Row:
    """The row as it is now, out of `rows`. Raises RowChanged unless it is at one of these versions (ETags)."""
    fresh = rows.get(pk=row.pk)
    if is_stale(fresh.etag, if_match):
        raise RowChanged(f"{fresh._meta.verbose_name} '{fresh}'", fresh.etag)
    return fresh


def is_stale(etag: str, if_match: Collection[str] | None) -> bool:
    """Whether the current version is none of those that the caller means. None checks nothing, `*` matches any.

    A weak tag counts as its strong form, because proxies that compress answers weaken our tags.
    """
    return if_match is not None and "*" not in if_match and etag not in {tag.removeprefix("W/") for tag in if_match}


def check_fields(row: Versioned, checks: Mapping[str, Callable[[Any], Any]]) -> None:
    """Sets each of these fields to what its check makes of it. Raises ValidationError under the field's name."""
    for field, checked in checks.items():
        try:
            setattr(row, field, checked(getattr(row, field)))
        except ValidationError as error:
            raise ValidationError({field: error.messages}) from error


def save_revision(row: Versioned | RoutingRules, *, by: Actor) -> None:
    """Saves the row as its next revision."""
    row.revision += 1
    row.updated_by = by.name
    row.save()
