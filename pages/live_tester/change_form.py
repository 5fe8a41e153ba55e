"""The Live Tester's controls once more, for a run that is under way: what they say from a moment on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from engine.scenarios import SCENARIOS
from pages.live_tester.forms import RATE
from tester.changes import AskedChange
from tester.models import Run
from tester.scene import DrawnDeployment


class ChangeForm(forms.Form):
    """A change of a run. `shown_scenario` is what the page showed: the same again is no change."""

    at_ms = forms.FloatField(label="Moment of the change", required=False, min_value=0)
    scenario = forms.ChoiceField(label="Scenario", required=False, choices=[(name, name) for name in SCENARIOS])
    shown_scenario = forms.CharField(required=False)

    def __init__(self, data: Any, *, run: Run, deployments: Sequence[DrawnDeployment]) -> None:
        super().__init__(data)
        self._run = run
        self._sliders = {f"{RATE}{n}": deployment.deployment_id for n, deployment in enumerate(deployments)}
        for number, slider in enumerate(self._sliders):
            label = f"{deployments[number].name} failures"
            self.fields[slider] = forms.IntegerField(label=label, min_value=0, max_value=100, required=False)

    @property
    def asked(self) -> AskedChange:
        """What the valid form asks for."""
        scenario, rates = self.cleaned_data["scenario"], self._rates()
        return AskedChange(
            at_ms=self.cleaned_data["at_ms"],
            scenario=scenario if scenario != self.cleaned_data["shown_scenario"] else None,
            failure_injection=None if rates is None else {"deployment_failure_rates": rates},
        )

    @property
    def complaint(self) -> str:
        """Why there is no change, in one line."""
        lines = ((self.fields[name].label or name, why) for name, reasons in self.errors.items() for why in reasons)
        return " ".join(f"{label}: {why}" for label, why in lines)

    def _rates(self) -> dict[str, float] | None:
        """All rates, since they are given whole; those of groups this one falls back on have no slider and stay."""
        moved = {name: self.cleaned_data[slider] for slider, name in self._sliders.items() if slider in self.data}
        if not moved:
            return None
        rates: dict[str, float] = dict(self._run.config.get("failure_rates", {}))
        for name, percent in moved.items():
            if round(100 * rates.get(name, 0.0)) != (percent or 0):
                rates[name] = (percent or 0) / 100
        return rates
