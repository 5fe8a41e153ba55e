"""The forms of the API keys: a new one, changes to one, its rotation, the filters of their list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from access.models import ApiKey, KeyStatus, Role, Scope, Team, User, every_scope
from access.rules import has_role
from pages.access.forms.fields import AS_IT_IS, EXPIRIES, ExpiryField, PersonField, moment_of
from pages.forms import ActionForm, FilterForm, SearchField, SelectField, WholeNumberField, WordsField, attributes

LIMITS = ("name", "scopes", "allowed_models", "rpm", "tpm")
OVERLAPS = (("0", "At once"), ("1", "In an hour"), ("24", "In a day"), ("168", "In a week"))


class KeyForm(ActionForm):
    """The editable fields of a key."""

    places = {"expires_at": "expiry"}

    name = forms.CharField(
        label="Name",
        max_length=64,
        widget=forms.TextInput(attributes(placeholder="checkout service")),
        help_text="What the key is for, so that you can tell it from others.",
        error_messages={"required": "Say what the key is for."},
    )
    scopes = forms.MultipleChoiceField(
        label="Good for",
        choices=Scope.choices,
        initial=every_scope,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one."},
    )
    expiry = ExpiryField(label="Expires", initial="90")
    expires_on = forms.DateField(
        label="Last day, UTC", required=False, widget=forms.DateInput({"class": "input", "type": "date"})
    )
    allowed_models = WordsField(
        label="Allowed models",
        between="[\r\n]",
        glue="\n",
        widget=forms.Textarea(attributes(rows=3)),
        help_text="What clients may send as model, one per line: a group, a virtual model, an alias or provider/model. "
        "Empty: every model.",
    )
    rpm = WholeNumberField(label="Requests per minute", help_text="Empty: no limit.")
    tpm = WholeNumberField(label="Tokens per minute", help_text="Empty: no limit.")

    def clean(self) -> dict[str, Any]:
        """Converts the expiry to a time."""
        said = super().clean() or {}
        if said.get("expiry") not in (None, AS_IT_IS) and not self.errors.get("expires_on"):
            said["expires_at"] = moment_of(said["expiry"], said.get("expires_on"), now=timezone.now())
        return said

    def key_fields(self) -> dict[str, Any]:
        """The valid fields, as arguments of the actions; without `expires_at` the expiry stays."""
        return {name: self.cleaned_data[name] for name in (*LIMITS, "expires_at") if name in self.cleaned_data}


class NewKeyForm(KeyForm):
    """A new key. People who may only issue keys of their own see neither owner nor team."""

    owner = PersonField(
        label="Owner",
        help_text="The key has this person's rights.",
        error_messages={"required": "Type or pick who owns the key."},
    )
    team = forms.ModelChoiceField(
        Team.objects.none(),
        label="Team",
        required=False,
        empty_label="No team: the owner pays",
        widget=forms.Select({"class": "input"}),
        help_text="The team pays, and the key sees the team's groups.",
        error_messages={"invalid_choice": "You may not issue keys of this team. Choose another."},
    )

    def __init__(self, data: Any = None, *, by: User, teams: QuerySet[Team], initial: Any = None) -> None:
        super().__init__(data, initial={"owner": by.username, **(initial or {})})
        self.by = by
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        if not teams.exists():
            del self.fields["team"]
            if not has_role(by, Role.ADMIN):
                del self.fields["owner"]

    def key_fields(self) -> dict[str, Any]:
        said = self.cleaned_data
        return {**super().key_fields(), "owner": said.get("owner", self.by), "team": said.get("team")}


class KeyEditForm(KeyForm):
    """A stored key; its expiry stays unless another one is chosen."""

    def __init__(self, data: Any = None, *, key: ApiKey) -> None:
        initial = {**{name: getattr(key, name) for name in LIMITS}, "expiry": AS_IT_IS}
        super().__init__(data, initial=initial)
        self.fields["expiry"].choices = [(AS_IT_IS, _as_it_is(key.expires_at)), *EXPIRIES]  # type: ignore[attr-defined]


class RotationForm(ActionForm):
    """How long the old key keeps working beside the new one."""

    overlap_hours = forms.TypedChoiceField(
        label="The old key ends",
        choices=OVERLAPS,
        coerce=int,
        initial="24",
        widget=forms.Select({"class": "input"}),
        error_messages={"required": "Choose when the old key ends."},
    )

    @property
    def overlap(self) -> timedelta:
        return timedelta(hours=self.cleaned_data["overlap_hours"])


class KeyFilterForm(FilterForm):
    """The filters of the list of keys; without team and owner for people who only see their own."""

    orders = ("order",)
    q = SearchField(placeholder="Search name, owner or last characters")
    status = SelectField(label="Status", required=False, choices=[("", "Every status"), *KeyStatus.choices])
    team = forms.ModelChoiceField(
        Team.objects.none(),
        label="Team",
        required=False,
        empty_label="Every team",
        widget=forms.Select({"class": "input"}),
    )
    owner = forms.CharField(
        label="Owner",
        required=False,
        max_length=150,
        widget=forms.TextInput(attributes(list="people", placeholder="Every owner", autocapitalize="none")),
    )
    order = SelectField(
        label="Order",
        required=False,
        choices=[("", "Newest first"), ("name", "By name"), ("used", "Last used first"), ("expiry", "Expiring first")],
    )

    def __init__(self, data: Any = None, *, teams: QuerySet[Team], has_others: bool) -> None:
        super().__init__(data)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        if not has_others:
            del self.fields["team"], self.fields["owner"]

    @property
    def filters(self) -> dict[str, str]:
        """The filters, as arguments of `ApiKeyQuerySet.matching`."""
        chosen = {name: value for name, value in self.chosen.items() if name not in self.orders}
        return {name: str(getattr(value, "pk", value)) for name, value in chosen.items()}


def _as_it_is(expires_at: datetime | None) -> str:
    return f"As it is: {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "As it is: it does not expire"
