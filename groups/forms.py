"""Forms of the group pages: the filters of the list, the test of one group."""

from __future__ import annotations

from django import forms
from django.db.models import Q

from groups.models import RoutingGroupQuerySet, Strategy

HELLO = "Hello, respond with one word."
STATUSES = {"active": True, "inactive": False}


class GroupFilterForm(forms.Form):
    """What the list shows; a value that makes no sense filters nothing."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs={"class": "input", "type": "search", "placeholder": "Search name or description"}),
    )
    strategy = forms.ChoiceField(
        label="Strategy",
        required=False,
        choices=[("", "Every strategy"), *Strategy.choices],
        widget=forms.Select(attrs={"class": "input"}),
    )
    status = forms.ChoiceField(
        label="Status",
        required=False,
        choices=[("", "Active or not"), ("active", "Active"), ("inactive", "Inactive")],
        widget=forms.Select(attrs={"class": "input"}),
    )

    @property
    def chosen(self) -> dict[str, str]:
        """The filters in use."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def narrow(self, groups: RoutingGroupQuerySet) -> RoutingGroupQuerySet:
        """The groups that pass the filters."""
        chosen = self.chosen
        if text := chosen.get("q"):
            groups = groups.filter(Q(name__icontains=text) | Q(description__icontains=text))
        if strategy := chosen.get("strategy"):
            groups = groups.filter(strategy=strategy)
        if status := chosen.get("status"):
            groups = groups.filter(is_active=STATUSES[status])
        return groups


class GroupTestForm(forms.Form):
    """One test request: what to say, and whether a provider is really asked."""

    message = forms.CharField(
        label="Message",
        initial=HELLO,
        max_length=8000,
        widget=forms.Textarea(attrs={"class": "input", "rows": 3}),
        error_messages={"required": "Write a message to send."},
    )
    mode = forms.ChoiceField(
        label="Mode",
        initial="real",
        choices=[("mock", "Mock"), ("real", "Real")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose Mock or Real."},
    )

    @property
    def is_mock(self) -> bool:
        return bool(self.cleaned_data["mode"] == "mock")
