"""Own keys, each with the disc of its provider. Data only, no HTML."""

from __future__ import annotations

from dataclasses import dataclass

from access.models import OwnKey
from providers.models import Provider
from providers.presets import colour_of


@dataclass(frozen=True, slots=True)
class ProviderDisc:
    """The coloured initial of a provider."""

    name: str
    initial: str
    colour: str


@dataclass(frozen=True, slots=True)
class OwnKeyLine:
    """A key and the disc of its provider."""

    key: OwnKey
    disc: ProviderDisc


def line_of(key: OwnKey) -> OwnKeyLine:
    return OwnKeyLine(key, disc_of(key.provider))


def disc_of(provider: Provider) -> ProviderDisc:
    return ProviderDisc(provider.name, provider.name[:1].upper(), colour_of(provider.type, provider.name))
