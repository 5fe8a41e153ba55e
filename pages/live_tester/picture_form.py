"""What an exported picture is to show, as its address spells it."""

from __future__ import annotations

from django import forms

from access.models import Theme
from tester.scene import Mode


class PictureForm(forms.Form):
    """Which moment (the last one by default), which of the two pictures (the group's own), in which theme (dark)."""

    at_ms = forms.FloatField(min_value=0, required=False)
    mode = forms.ChoiceField(choices=[(mode.value, mode.value) for mode in Mode], required=False)
    theme = forms.ChoiceField(choices=Theme.choices, required=False)

    @property
    def chosen_mode(self) -> Mode | None:
        """None for the group's own."""
        return Mode(self.cleaned_data["mode"]) if self.cleaned_data["mode"] else None

    @property
    def chosen_theme(self) -> Theme:
        """As the pages: dark unless somebody wants another."""
        return Theme(self.cleaned_data["theme"] or Theme.DARK)
