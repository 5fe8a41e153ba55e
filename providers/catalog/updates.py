"""Updates of LiteLLM's price map for models that took their prices from it.

An upgrade of LiteLLM brings a new map. It changes no price by itself: people accept the differences. Typed values are
not in `LanguageModel.catalog_entry`, so they are never updated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from providers.catalog import price_map
from providers.models import LanguageModel, LanguageModelQuerySet


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One field: its accepted value, and the map's current one. Prices are exact, as text; None means unknown."""

    field: str
    accepted: Any
    today: Any


@dataclass(frozen=True, slots=True)
class CatalogUpdate:
    """The open changes of one model."""

    model: LanguageModel
    changes: tuple[CatalogChange, ...]


def updates_of(
    models: LanguageModelQuerySet, *, start: int = 0, size: int | None = None
) -> tuple[list[CatalogUpdate], int]:
    """The models with updates, `start` to `start + size` in the order of the rows, and their total number.

    Two queries; only models with updates are loaded, each with its provider.
    """
    rows = models.values_list("pk", "provider__type", "name", "base_model", "catalog_entry")
    news = {pk: changes for pk, *told in rows if (changes := _changes(*told))}
    shown = list(news)[start : None if size is None else start + size]
    found = LanguageModel.objects.select_related("provider").in_bulk(shown)
    return [CatalogUpdate(found[pk], news[pk]) for pk in shown if pk in found], len(news)


def _changes(type: str, name: str, base_model: str, entry: Mapping[str, Any]) -> tuple[CatalogChange, ...]:
    today = _today(type, name, base_model)
    return tuple(
        CatalogChange(field, entry[field], today[field])
        for field in price_map.FIELDS
        if field in entry and today.get(field) is not None and today[field] != entry[field]
    )


@lru_cache(maxsize=20_000)
def _today(type: str, name: str, base_model: str) -> Mapping[str, Any]:
    """The map's current values; None for a model that is no longer in it, whose prices stay."""
    entry = price_map.lookup(type=type, model_name=name, base_model=base_model)
    return {} if entry == price_map.UNKNOWN else price_map.stored(entry)
