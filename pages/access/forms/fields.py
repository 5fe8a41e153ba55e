"""Fields of these forms: a person by name, the expiry of a key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from access.models import User
from pages.forms import attributes

PERIODS = (("30", "30 days"), ("90", "90 days"), ("365", "A year"))
NEVER, ON_A_DATE, AS_IT_IS = "never", "date", "keep"
EXPIRIES = (*PERIODS, (ON_A_DATE, "Until a date"), (NEVER, "It does not expire"))


class PersonField(forms.CharField):
    """A person by name: typed, or picked from the page's list."""

    default_error_messages = {"unknown": "No active person is called “%(name)s”. Pick a name from the list."}

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attributes(list="people", autocapitalize="none"))
        super().__init__(**{"max_length": 150, "widget": widget, **options})

    def clean(self, value: Any) -> Any:
        name = super().clean(value)
        person = User.objects.filter(username=name, is_active=True).first()
        if name and person is None:
            raise ValidationError(self.error_messages["unknown"], params={"name": name})
        return person


class ExpiryField(forms.ChoiceField):
    """The expiry of a key; `moment_of` converts it to a time."""

    def __init__(self, *, choices: Iterable[tuple[str, str]] = EXPIRIES, **options: Any) -> None:
        messages = {"required": "Choose until when the key works."}
        widget = forms.Select({"class": "input expiry"})
        super().__init__(choices=choices, error_messages=messages, widget=widget, **options)


def moment_of(expiry: str, day: date | None, *, now: datetime) -> datetime | None:
    """The choice as a time; None means never. A date means the end of that day, UTC. Raises ValidationError."""
    if expiry == NEVER:
        return None
    if expiry != ON_A_DATE:
        return now + timedelta(days=int(expiry))
    if day is None:
        raise ValidationError({"expires_on": "Choose the last day on which the key works."})
    moment = datetime.combine(day, time.max, tzinfo=UTC)
    if moment <= timezone.now():
        raise ValidationError({"expires_on": "This day is over. Choose a later one."})
    return moment
