"""The form of an own key."""

from __future__ import annotations

from typing import Any

from django import forms

from pages.forms import ActionForm, SecretField
from providers.models import Provider


class OwnKeyForm(ActionForm):
    """A provider, and this person's key for it."""

    provider = forms.ModelChoiceField(
        Provider.objects.filter(enabled=True).order_by("name"),
        label="Provider",
        empty_label="Choose one",
        widget=forms.Select({"class": "input"}),
        error_messages={
            "required": "Choose the provider that issued the key.",
            "invalid_choice": "This provider is switched off or gone. Choose another.",
        },
    )
    api_key = SecretField(
        label="Your key",
        required=True,
        help_text="Stored encrypted. It is never shown again; keep it where you got it.",
        error_messages={"required": "Paste the key that the provider issued to you."},
    )
    may_fall_back = forms.BooleanField(
        label="Use the console's key, and my credits, when the provider refuses mine", required=False
    )

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, initial=initial, auto_id="own_key_%s")
        if initial:  # it was opened to replace a key: only the key is missing
            self.fields["api_key"].widget.attrs["autofocus"] = True

    def key_fields(self) -> dict[str, Any]:
        """The valid fields, as arguments of the action."""
        said = self.cleaned_data
        return {"provider": said["provider"], "key": said["api_key"], "may_fall_back": said["may_fall_back"]}
