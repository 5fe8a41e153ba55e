"""A person's own keys as a page shows them: what the include `access/_own_keys.html` needs."""

from __future__ import annotations

from dataclasses import dataclass

from access.byok.keys import own_keys_of, providers_in_service
from access.forms.own_keys import OwnKeyForm
from access.models import OwnKey, User
from providers.colours import colour_of
from providers.models import Provider


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


@dataclass(frozen=True, slots=True)
class OwnKeyPanel:
    """All keys of one person, and the form that adds or replaces one, empty or as it was sent."""

    lines: tuple[OwnKeyLine, ...]
    form: OwnKeyForm
    has_providers: bool

    @property
    def replaced(self) -> OwnKey | None:
        """The key that the form is about to replace."""
        chosen = str(self.form["provider"].value() or "")
        return next((line.key for line in self.lines if str(line.key.provider_id) == chosen), None)


def panel_of(user: User, form: OwnKeyForm | None = None) -> OwnKeyPanel:
    """The context `own_keys` of the include."""
    lines = tuple(line_of(key) for key in own_keys_of(user))
    return OwnKeyPanel(lines, form or OwnKeyForm(), bool(providers_in_service()))


def line_of(key: OwnKey) -> OwnKeyLine:
    return OwnKeyLine(key, disc_of(key.provider))


def disc_of(provider: Provider) -> ProviderDisc:
    return ProviderDisc(provider.name, provider.name[:1].upper(), colour_of(provider.type, provider.name))
