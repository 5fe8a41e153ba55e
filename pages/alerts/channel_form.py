"""The form of a channel of alerts, for admins."""

from __future__ import annotations

from typing import Any

from django import forms

from pages.forms import ActionForm, SecretField, SelectField, attributes
from usage.alerting.channels.channel_changes import ChannelDraft
from usage.models import AlertChannel, AlertKind, ChannelKind
from usage.models.alert_channels import LONGEST_NAME

KEPT = "Empty: unchanged."


def _clock(label: str) -> forms.TimeField:
    widget = forms.TimeInput({"class": "input", "type": "time"}, format="%H:%M")
    return forms.TimeField(
        label=label, required=False, widget=widget, error_messages={"invalid": "Give a time such as 22:00."}
    )


class ChannelForm(ActionForm):
    """A new channel, or a stored one, whose address is never shown."""

    name = forms.CharField(label="Name of the channel", max_length=LONGEST_NAME, widget=forms.TextInput(attributes()))
    kind = SelectField(label="Kind of channel", choices=ChannelKind.choices)
    address = SecretField(
        label="Address",
        help_text="A webhook's URL, or e-mail addresses with commas between. It is encrypted and never shown again.",
    )
    secret = SecretField(
        label="Signing secret", max_length=256, help_text="Optional, of a webhook: it signs every message."
    )
    is_unsigned = forms.BooleanField(label="Remove the signing secret", required=False)
    kinds = forms.MultipleChoiceField(
        label="Alerts that it gets", choices=AlertKind.choices, widget=forms.CheckboxSelectMultiple
    )
    quiet_from = _clock("Quiet from")
    quiet_until = _clock("Quiet until")
    timezone = forms.CharField(
        label="Time zone of the quiet hours", max_length=64, initial="UTC", widget=forms.TextInput(attributes())
    )
    is_enabled = forms.BooleanField(label="Enabled", required=False, initial=True)

    def __init__(self, data: Any = None, *, channel: AlertChannel | None = None) -> None:
        super().__init__(data, initial=_initial(channel))
        if channel is not None:
            self.fields["address"].help_text = f"{channel.hint}. {KEPT}"
            self.fields["secret"].help_text = f"{'Set' if channel.is_signed else 'Not set'}. {KEPT}"
        if channel is None or not channel.is_signed:
            del self.fields["is_unsigned"]

    @property
    def draft(self) -> ChannelDraft:
        """The valid form."""
        said = {**self.cleaned_data, "kind": ChannelKind(self.cleaned_data["kind"])}
        return ChannelDraft(**{**said, "kinds": [AlertKind(kind) for kind in said["kinds"]]})


def _initial(channel: AlertChannel | None) -> dict[str, Any]:
    if channel is None:
        return {"kinds": AlertKind.values}
    names = ("name", "kind", "quiet_from", "quiet_until", "timezone", "is_enabled")
    return {**{name: getattr(channel, name) for name in names}, "kinds": channel.kinds or AlertKind.values}
