"""The forms of the people: a new person, another role, the filters of the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from access.models import Role, User
from pages.forms import ActionForm, FilterForm, SearchField, SecretField, SelectField, WholeNumberField, attributes


class PersonForm(ActionForm):
    """A new person; the password is generated."""

    username = forms.CharField(
        label="Username",
        max_length=150,
        widget=forms.TextInput(attributes(autocapitalize="none", placeholder="ada")),
        help_text="Letters, digits and @ . + - _",
        error_messages={"required": "Give the name this person signs in with."},
    )
    role = SelectField(label="Role", choices=Role.choices, required=False, initial=Role.VIEWER)

    def user_fields(self) -> dict[str, Any]:
        """The valid fields, as arguments of the action."""
        return {"username": self.cleaned_data["username"], "role": Role(self.cleaned_data["role"])}


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(choices=Role.choices, required=False)


class RateLimitsForm(ActionForm):
    """The limits per minute of all keys of a person."""

    rpm = WholeNumberField(label="Requests per minute", help_text="All keys of this person together. Empty: no limit.")
    tpm = WholeNumberField(label="Tokens per minute", help_text="All keys of this person together. Empty: no limit.")

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data, initial={"rpm": person.rpm, "tpm": person.tpm})


class PersonFilterForm(FilterForm):
    """The filters of the list of people."""

    q = SearchField(placeholder="Search people by name")
    role = SelectField(
        label="Role", required=False, choices=[("", "Every role"), *Role.choices[1:], ("none", Role.STRANGER.label)]
    )
    status = SelectField(
        label="Status",
        required=False,
        choices=[("", "Active or not"), ("active", "Active"), ("inactive", "Inactive")],
    )


class PasswordForm(ActionForm):
    """A person's own new password; `is_theirs` checks the present one."""

    present = SecretField(
        label="Current password", required=True, error_messages={"required": "Give the password you sign in with."}
    )
    password = SecretField(
        label="New password",
        required=True,
        help_text="At least 10 characters, and not a common one.",
        error_messages={"required": "Give the new password."},
    )
    again = SecretField(
        label="New password, again", required=True, error_messages={"required": "Repeat the new password."}
    )

    def __init__(self, data: Any = None, *, is_theirs: Callable[[str], bool]) -> None:
        super().__init__(data)
        self.is_theirs = is_theirs
        self.fields["present"].widget.attrs["autocomplete"] = "current-password"

    @sensitive_variables()
    def clean_present(self) -> str:
        present: str = self.cleaned_data["present"]
        if not self.is_theirs(present):
            raise ValidationError("This is not your current password.")
        return present

    @sensitive_variables()
    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password", again):
            raise ValidationError("The two new passwords differ.")
        return again

    @sensitive_variables()
    def new_password(self) -> str:
        """The valid new password."""
        return str(self.cleaned_data["password"])
