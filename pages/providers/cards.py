"""A provider and its models for pages. Data only, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pages.discs import Disc, disc_of
from providers.catalog.prices import average_usd
from providers.models import LanguageModel, Provider
from providers.presets import preset_of
from usage.health.provider_health import ProviderHealth


@dataclass(frozen=True, slots=True)
class ProviderCard:
    """A provider with the name of its type. `average_usd` is the mean known price of a million input and output tokens.

    `health` is set for an enabled provider.
    """

    provider: Provider
    disc: Disc
    type_name: str
    model_count: int
    average_usd: float | None
    health: ProviderHealth

    @property
    def is_failing(self) -> bool:
        """Whether it is enabled and not up."""
        return self.provider.enabled and not self.health.is_up


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A row of the table of models."""

    model: LanguageModel
    disc: Disc

    @property
    def prices(self) -> tuple[tuple[Decimal | None, str], ...]:
        """US dollars per million tokens, None if unknown, each with its label."""
        model = self.model
        return (
            (model.input_cost_per_million, "Input"),
            (model.output_cost_per_million, "Output"),
            (model.cached_input_cost_per_million, "Cached"),
        )


def card_of(provider: Any, health: ProviderHealth) -> ProviderCard:
    """A provider of `with_catalog()` as a card."""
    type_name = preset_of(provider.type).display_name
    return ProviderCard(provider, disc_of(provider), type_name, provider.model_count, average_usd(provider), health)


def row_of(model: LanguageModel) -> ModelRow:
    return ModelRow(model, disc_of(model.provider))
