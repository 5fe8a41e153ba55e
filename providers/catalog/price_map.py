"""Prices and limits of models, from LiteLLM's bundled price map. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from providers.presets import litellm_file, preset_of

MILLION = 1_000_000
CAPABILITIES = {
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_response_schema": "json_schema",
    "supports_reasoning": "reasoning",
    "supports_prompt_caching": "prompt_caching",
    "supports_audio_input": "audio",
}
# By a model's mode: the field with the price of its unit, and the unit.
UNIT_PRICES = {
    "rerank": (("input_cost_per_query", "search"),),
    "audio_speech": (("input_cost_per_character", "character"),),
    "image_generation": (("output_cost_per_image", "image"), ("input_cost_per_image", "image")),
    "audio_transcription": (("input_cost_per_second", "second"), ("output_cost_per_second", "second")),
}
# OpenRouter charges the vendor's price, and LiteLLM's map may lack its rows: by OpenRouter's prefix, the type whose row
# has the price.
OPENROUTER_VENDORS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "mistralai": "mistral",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "x-ai": "xai",
    "perplexity": "perplexity",
}
# `claude-sonnet-4.5` and `deepseek/deepseek-r1:free`: how OpenRouter's names differ from the vendors'.
DOTTED_VERSION = re.compile(r"(?<=\d)\.(?=\d)")
VARIANT = re.compile(r":(?!free$)[a-z]+$")


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """The public data of a model.

    Prices: US dollars per million tokens, or for one `unit` (empty: none); None means unknown.
    `reasoning_cost_per_million` is None if reasoning tokens cost the same as other output.
    """

    input_cost_per_million: Decimal | None = None
    output_cost_per_million: Decimal | None = None
    cached_input_cost_per_million: Decimal | None = None
    cache_write_cost_per_million: Decimal | None = None
    reasoning_cost_per_million: Decimal | None = None
    unit: str = ""
    price_per_unit: Decimal | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    capabilities: tuple[str, ...] = ()


UNKNOWN = CatalogEntry()
PRICES = (
    "input_cost_per_million",
    "output_cost_per_million",
    "cached_input_cost_per_million",
    "cache_write_cost_per_million",
)
# The fields that a model takes from the price map.
FIELDS = (*PRICES, "unit", "price_per_unit", "context_length", "max_output_tokens", "capabilities")


def is_price(field: str) -> bool:
    """Whether a field is in US dollars."""
    return field in PRICES or field == "price_per_unit"


def stored(entry: CatalogEntry) -> dict[str, Any]:
    """An entry as JSON: prices as text, so that they come back exactly."""
    values = {name: value for name, value in asdict(entry).items() if name in FIELDS}
    return {name: _as_json(value) for name, value in values.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, tuple) else value


def restored(field: str, value: Any) -> Any:
    """One value of `stored`, as in the model's column."""
    return Decimal(value) if is_price(field) and value is not None else value


@cache
def price_map() -> dict[str, dict[str, Any]]:
    """LiteLLM's bundled map of some 4,000 models; reads the file without importing litellm."""
    path = litellm_file("model_prices_and_context_window_backup.json")
    table: dict[str, dict[str, Any]] = json.loads(path.read_text())
    table.pop("sample_spec", None)
    return table


@lru_cache(maxsize=20_000)
def lookup(*, type: str, model_name: str, base_model: str = "") -> CatalogEntry:
    """The data of a provider's model; empty for self-hosted ones, whose owners set the prices.

    `base_model` is the map's name of it, where the provider has another one. A model of OpenRouter has its vendor's
    price if the map has none for OpenRouter.
    """
    row = _row(type, model_name, base_model)
    return UNKNOWN if row is None else entry_of(row)


@lru_cache(maxsize=20_000)
def can_prefill(*, type: str, model_name: str, base_model: str = "") -> bool:
    """Whether a provider's model goes on with an answer that the request begins."""
    row = _base_row(type, base_model) or row_of(preset_of(type).litellm_provider, model_name)
    return bool((row or {}).get("supports_assistant_prefill"))


@lru_cache(maxsize=20_000)
def answers_in(*, type: str, model_name: str, base_model: str = "") -> str:
    """What kind of request a provider's model answers, in LiteLLM's words: `chat`, `responses`, …; empty if unknown."""
    row = _base_row(type, base_model) or row_of(preset_of(type).litellm_provider, model_name)
    return str((row or {}).get("mode") or "")


def _row(type: str, model_name: str, base_model: str) -> dict[str, Any] | None:
    preset = preset_of(type)
    if (row := _base_row(type, base_model)) is not None:
        return row
    if preset.needs_base_url and preset.litellm_provider == "openai":
        return None
    row = row_of(preset.litellm_provider, model_name)
    if row is None and preset.type == "openrouter":
        row = next((found for name in _vendor_names(model_name) if (found := row_of(*name))), None)
    return row


def _base_row(type: str, base_model: str) -> dict[str, Any] | None:
    if not base_model:
        return None
    return row_of(preset_of(type).litellm_provider, base_model) or price_map().get(base_model)


def row_of(litellm_provider: str, model_name: str) -> dict[str, Any] | None:
    """The map's row of a model, with or without LiteLLM's prefix."""
    row = price_map().get(f"{litellm_provider}/{model_name}") or price_map().get(model_name)
    is_its = row is not None and str(row.get("litellm_provider", "")).startswith(litellm_provider)
    return row if is_its else None


def _vendor_names(model_name: str) -> Iterator[tuple[str, str]]:
    vendor, _, name = VARIANT.sub("", model_name).partition("/")
    if vendor in OPENROUTER_VENDORS:
        provider = preset_of(OPENROUTER_VENDORS[vendor]).litellm_provider
        yield provider, name
        yield provider, DOTTED_VERSION.sub("-", name)


def entry_of(row: dict[str, Any]) -> CatalogEntry:
    """A row of the map with our names and units."""
    context = row.get("max_input_tokens") or row.get("max_tokens")
    unit, price = _unit_price(row)
    mode = row.get("mode")
    words = [mode] if isinstance(mode, str) else []
    output, reasoning = row.get("output_cost_per_token"), row.get("output_cost_per_reasoning_token")
    return CatalogEntry(
        input_cost_per_million=_per_million(row.get("input_cost_per_token")),
        output_cost_per_million=_per_million(output),
        cached_input_cost_per_million=_per_million(row.get("cache_read_input_token_cost")),
        cache_write_cost_per_million=_per_million(row.get("cache_creation_input_token_cost")),
        reasoning_cost_per_million=_per_million(None if reasoning == output else reasoning),
        unit=unit,
        price_per_unit=price,
        context_length=_limit(context),
        max_output_tokens=_limit(row.get("max_output_tokens")),
        capabilities=(*words, *(word for flag, word in CAPABILITIES.items() if row.get(flag))),
    )


def _unit_price(row: dict[str, Any]) -> tuple[str, Decimal | None]:
    """What a model is charged by besides tokens, and the price of one; nothing where that is unknown."""
    for field, unit in UNIT_PRICES.get(str(row.get("mode")), ()):
        price = row.get(field)
        if isinstance(price, int | float) and price > 0:
            return unit, Decimal(str(price)).quantize(Decimal("0.0000000001")).normalize()
    return "", None


def _limit(tokens: object) -> int | None:
    return tokens if type(tokens) is int and tokens > 0 else None


def _per_million(cost: float | None) -> Decimal | None:
    if cost is None:
        return None
    return (Decimal(str(cost)) * MILLION).quantize(Decimal("0.000001")).normalize()
