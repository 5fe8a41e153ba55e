"""Searching LiteLLM's price map for models to add. Pure; the map is indexed once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from providers.catalog.price_map import OPENROUTER_VENDORS, CatalogEntry, entry_of, price_map
from providers.presets import BY_LITELLM_NAME, is_known, litellm_providers, preset_of

# The modes that the gateway can serve; the map also has prices of images, speech and searches.
MODES = ("chat", "responses", "completion", "embedding")
# Rows for classes of model size (`together-ai-4.1b-8b`), sandboxes, and reserved capacity.
NO_MODEL = re.compile(r"^(together|fireworks)-ai-|(^|/)container$|-commitment/")
# One provider that the map splits into two; others are `vertex_ai-mistral_models` and similar.
SPREAD = {"bedrock_converse": "bedrock", "cohere_chat": "cohere"}
# Vendors whose model names OpenRouter keeps, except for the dot in `claude-sonnet-4.5`.
KEPT_NAMES = ("openai", "anthropic", "google", "x-ai")
DASHED_VERSION = re.compile(r"(?<=-\d)-(?=\d$)")
DATED = re.compile(r"\d{8}$|\d{4}-\d{2}-\d{2}$|^ft:")


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model that can be added: `type` is the provider type, `name` the provider's name for it."""

    type: str
    name: str
    entry: CatalogEntry


@dataclass(frozen=True, slots=True)
class _Indexed:
    type: str
    name: str
    folded: str
    key: str


def search(*, type: str = "", q: str = "", start: int = 0, size: int = 50) -> tuple[list[CatalogModel], int]:
    """The models `start` to `start + size` whose names have every word of `q`, and the total number of matches.

    `type` is a provider type, by our name or LiteLLM's; empty means all. Sorted by type and name.
    """
    found = _found(preset_of(type).type if type else "", q.casefold())
    return [
        CatalogModel(row.type, row.name, entry_of(price_map()[row.key])) for row in found[start : start + size]
    ], len(found)


@lru_cache(maxsize=64)
def _found(type: str, folded: str) -> Sequence[_Indexed]:
    rows = _by_type().get(type, ()) if type else _index()
    words = folded.split()
    return [row for row in rows if all(word in row.folded for word in words)] if words else rows


@cache
def _by_type() -> dict[str, list[_Indexed]]:
    types: dict[str, list[_Indexed]] = {}
    for row in _index():
        types.setdefault(row.type, []).append(row)
    return types


@cache
def _index() -> tuple[_Indexed, ...]:
    rows = {(row.type, row.name): row for key, values in price_map().items() if (row := _indexed(key, values))}
    if not any(type == "openrouter" for type, _ in rows):
        rows |= {(row.type, row.name): row for row in _through_openrouter(tuple(rows.values()))}
    return tuple(rows[place] for place in sorted(rows))


def _indexed(key: str, values: dict[str, Any]) -> _Indexed | None:
    provider = _provider(str(values.get("litellm_provider") or ""))
    if values.get("mode") not in MODES or not is_known(provider) or NO_MODEL.search(key):
        return None
    known = BY_LITELLM_NAME.get(provider)
    return _row(known.type if known else provider, key.removeprefix(f"{provider}/"), key)


def _provider(listed: str) -> str:
    first = listed.partition("-")[0]
    return SPREAD.get(listed) or (first if first in litellm_providers() else listed)


def _row(type: str, name: str, key: str) -> _Indexed:
    return _Indexed(type, name, f"{name} {type}".casefold(), key)


def _through_openrouter(rows: Sequence[_Indexed]) -> list[_Indexed]:
    """The models that OpenRouter most likely serves, for a map without its rows: the vendors' undated chat models."""
    prefixes = {OPENROUTER_VENDORS[prefix]: prefix for prefix in KEPT_NAMES}
    chats = (row for row in rows if row.type in prefixes and price_map()[row.key].get("mode") == "chat")
    named = ((row, DASHED_VERSION.sub(".", row.name)) for row in chats if not DATED.search(row.name))
    return [_row("openrouter", f"{prefixes[row.type]}/{name}", row.key) for row, name in named]
