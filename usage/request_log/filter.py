"""The filter of the request log, as in the URLs of its page and API."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError

from engine.outcomes import Outcome
from usage.request_log.log_search import LogCursor, LogQuery

OUTCOME_CHOICES = [
    ("", "Any outcome"),
    (Outcome.ANSWERED, "Answered"),
    (Outcome.FAILED, "Failed"),
    (Outcome.REFUSED, "Refused"),
    (Outcome.LEFT, "Left early"),
]
# Outcomes in old URLs, in `status`.
FORMER = {"ok": Outcome.ANSWERED, **{outcome.value: outcome for outcome in Outcome}}
MOMENT = "%Y-%m-%dT%H:%M"
MOMENTS = [MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]
BEHIND_MORE = (
    "status",
    "key",
    "provider",
    "virtual_model",
    "fell_back",
    "rescued",
    "skipped",
    "proofs",
    "since",
    "until",
)
FELL_BACK_CHOICES = [("", "Any way"), ("true", "Fell back"), ("false", "Did not fall back")]
PROOF_CHOICES = [("", "Any"), ("false", "None of them"), ("true", "Only these")]
# The marks of requests by their fields.
MARKS = {"fell_back": "Fell back", "rescued": "Rescued", "skipped": "Skipped"}


class MarkField(forms.Field):
    """A cursor in the log, from the link to older requests."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        try:
            return LogCursor.parse(value) if value else None
        except ValueError:
            raise ValidationError("This is not a place in the log; begin with the newest requests.")


def _text(label: str, *, longest: int, **attributes: str) -> forms.CharField:
    widget = forms.TextInput({"class": "input", "autocomplete": "off", **attributes})
    return forms.CharField(label=label, required=False, max_length=longest, widget=widget)


def _marked(label: str, word: str) -> forms.TypedChoiceField:
    """Only requests with a mark, or any. Without it would be nearly the whole log, which no index narrows."""
    return forms.TypedChoiceField(
        label=label,
        required=False,
        choices=[("", "Any"), ("true", word)],
        coerce=lambda said: said == "true",
        empty_value=None,
        widget=forms.Select({"class": "input"}),
        error_messages={"invalid_choice": "Give true, or leave it out."},
    )


def _moment(label: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"class": "input", "type": "datetime-local"}, format=MOMENT)
    wrong = {"invalid": "Give a moment such as 2030-01-31T14:30 (UTC)."}
    return forms.DateTimeField(label=label, required=False, input_formats=MOMENTS, widget=widget, error_messages=wrong)


class RequestFilterForm(forms.Form):
    """The filters of the log. `before` is the last request of the previous page."""

    call = _text("Call id", longest=64, placeholder="Call id, or its beginning", type="search")
    outcome = forms.ChoiceField(
        label="Outcome",
        required=False,
        choices=OUTCOME_CHOICES,
        widget=forms.Select({"class": "input"}),
        error_messages={"invalid_choice": "Give answered, failed, refused or left."},
    )
    status = forms.IntegerField(
        label="HTTP status",
        required=False,
        min_value=100,
        max_value=599,
        widget=forms.NumberInput({"class": "input", "placeholder": "Any, such as 503"}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Give an HTTP status such as 503."),
    )
    group = _text("Group", longest=256, list="groups-shown", placeholder="Any group")
    user = _text("User", longest=150, list="users-shown", placeholder="Any user")
    key = _text("API key", longest=64, list="keys-shown", placeholder="Any key, by name or id")
    provider = _text("Provider", longest=64, list="providers-shown", placeholder="Any provider")
    virtual_model = _text("Virtual model", longest=128, list="virtual-shown", placeholder="Any, or none")
    fell_back = forms.TypedChoiceField(
        label="Way",
        required=False,
        choices=FELL_BACK_CHOICES,
        coerce=lambda said: said == "true",
        empty_value=None,
        widget=forms.Select({"class": "input"}),
        error_messages={"invalid_choice": "Give true or false."},
    )
    rescued = _marked("Broken streams", "Rescued")
    skipped = _marked("Deployments passed over", "Skipped one or more")
    proofs = forms.TypedChoiceField(
        label="Test requests to standbys",
        required=False,
        choices=PROOF_CHOICES,
        coerce=lambda said: said == "true",
        empty_value=None,
        widget=forms.Select({"class": "input"}),
        error_messages={"invalid_choice": "Give true or false."},
    )
    since = _moment("From (UTC)")
    until = _moment("Until (UTC)")
    before = MarkField(required=False)

    def __init__(self, data: Any) -> None:
        if (outcome := FORMER.get(data.get("status", ""))) and not data.get("outcome"):
            data = {**data.dict(), "status": "", "outcome": outcome.value}
        super().__init__(data)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("since") and said.get("until") and said["since"] >= said["until"]:
            self.add_error("until", "This must be later than the start.")
        return said

    def wanted(self, *, owner: str = "") -> LogQuery:
        """The query in a valid form, for one owner if given."""
        said = self.cleaned_data
        names = ("outcome", "status", "key", "group", "provider", "virtual_model", *MARKS, "proofs", "since", "until")
        same = {name: said[name] for name in names}
        return LogQuery(call_id=said["call"], owner=owner or said["user"], **same)

    @property
    def before_mark(self) -> LogCursor | None:
        """The cursor in a valid form; None begins at the newest request."""
        mark: LogCursor | None = self.cleaned_data["before"]
        return mark

    @property
    def chosen(self) -> dict[str, str]:
        """The current filters as typed, without the cursor."""
        typed = {name: self.data.get(name, "").strip() for name in self.fields if name != "before"}
        return {name: value for name, value in typed.items() if value}

    @property
    def is_narrowing(self) -> bool:
        return bool(self.chosen)

    @property
    def has_more(self) -> bool:
        """Whether a folded field is set or invalid; marks have their links above the log."""
        marked = {name for name in MARKS if self.chosen.get(name) == "true"}
        return any(name in self.errors or (name in self.chosen and name not in marked) for name in BEHIND_MORE)

    def toggled(self, mark: str) -> str:
        """The query string with one of the `MARKS` switched."""
        if self.chosen.get(mark) == "true":
            return urlencode({name: value for name, value in self.chosen.items() if name != mark})
        return self.address(**{mark: "true"})

    def address(self, **other: object) -> str:
        """The query string of these filters with changes."""
        return urlencode({**self.chosen, **{name: str(value) for name, value in other.items()}})
