"""The filter of a run's traces, as in the URL of its page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms

from tester.scene import DrawnGroup
from tester.traces.stored import FROM_THE_START, TraceFilter
from tester.traces.timeline import seconds

SHOWS: dict[str, dict[str, Any]] = {
    "failed": {"outcome": "failed"},
    "refused": {"outcome": "refused"},
    "left": {"outcome": "left"},
    "answered": {"outcome": "answered"},
    "fell-back": {"fallback": True},
    "untried": {"tried": False},
}
SHOW_CHOICES = [
    ("", "All requests"),
    ("failed", "Failed requests"),
    ("refused", "Refused requests"),
    ("left", "Requests whose caller left"),
    ("answered", "Answered requests"),
    ("fell-back", "Requests that fell back"),
    ("untried", "Requests that reached no deployment"),
]


class TraceFilterForm(forms.Form):
    """The traces to list; `after` is the position of the last one on the previous page."""

    deployment = forms.ChoiceField(required=False, widget=forms.Select(attrs={"class": "input"}))
    show = forms.ChoiceField(choices=SHOW_CHOICES, required=False, widget=forms.Select(attrs={"class": "input"}))
    from_ms = forms.FloatField(min_value=0, required=False, widget=forms.HiddenInput)
    to_ms = forms.FloatField(min_value=0, required=False, widget=forms.HiddenInput)
    after = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, group: DrawnGroup) -> None:
        super().__init__(data, auto_id="traces-%s")
        choices = [(d.deployment_id, d.name) for d in group.deployments]
        self.fields["deployment"].choices = [("", "All deployments"), *choices]  # type: ignore[attr-defined]

    @property
    def wanted(self) -> TraceFilter:
        """The filter in a valid form."""
        asked = self.cleaned_data
        moments = {"from_ms": asked["from_ms"], "to_ms": asked["to_ms"]}
        return TraceFilter(deployment_id=asked["deployment"] or None, **moments, **SHOWS.get(asked["show"], {}))

    @property
    def begins_after(self) -> int:
        """The position after which to begin."""
        place: int | None = self.cleaned_data["after"]
        return FROM_THE_START if place is None else place

    @property
    def range(self) -> str:
        """The time range in which requests ended, in words; "" for any."""
        if not self.is_valid():
            return ""
        edges = (("from", self.cleaned_data["from_ms"]), ("to", self.cleaned_data["to_ms"]))
        return " ".join(f"{word} {seconds(at_ms)}" for word, at_ms in edges if at_ms is not None)

    def address(self, **other: Any) -> str:
        """The query string of this filter with changes, from the first page; without empty values."""
        chosen = {name: self.data.get(name, "") for name in ("deployment", "show", "from_ms", "to_ms")}
        return urlencode({name: value for name, value in {**chosen, **other}.items() if value not in ("", None)})

    @property
    def without_range(self) -> str:
        """The query string without the time range."""
        return self.address(from_ms="", to_ms="")
