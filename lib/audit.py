"""Entries of the audit log: who changed what in a row, and when. They outlive the row and contain no secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone

from lib.authors import Author

CREATED, CHANGED, DELETED = LogEntry.Action.CREATE, LogEntry.Action.UPDATE, LogEntry.Action.DELETE

Texts = Mapping[str, str]
Changes = dict[str, tuple[str, str]]


def texts_of(row: Model, names: Iterable[str]) -> Texts:
    """The fields of a row as text; empty if not set."""
    return {name: text for name in names if (text := _text(getattr(row, name)))}


def changes_between(before: Texts, after: Texts) -> Changes:
    """The differences, as `{field: (before, after)}`."""
    names = dict.fromkeys((*before, *after))
    return {name: (before.get(name, ""), after.get(name, "")) for name in names if before.get(name) != after.get(name)}


def keep(
    action: int,
    row: Model,
    changes: Mapping[str, Iterable[str]],
    *,
    by: Author | str,
    at: datetime | None = None,
    snapshot: Mapping[str, Any] | None = None,
    **about: Any,
) -> None:
    """Writes an entry; none if nothing changed, unless there is a `snapshot` of the row to keep.

    Call it in the transaction of the change.
    """
    if action == CHANGED and not changes and snapshot is None:
        return
    LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(type(row)),
        object_pk=str(row.pk),
        object_repr=str(row),
        action=action,
        timestamp=at or timezone.now(),
        changes={name: list(pair) for name, pair in changes.items()},
        serialized_data=snapshot,
        additional_data={"by": by if isinstance(by, str) else by.name, **about},
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in value.items())
    return "" if value is None else str(value)
