"""The forms of the people: a new person, another role, the filters of the list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from access.models import Role, User
from pages.forms import WholeNumberField, attributes, blame


class PersonForm(forms.Form):
    """A new person; the password is generated."""

    username = forms.CharField(
        label="Username",
        max_length=150,
        widget=forms.TextInput(attributes(autocapitalize="none", placeholder="ada")),
        help_text="Letters, digits and @ . + - _",
        error_messages={"required": "Give the name this person signs in with."},
    )
    role = forms.ChoiceField(
        label="Role", choices=Role.choices, required=False, initial=Role.VIEWER, widget=forms.Select({"class": "input"})
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")

    def blame(self, error: ValidationError) -> None:
        """Shows an action's errors beside their fields."""
        blame(self, error, places={})


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(choices=Role.choices, required=False)


class RateLimitsForm(forms.Form):
    """The limits per minute of all keys of a person."""

    rpm = WholeNumberField(label="Requests per minute", help_text="All keys of this person together. Empty: no limit.")
    tpm = WholeNumberField(label="Tokens per minute", help_text="All keys of this person together. Empty: no limit.")

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data, initial={"rpm": person.rpm, "tpm": person.tpm}, label_suffix="")


class PersonFilterForm(forms.Form):
    """The filters of the list of people; invalid values are ignored."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=128,
        widget=forms.TextInput({"class": "input", "type": "search", "placeholder": "Search people by name"}),
    )
    role = forms.ChoiceField(
        label="Role",
        required=False,
        choices=[("", "Every role"), *Role.choices[1:], ("none", Role.STRANGER.label)],
        widget=forms.Select({"class": "input"}),
    )
    status = forms.ChoiceField(
        label="Status",
        required=False,
        choices=[("", "Active or not"), ("active", "Active"), ("inactive", "Inactive")],
        widget=forms.Select({"class": "input"}),
    )

    @property
    def chosen(self) -> dict[str, Any]:
        """The current filters."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
