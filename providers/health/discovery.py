"""What a provider says it serves, beside what is known of that and what has been added already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from providers.catalog import price_map
from providers.catalog.price_map import CatalogEntry
from providers.models import LanguageModel, Provider


@dataclass(frozen=True, slots=True)
class Offer:
    """One model that a provider serves. `entry` is what the price map knows of it."""

    name: str
    is_added: bool
    entry: CatalogEntry

    @property
    def is_known(self) -> bool:
        """Whether the price map has it; otherwise its prices are to be typed in."""
        return self.entry != price_map.UNKNOWN


def offers_of(provider: Provider, names: Iterable[str]) -> list[Offer]:
    """The models a provider listed, in its order; one query."""
    added = frozenset(LanguageModel.objects.filter(provider=provider).values_list("name", flat=True))
    return [Offer(name, name in added, price_map.lookup(type=provider.type, model_name=name)) for name in names]
