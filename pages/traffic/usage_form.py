"""The form of usage pages: a period and filters, as in the URL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils import timezone

from access.models import User
from usage.analytics import AnalyticsQuery, Dimension, FilterOption, period, window_of

DEFAULT = "30d"
LENGTHS = {"24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days", "all": "All time"}
# A field and its dimension; with too many values for a list, it becomes a text input.
FILTERS: dict[str, Dimension] = {
    "team": "team",
    "key": "key",
    "user": "owner",
    "group": "group",
    "provider": "provider",
    "model": "model",
}
ASKED_AS = {"key": "key_id", "user": "owner"}
MOST_OPTIONS = 60


def _filter(label: str, max_length: int) -> forms.CharField:
    too_long = f"This is longer than any {label.lower()} is called."
    return forms.CharField(label=label, required=False, max_length=max_length, error_messages={"max_length": too_long})


class UsageForm(forms.Form):
    """Empty fields do not filter. `asked` also works for an invalid form: without the invalid fields."""

    period = forms.ChoiceField(
        choices=PERIODS.items(),
        required=False,
        error_messages={"invalid_choice": "There is no period %(value)s. Choose one; these are the last 30 days."},
    )
    team = _filter("Team", 64)
    key = _filter("Key", 64)
    user = _filter("User", 150)
    group = _filter("Group", 256)
    provider = _filter("Provider", 64)
    model = _filter("Model", 512)

    def offer(self, choices: dict[Dimension, list[FilterOption]]) -> None:
        """Makes each filter a list of the existing values, or an input with suggestions if there are too many."""
        for name, dimension in FILTERS.items():
            self.fields[name].widget = _widget(name, choices[dimension], self.data.get(name, ""))

    @property
    def chosen(self) -> dict[str, str]:
        """The current filters."""
        self.is_valid()
        return {name: value for name in FILTERS if (value := self.cleaned_data.get(name))}

    @property
    def period_chosen(self) -> str:
        self.is_valid()
        return self.cleaned_data.get("period") or DEFAULT

    @property
    def asked(self) -> AnalyticsQuery:
        chosen: dict[str, Any] = {ASKED_AS.get(name, name): value for name, value in self.chosen.items()}
        return replace(AnalyticsQuery(since=period(self.period_chosen)), **chosen)

    def asked_by(self, user: User) -> AnalyticsQuery:
        """The same period, for this person's requests only."""
        return AnalyticsQuery(since=period(self.period_chosen), owner=user.username)

    @property
    def query(self) -> str:
        """The shortest query string for the same usage."""
        part = {} if self.period_chosen == DEFAULT else {"period": self.period_chosen}
        return urlencode({**part, **self.chosen})

    @property
    def about(self) -> str:
        """The period and filters as a line of text."""
        words = [f"{name} {value}" for name, value in self.chosen.items()]
        until = f"until {timezone.now():%Y-%m-%d %H:%M} UTC"
        return " · ".join([PERIODS[self.period_chosen], until, *words])

    @property
    def file_part(self) -> str:
        """`2026-10-23-to-2026-11-21`: the period for file names."""
        today = f"{timezone.now():%Y-%m-%d}"
        since = period(self.period_chosen)
        return f"{since:%Y-%m-%d}-to-{today}" if since else f"all-to-{today}"


def before(asked: AnalyticsQuery, word: str) -> tuple[AnalyticsQuery, float] | None:
    """The previous period of the same length, and the elapsed share of the current one (0 to 1).

    None if the log does not reach back that far, and for all time.
    """
    length = LENGTHS.get(word)
    if length is None or asked.since is None:
        return None
    since = asked.since - length
    if window_of(AnalyticsQuery()).since > since:
        return None
    over = min(1.0, (timezone.now() - asked.since) / length)
    return replace(asked, since=since, until=asked.since), over


def _widget(name: str, choices: list[FilterOption], value: str) -> forms.Widget:
    if len(choices) > MOST_OPTIONS:
        attributes = {"class": "input", "list": f"suggested-{name}", "placeholder": "All", "autocomplete": "off"}
        return forms.TextInput({**attributes, "data-suggests": name})
    options = [(choice.value, choice.name) for choice in choices]
    if value and value not in dict(options):
        options.insert(0, (value, value))
    return forms.Select({"class": "input"}, choices=[("", "All"), *options])
