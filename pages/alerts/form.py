"""The form of the thresholds, for admins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField

from pages.forms import ActionForm, attributes
from usage.alerting import WATCHED, AlertMetric, RuleSetting, checked_threshold
from usage.models import AlertKind, AlertRule

SWITCH = "{}_is_on"


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule in the form."""

    kind: AlertKind
    watched: AlertMetric
    threshold: BoundField
    switch: BoundField


class ThresholdField(forms.FloatField):
    """The threshold of one kind; `5`, not `5.0`."""

    def __init__(self, kind: AlertKind) -> None:
        watched = WATCHED[kind]
        limits = {
            "min": f"{watched.lowest:g}",
            "max": f"{watched.highest:g}",
            "step": "1" if watched.is_whole else "any",
        }
        wrong = f"Give {watched.bounds}."
        super().__init__(
            label=f"{kind.label}: {watched.unit}",
            widget=forms.NumberInput(attributes(inputmode="decimal", **limits)),
            error_messages={"required": wrong, "invalid": wrong},
        )
        self.kind = kind

    def prepare_value(self, value: Any) -> Any:
        return f"{value:g}" if isinstance(value, float | int) else value

    def validate(self, value: Any) -> None:
        super().validate(value)
        checked_threshold(self.kind, value)


class AlertRulesForm(ActionForm):
    """All rules: a threshold and a switch each."""

    def __init__(self, rules: Mapping[AlertKind, AlertRule], data: Any = None) -> None:
        initial = {kind.value: rule.threshold for kind, rule in rules.items()}
        initial |= {SWITCH.format(kind.value): rule.is_enabled for kind, rule in rules.items()}
        super().__init__(data, initial=initial)
        for kind in rules:
            self.fields[kind.value] = ThresholdField(kind)
            self.fields[SWITCH.format(kind.value)] = forms.BooleanField(label=kind.label, required=False)

    @property
    def lines(self) -> Iterator[RuleLine]:
        """The rules in order, for the template."""
        for kind in AlertKind:
            yield RuleLine(kind, WATCHED[kind], self[kind.value], self[SWITCH.format(kind.value)])

    def settings(self) -> dict[AlertKind, RuleSetting]:
        """The valid fields, as arguments of the action."""
        said = self.cleaned_data
        return {kind: RuleSetting(said[kind.value], said[SWITCH.format(kind.value)]) for kind in AlertKind}
