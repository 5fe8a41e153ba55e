"""The Live Tester's controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from engine.scenarios import SCENARIOS
from tester.planning import MOST_REQUESTS, Asked
from tester.scene import DrawnDeployment

RATE = "rate_"


def _number(label: str, **limits: Any) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"})
    return forms.IntegerField(label=label, widget=widget, **limits)


class RehearsalForm(forms.Form):
    """One rehearsal: how much traffic, mock or real, what goes wrong. A slider per deployment sets its failures."""

    num_requests = _number("Number of requests", initial=100, min_value=1, max_value=MOST_REQUESTS)
    concurrency = _number("Concurrency", initial=10, min_value=1, max_value=1000)
    mode = forms.ChoiceField(
        label="Mode", initial="mock", choices=[("mock", "Mock"), ("real", "Real")], widget=forms.RadioSelect
    )
    scenario = forms.ChoiceField(
        label="Scenario",
        initial="healthy",
        choices=[(name, name.replace("-", " ").capitalize()) for name in SCENARIOS],
        widget=forms.Select(attrs={"class": "input"}),
    )
    seed = _number("Seed", required=False, min_value=0, max_value=2**53 - 1)

    def __init__(self, data: Any = None, *, deployments: Sequence[DrawnDeployment], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self._deployments = deployments
        for number, deployment in enumerate(deployments):
            self.fields[f"{RATE}{number}"] = _slider(deployment)

    @property
    def sliders(self) -> list[tuple[DrawnDeployment, forms.BoundField]]:
        """Each deployment with its slider."""
        return [(deployment, self[f"{RATE}{number}"]) for number, deployment in enumerate(self._deployments)]

    @property
    def asked(self) -> Asked:
        """What the valid form asks for."""
        said, is_mock = self.cleaned_data, self.cleaned_data["mode"] == "mock"
        return Asked(
            num_requests=said["num_requests"],
            concurrency=said["concurrency"],
            mock=is_mock,
            scenario=said["scenario"] if is_mock else None,
            failure_injection=self._failures() if is_mock else None,
            seed=said["seed"],
        )

    def _failures(self) -> dict[str, Any] | None:
        percent = {d.deployment_id: self.cleaned_data[f"{RATE}{n}"] or 0 for n, d in enumerate(self._deployments)}
        rates = {name: value / 100 for name, value in percent.items() if value}
        return {"deployment_failure_rates": rates} if rates else None


def _slider(deployment: DrawnDeployment) -> forms.IntegerField:
    attributes = {"type": "range", "step": 1, "class": "slider"}
    widget = forms.NumberInput(attrs=attributes)
    label = f"{deployment.name} failures"
    return forms.IntegerField(label=label, initial=0, min_value=0, max_value=100, required=False, widget=widget)
