"""The model of an entry of `model_list`, with the file's prices and limits. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from interchange.bundle import ModelDraft
from interchange.litellm_config.litellm_names import COSTS
from interchange.litellm_config.tracked_mapping import Fields
from providers.catalog.price_map import entry_of, price_map

MILLION = 1_000_000


def model_of(provider: str, name: str, params: Fields, info: Fields) -> ModelDraft:
    """Prices are in either section; without them, those of the `base_model` count. Raises Wrong."""
    said = {field: _cost(word, params, info) for field, word in COSTS.items()}
    name_of_base, base = _of_base_model(info)
    prices: dict[str, Any] = {field: base.get(field) if cost is None else cost for field, cost in said.items()}
    context = info.whole("max_input_tokens", low=1)
    return ModelDraft(
        provider=provider,
        name=name,
        context_length=context or base.get("context_length"),
        max_output_tokens=info.whole("max_output_tokens", low=1),
        base_model=name_of_base,
        **prices,
    )


def _cost(word: str, params: Fields, info: Fields) -> Decimal | None:
    first, second = (room.number(word, high=100) for room in (params, info))
    cost = second if first is None else first
    return None if cost is None else (Decimal(str(cost)) * MILLION).quantize(Decimal("0.000001"))


def _of_base_model(info: Fields) -> tuple[str, dict[str, Any]]:
    """The name and the price map's data of the model behind a custom name, such as an Azure deployment's."""
    base = info.text("base_model", longest=256)
    row = price_map().get(base)
    if row is None:
        info.put_back("base_model")
        return "", {}
    entry = entry_of(row)
    return base, {name: getattr(entry, name) for name in (*COSTS, "context_length")}
