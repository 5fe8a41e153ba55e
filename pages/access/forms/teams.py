"""The forms of the teams: a team, and its members."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from access.models import Team, TeamRole
from pages.access.forms.fields import PersonField
from pages.forms import WholeNumberField, attributes, blame


class TeamForm(forms.Form):
    """A team's own fields."""

    name = forms.CharField(
        label="Name",
        max_length=64,
        widget=forms.TextInput(attributes(placeholder="Research")),
        error_messages={"required": "Give the team a name."},
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=256,
        widget=forms.TextInput({**attributes(), "spellcheck": "true"}),
        help_text="What the team works on, in a sentence.",
    )
    rpm = WholeNumberField(label="Requests per minute", help_text="All keys of the team together. Empty: no limit.")
    tpm = WholeNumberField(label="Tokens per minute", help_text="All keys of the team together. Empty: no limit.")

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")

    @classmethod
    def of(cls, team: Team) -> TeamForm:
        """A stored team."""
        return cls(initial={name: getattr(team, name) for name in cls.base_fields})

    def blame(self, error: ValidationError) -> None:
        """Shows an action's errors beside their fields."""
        blame(self, error, places={"__all__": "name"})


class MemberForm(forms.Form):
    """A new member of a team, with the role."""

    user = PersonField(label="Person", error_messages={"required": "Type or pick the name of a person."})
    role = forms.ChoiceField(label="Role", choices=TeamRole.choices, widget=forms.Select({"class": "input"}))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")

    def blame(self, error: ValidationError) -> None:
        """Shows an action's errors beside the person."""
        blame(self, error, places={"__all__": "user"})


class MemberRoleForm(forms.Form):
    """Another role in the team."""

    role = forms.ChoiceField(choices=TeamRole.choices)
