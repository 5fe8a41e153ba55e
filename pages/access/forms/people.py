"""The forms of the people: a new one, another role, the filters of their list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from access.models import Role, User
from pages.forms import WholeNumberField, attributes, blame


class PersonForm(forms.Form):
    """Somebody new; the password is made, not typed."""

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
        """Puts what an action found wrong beside the fields it is about."""
        blame(self, error, places={})


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(choices=Role.choices, required=False)


class RateLimitsForm(forms.Form):
    """What all keys of a person may use a minute."""

    rpm = WholeNumberField(label="Requests per minute", help_text="All keys of this person together. Empty: no limit.")
    tpm = WholeNumberField(label="Tokens per minute", help_text="All keys of this person together. Empty: no limit.")

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data, initial={"rpm": person.rpm, "tpm": person.tpm}, label_suffix="")


class PersonFilterForm(forms.Form):
    """What the list of people shows; a value that makes no sense filters nothing."""

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
        """The filters in use."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
