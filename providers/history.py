"""Who changed a provider or a model, when, and what: entries of the audit log, which outlive the rows. No secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from lib.authors import Author
from providers.models import LanguageModel, Provider

CREATED, CHANGED, DELETED = LogEntry.Action.CREATE, LogEntry.Action.UPDATE, LogEntry.Action.DELETE
PROVIDER_FIELDS = ("name", "type", "api_base", "enabled", "priority", "auto_fallback", "rpm", "tpm", "settings")
MODEL_FIELDS = (
    *("name", "display_name", "input_cost_per_million", "output_cost_per_million", "cached_input_cost_per_million"),
    *("cache_write_cost_per_million", "context_length", "capabilities", "quality", "enabled"),
)

Snapshot = Mapping[str, str]


def snapshot_of(row: Provider | LanguageModel) -> Snapshot:
    """What is worth keeping of a row, as text; an empty one is not set."""
    fields = PROVIDER_FIELDS if isinstance(row, Provider) else MODEL_FIELDS
    return {name: text for name in fields if (text := _text(getattr(row, name)))}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in value.items())
    return "" if value is None else str(value)


def record(
    action: int,
    row: Provider | LanguageModel,
    *,
    by: Author,
    before: Snapshot | None = None,
    more: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Keeps what changed since `before` as `{field: [before, after]}`, and `more` of the kind.

    Nothing is kept of a change that changed nothing. Belongs into the transaction of the change.
    """
    old, new = before or {}, {} if action == DELETED else snapshot_of(row)
    names = dict.fromkeys((*old, *new))
    changes = {name: (old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)}
    changes |= more or {}
    if action == CHANGED and not changes:
        return
    LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(type(row)),
        object_pk=str(row.pk),
        object_repr=str(row),
        action=action,
        changes={name: list(pair) for name, pair in changes.items()},
        additional_data={"by": by.name},
    )
