"""The coloured marks of providers on all pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from providers.models import Provider
from providers.presets import colour_of


@dataclass(frozen=True, slots=True)
class Disc:
    """The coloured initial of a provider."""

    name: str
    initial: str
    colour: str


def disc_of(provider: Provider) -> Disc:
    """The mark of a provider."""
    return disc_named(provider.name, {provider.name: provider.type})


def disc_named(name: str, types: Mapping[str, str]) -> Disc:
    """The mark of a provider by its name. Its colour is that of its type in `types` (by name), else of its name."""
    return Disc(name, name[:1].upper(), colour_of(types.get(name, ""), name))


def provider_types(names: Collection[str]) -> dict[str, str]:
    """The types of providers by name; deleted ones are left out. One query."""
    return dict(Provider.objects.filter(name__in=names).values_list("name", "type"))
