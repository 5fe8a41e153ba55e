"""What clients are told of a model besides its name: since when it is here, its limits, prices and parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from typing import Any

from groups.models import RoutingGroup, VirtualModel
from providers.catalog import price_map
from providers.models import LanguageModel

# Every chat model takes these.
PARAMETERS = frozenset({"max_tokens", "temperature", "top_p", "stop", "stream"})
BY_CAPABILITY = {
    "tools": frozenset({"tools", "tool_choice"}),
    "json_schema": frozenset({"response_format", "structured_outputs"}),
    "reasoning": frozenset({"reasoning_effort"}),
}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model, or of all that a name may lead to.

    `created` is in Unix seconds; prices are US dollars per token. None: unknown.
    """

    created: int = 0
    context_length: int | None = None
    max_output_tokens: int | None = None
    input_usd: Decimal | None = None
    output_usd: Decimal | None = None
    parameters: frozenset[str] = PARAMETERS

    def to_json(self) -> dict[str, Any]:
        """The fields of a row of `/v1/models`, in OpenRouter's words; prices as text, so that they come exactly."""
        prices = {"prompt": _text(self.input_usd), "completion": _text(self.output_usd)}
        return {
            "created": self.created,
            "context_length": self.context_length,
            "max_output_tokens": self.max_output_tokens,
            "pricing": {name: price for name, price in prices.items() if price is not None},
            "supported_parameters": sorted(self.parameters),
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of all models by id, and since when groups and virtual models are here, by name."""

    models: dict[str, ModelFacts] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)


def read_facts() -> Facts:
    """Of everything in service; three queries."""
    rows = LanguageModel.objects.callable().select_related("provider")
    named = [
        *RoutingGroup.objects.routable().values_list("name", "created_at"),
        *VirtualModel.objects.values_list("name", "created_at"),
    ]
    return Facts({str(row.pk): _facts_of(row) for row in rows}, {name: int(at.timestamp()) for name, at in named})


def least(facts: Iterable[ModelFacts]) -> ModelFacts:
    """What holds for each of these: the smallest limits, the lowest prices, the common parameters."""
    found = list(facts)
    return reduce(_lesser, found) if found else ModelFacts()


def _lesser(one: ModelFacts, other: ModelFacts) -> ModelFacts:
    return ModelFacts(
        max(one.created, other.created),
        _least(one.context_length, other.context_length),
        _least(one.max_output_tokens, other.max_output_tokens),
        _least(one.input_usd, other.input_usd),
        _least(one.output_usd, other.output_usd),
        one.parameters & other.parameters,
    )


def _least(one: Any, other: Any) -> Any:
    return min((value for value in (one, other) if value is not None), default=None)


def _facts_of(row: LanguageModel) -> ModelFacts:
    more = (BY_CAPABILITY.get(name, frozenset()) for name in row.capabilities)
    return ModelFacts(
        int(row.created_at.timestamp()),
        row.context_length,
        row.max_output_tokens,
        _per_token(row.input_cost_per_million),
        _per_token(row.output_cost_per_million),
        PARAMETERS.union(*more),
    )


def _per_token(per_million: Decimal | None) -> Decimal | None:
    return None if per_million is None else per_million / price_map.MILLION


def _text(price: Decimal | None) -> str | None:
    if price is None:
        return None
    text = format(price, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
