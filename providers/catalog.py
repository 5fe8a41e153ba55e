"""Prices and limits of models, from the price map that LiteLLM brings along."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
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


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """What is publicly known of a model. Prices: US dollars per million tokens; None is unknown."""

    input_cost_per_million: Decimal | None = None
    output_cost_per_million: Decimal | None = None
    context_length: int | None = None
    capabilities: tuple[str, ...] = ()


UNKNOWN = CatalogEntry()


@cache
def price_map() -> dict[str, dict[str, Any]]:
    """LiteLLM's bundled map of some 4,000 models; the file is read, litellm itself is not imported."""
    path = litellm_file("model_prices_and_context_window_backup.json")
    table: dict[str, dict[str, Any]] = json.loads(path.read_text())
    table.pop("sample_spec", None)
    return table


def lookup(*, type: str, model_name: str) -> CatalogEntry:
    """What is known of a provider's model; nothing for self-hosted ones, whose prices are their owner's."""
    preset = preset_of(type)
    if preset.needs_base_url and preset.type != "azure":
        return UNKNOWN
    row = price_map().get(f"{preset.litellm_provider}/{model_name}") or price_map().get(model_name)
    if row is None or not str(row.get("litellm_provider", "")).startswith(preset.litellm_provider):
        return UNKNOWN
    return _entry(row)


def _entry(row: dict[str, Any]) -> CatalogEntry:
    context = row.get("max_input_tokens") or row.get("max_tokens")
    mode = row.get("mode")
    words = [mode] if isinstance(mode, str) else []
    return CatalogEntry(
        input_cost_per_million=_per_million(row.get("input_cost_per_token")),
        output_cost_per_million=_per_million(row.get("output_cost_per_token")),
        context_length=context if isinstance(context, int) and context > 0 else None,
        capabilities=(*words, *(word for flag, word in CAPABILITIES.items() if row.get(flag))),
    )


def _per_million(cost: float | None) -> Decimal | None:
    if cost is None:
        return None
    return (Decimal(str(cost)) * MILLION).quantize(Decimal("0.000001")).normalize()
