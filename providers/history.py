"""The audit log of providers and models: who changed what, and when. Entries outlive their rows and hold no secrets."""

from __future__ import annotations

from lib.audit import CHANGED, CREATED, DELETED, Changes, Texts, changes_between, keep, texts_of
from lib.authors import Author
from providers.models import LanguageModel, Provider

__all__ = ["CHANGED", "CREATED", "DELETED", "record", "snapshot_of"]

PROVIDER_FIELDS = (
    "name",
    "type",
    "api_base",
    "enabled",
    "priority",
    "auto_fallback",
    "proves_standby",
    "rpm",
    "tpm",
    "settings",
    "dialects",
    "extra_headers",
    "extra_body",
)
MODEL_FIELDS = (
    *("name", "display_name", "input_cost_per_million", "output_cost_per_million", "cached_input_cost_per_million"),
    *("cache_write_cost_per_million", "unit", "price_per_unit", "context_length", "max_output_tokens", "base_model"),
    *("limit_name", "system_role"),
    *("capabilities", "quality", "enabled"),
)


def snapshot_of(row: Provider | LanguageModel) -> Texts:
    """The fields of a row that the audit log keeps."""
    return texts_of(row, PROVIDER_FIELDS if isinstance(row, Provider) else MODEL_FIELDS)


def record(
    action: int,
    row: Provider | LanguageModel,
    *,
    by: Author,
    before: Texts | None = None,
    more: Changes | None = None,
) -> None:
    """Records the changes since `before`, and those in `more`."""
    changes = changes_between(before or {}, {} if action == DELETED else snapshot_of(row))
    keep(action, row, changes | (more or {}), by=by)
