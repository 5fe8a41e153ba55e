"""The table of the models: what narrows it, and the orders it offers."""

from __future__ import annotations

from typing import Any

from django.db.models import F, TextField
from django.db.models.functions import Cast

from providers.models import LanguageModel, LanguageModelQuerySet

ENABLED = {"enabled": True, "disabled": False}
SORTS = {
    "name": "name",
    "provider": "provider__name",
    "input": "input_cost_per_million",
    "output": "output_cost_per_million",
    "cached": "cached_input_cost_per_million",
    "context": "context_length",
    "status": "enabled",
}
DEFAULT_SORT = "provider"


def narrowed(chosen: dict[str, Any]) -> LanguageModelQuerySet:
    """The models that pass these filters (`q`, `provider`, `capability`, `status`), with their providers."""
    rows = LanguageModel.objects.select_related("provider").matching(
        q=chosen.get("q", ""), enabled=ENABLED.get(chosen.get("status", ""))
    )
    if provider := chosen.get("provider"):
        rows = rows.filter(provider=provider)
    return with_capability(rows, chosen["capability"]) if "capability" in chosen else rows


def with_capability(rows: LanguageModelQuerySet, word: str) -> LanguageModelQuerySet:
    """The models whose list of capabilities has this word; as text, for SQLite can't search JSON."""
    return rows.annotate(words=Cast("capabilities", TextField())).filter(words__contains=f'"{word}"')


def sort_in(chosen: dict[str, Any]) -> str:
    """The order that is asked for, or the default for one that there is not."""
    sort = str(chosen.get("sort", ""))
    return sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT


def sorted_by(rows: LanguageModelQuerySet, sort: str) -> LanguageModelQuerySet:
    """The models in an order of SORTS; `-` before it turns it round. What is unknown comes last in both."""
    field = F(SORTS[sort.removeprefix("-")])
    first = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(nulls_last=True)
    return rows.order_by(first, "name", "pk")
