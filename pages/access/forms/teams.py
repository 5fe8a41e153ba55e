"""The forms of the teams: a team, and its members."""

from __future__ import annotations

from typing import Any

from django import forms

from access.models import Team, TeamRole
from pages.access.forms.fields import PersonField
from pages.forms import ActionForm, SelectField, WholeNumberField, attributes


class TeamForm(ActionForm):
    """A team's own fields."""

    places = {"__all__": "name"}

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

    @classmethod
    def of(cls, team: Team) -> TeamForm:
        """A stored team."""
        return cls(initial={name: getattr(team, name) for name in cls.base_fields})


class MemberForm(ActionForm):
    """A new member of a team, with the role."""

    places = {"__all__": "user"}

    user = PersonField(label="Person", error_messages={"required": "Type or pick the name of a person."})
    role = SelectField(label="Role", choices=TeamRole.choices)

    def member(self) -> dict[str, Any]:
        """The valid fields, as arguments of the action."""
        return {"user": self.cleaned_data["user"], "role": TeamRole(self.cleaned_data["role"])}


class MemberRoleForm(forms.Form):
    """Another role in the team."""

    role = forms.ChoiceField(choices=TeamRole.choices)
