"""Forms of the group pages: the filters of the list, the test of one group."""

from __future__ import annotations

from django import forms

from groups.models import RoutingGroup, RoutingGroupQuerySet, Strategy
from pages.forms import FilterForm, SearchField, SelectField
from pages.groups.list_columns import DEFAULT_SORT, SORTS, sorted_by

HELLO = "Hello, respond with one word."
STATUSES = {"active": True, "inactive": False}


class GroupFilterForm(FilterForm):
    """The filters of the list."""

    q = SearchField(placeholder="Search name or description")
    strategy = SelectField(label="Strategy", required=False, choices=[("", "Every strategy"), *Strategy.choices])
    status = SelectField(
        label="Status",
        required=False,
        choices=[("", "Active or not"), ("active", "Active"), ("inactive", "Inactive")],
    )
    sort = forms.ChoiceField(required=False, choices=[(key, key) for key in SORTS], widget=forms.HiddenInput)

    @property
    def sort_key(self) -> str:
        return str(self.chosen.get("sort", DEFAULT_SORT))

    def narrow(self, groups: RoutingGroupQuerySet) -> RoutingGroupQuerySet:
        """The groups that match the filters, in the requested order."""
        chosen = self.chosen
        is_active = STATUSES.get(chosen.get("status", ""))
        found = groups.matching(q=chosen.get("q", ""), strategy=chosen.get("strategy"), is_active=is_active)
        return sorted_by(found, self.sort_key)


class GroupSelectionForm(forms.Form):
    """Ticked groups, and the action."""

    ids = forms.ModelMultipleChoiceField(
        RoutingGroup.objects.all(),
        error_messages={
            "required": "Tick the groups first.",
            "invalid_choice": "One of these groups is gone; look again and repeat.",
        },
    )
    do = forms.ChoiceField(
        choices=[("activate", "Activate"), ("deactivate", "Deactivate"), ("delete", "Delete")],
        error_messages={"required": "Choose what to do with the groups."},
    )


class GroupTestForm(forms.Form):
    """One test request: the message, and whether it is sent to a provider."""

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
