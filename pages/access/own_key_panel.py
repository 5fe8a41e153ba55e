"""A person's own keys on a page: the context of the include `access/_own_keys.html`."""

from __future__ import annotations

from dataclasses import dataclass

from access.byok.keys import own_keys_of, providers_in_service
from access.byok.lines import OwnKeyLine, line_of
from access.models import OwnKey, User
from pages.access.forms.own_keys import OwnKeyForm


@dataclass(frozen=True, slots=True)
class OwnKeyPanel:
    """All keys of one person, and the form that adds or replaces one, empty or as sent."""

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
