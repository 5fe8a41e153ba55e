"""The Live Tester's controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from engine.faults.scenarios import HEALTHY, SCENARIOS, Scenario
from engine.rehearsal.workload import MOST_TOKENS
from pages.live_tester.called import fields_of_calls, initial_calls
from pages.live_tester.following import (
    CLOSED,
    CONTROLS,
    MOCK,
    POISSON,
    REAL,
    STREAMED,
    TRAFFIC,
    WHOLE,
    controls_of_workload,
    followed,
    shape_of,
)
from pages.live_tester.more_fields import (
    OBEYS,
    capacity_of,
    check_more,
    clients_of,
    fields_more,
    initial_more,
)
from pages.live_tester.rewinding import (
    AGAIN,
    ARRIVALS_OF,
    CHOICES,
    FAULTS,
    check_recorded,
    described,
    fields_recorded,
    scenario_with,
    workload_of,
)
from pages.live_tester.surroundings import fields_around, initial_around, scenario_of, talks_of
from tester.run_planning import MOST_REQUESTS, RunRequest
from tester.scene import DrawnDeployment

RATE = "rate_"
SINGLE = "one"
# What a newcomer rehearses: an outage is what routing is for, and without a fault nothing happens.
FIRST = SCENARIOS["primary-outage"].name


def _number(label: str, **limits: Any) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"})
    return forms.IntegerField(label=label, widget=widget, **limits)


# Those that strike nobody while no region is known.
OF_REGIONS = {
    name for name, scenario in SCENARIOS.items() if any(fault.target == "primary-region" for fault in scenario.faults)
}


class RehearsalForm(forms.Form):
    """One rehearsal: the traffic, mock or real, and the faults.

    A slider per deployment sets its failures. `send=one` is the second button: a single request. `confirmed` and
    `max_cost_usd` come from the question before real requests.
    """

    num_requests = _number("Number of requests", initial=100, min_value=1, max_value=MOST_REQUESTS)
    traffic = forms.ChoiceField(
        label="Traffic",
        initial=CLOSED,
        required=False,
        choices=[(CLOSED, "Concurrency"), (POISSON, "Arrival rate"), *CHOICES],
        widget=forms.RadioSelect,
    )
    concurrency = _number("Requests at a time", initial=10, min_value=1, max_value=1000, required=False)
    rate_per_s = forms.FloatField(
        label="Requests per second",
        initial=5,
        required=False,
        min_value=0.01,
        max_value=10_000,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "decimal", "step": "any"}),
    )
    answers = forms.ChoiceField(
        label="Answers",
        initial=WHOLE,
        required=False,
        choices=[(WHOLE, "Whole"), (STREAMED, "Streamed")],
        widget=forms.RadioSelect,
    )
    input_tokens = _number("Tokens of a prompt", initial=500, min_value=0, max_value=MOST_TOKENS, required=False)
    mode = forms.ChoiceField(
        label="Mode",
        initial=MOCK,
        choices=[(MOCK, "Mock"), (REAL, "Real")],
        widget=forms.RadioSelect(attrs={"form": "simulate"}),
    )
    scenario = forms.ChoiceField(
        label="Scenario",
        initial=HEALTHY.name,
        choices=[(name, name.replace("-", " ").capitalize()) for name in SCENARIOS],
        widget=forms.Select(attrs={"class": "input", "form": "simulate"}),
    )
    filled_for = forms.CharField(required=False, initial=HEALTHY.name, widget=forms.HiddenInput)
    seed = _number("Seed", required=False, min_value=0, max_value=2**53 - 1)
    send = forms.ChoiceField(required=False, choices=[(SINGLE, "Send test")], widget=forms.HiddenInput)
    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)
    max_cost_usd = forms.FloatField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, files: Any = None, *, deployments: Sequence[DrawnDeployment], initial: Any = None
    ) -> None:
        if data is not None:
            data = {**data.dict(), **followed(data.dict())}
        elif initial is not None:
            initial = {**initial, **followed(initial)}
        super().__init__(data, files, initial=initial)
        self._deployments = deployments
        if not any(deployment.region for deployment in deployments):
            choices = self.fields["scenario"].choices  # type: ignore[attr-defined]
            self.fields["scenario"].choices = [one for one in choices if one[0] not in OF_REGIONS]  # type: ignore[attr-defined]
        self.fields.update([*fields_around(), *fields_more(), *fields_of_calls()])
        has_run = bool((data or initial or {}).get(ARRIVALS_OF))
        self.fields.update(fields_recorded(has_run=has_run))
        if has_run:
            self.fields["traffic"].choices += [(AGAIN, "As before")]  # type: ignore[attr-defined]
        for number, deployment in enumerate(deployments):
            self.fields[f"{RATE}{number}"] = _slider(deployment)

    @property
    def chosen(self) -> Scenario:
        """The scenario shown in the form."""
        return SCENARIOS.get(self["scenario"].value() or "", HEALTHY)

    @property
    def scenarios(self) -> list[tuple[str, Scenario]]:
        """Each scenario with its displayed name."""
        return [(label, SCENARIOS[name]) for name, label in self.fields["scenario"].choices]  # type: ignore[attr-defined]

    @property
    def sliders(self) -> list[tuple[DrawnDeployment, forms.BoundField]]:
        """Each deployment with its slider."""
        return [(deployment, self[f"{RATE}{number}"]) for number, deployment in enumerate(self._deployments)]

    @property
    def typed(self) -> Iterator[forms.BoundField]:
        """The input, to be sent again after the question."""
        return (field for field in self if field.name not in ("confirmed", "max_cost_usd"))

    @property
    def around(self) -> list[forms.BoundField]:
        """What is around the group, folded."""
        return [self[name] for name, _ in (*fields_of_calls(), *fields_around())]

    @property
    def has_more(self) -> bool:
        """Whether anything folded was said, or is wrong."""
        others = (*fields_more(), *fields_of_calls())
        typed = any(self[name].value() not in (None, "") for name, _ in others if name != OBEYS)
        return typed or any(self[name].errors for name, _ in (*fields_around(), *others))

    @property
    def listed(self) -> list[str]:
        """The faults that are listed, in words."""
        return described(self[FAULTS].value() or "", self._deployments)

    @property
    def is_confirmed(self) -> bool:
        """Whether the question before real requests was answered with yes."""
        return bool(self.cleaned_data["confirmed"])

    @property
    def asked(self) -> RunRequest:
        """The request in the valid form."""
        said, is_mock = self.cleaned_data, self.cleaned_data["mode"] == MOCK
        return RunRequest(
            **self._requests(),
            mock=is_mock,
            scenario=scenario_with(scenario_of(said), [*said["listed"], *capacity_of(said)]) if is_mock else None,
            workers=said["workers"] if is_mock else None,
            seeds=said["seeds"] if is_mock else None,
            profiles=said.get("own_profiles") if is_mock else None,
            failure_injection=self._failures() if is_mock else None,
            seed=said["seed"],
            max_cost_usd=said["max_cost_usd"],
        )

    @property
    def controls(self) -> str:
        """The controls that a single request does not use, as a query string, so that the next page keeps them."""
        kept = QueryDict(mutable=True)
        if self.cleaned_data["send"] == SINGLE:
            kept.update({name: self.data[name] for name in CONTROLS if name in self.data})
        return kept.urlencode()

    def clean(self) -> dict[str, Any]:
        """Checks only the controls in use: the other kind of traffic, or all of it for a single request, is ignored."""
        said = self.cleaned_data
        if said.get("mode") != MOCK:
            self.errors.pop("input_tokens", None)
        check_recorded(self, said)
        check_more(self, said)
        used = self._used(said)
        for name in ("num_requests", *TRAFFIC.values()):
            if name not in used:
                self.errors.pop(name, None)
            elif said.get(name) is None and name not in self.errors:
                self.add_error(name, "This field is required.")
        return said

    @staticmethod
    def _used(said: Mapping[str, Any]) -> tuple[str, ...]:
        traffic = said.get("traffic") or CLOSED
        is_counted = said.get("send") != SINGLE and traffic in TRAFFIC
        return ("num_requests", TRAFFIC[traffic]) if is_counted else ()

    def _requests(self) -> dict[str, Any]:
        said = self.cleaned_data
        shape: dict[str, Any] = {}
        if said["mode"] == MOCK:
            shape = {**shape_of(said["answers"], said["input_tokens"]), **talks_of(said), **clients_of(said)}
        if said["send"] == SINGLE:
            return {"num_requests": 1, "concurrency": 1, "workload": {"kind": CLOSED, **shape}}
        if said["traffic"] and said["traffic"] not in TRAFFIC:
            return {"workload": {**workload_of(said), **clients_of(said)}}
        if said["traffic"] != POISSON:
            counts = {"num_requests": said["num_requests"], "concurrency": said["concurrency"]}
            return {**counts, "workload": {"kind": CLOSED, **shape}}
        workload = {"kind": POISSON, "rate_per_s": said["rate_per_s"], **shape}
        return {"num_requests": said["num_requests"], "workload": workload}

    def _failures(self) -> dict[str, Any] | None:
        percent = {d.deployment_id: self.cleaned_data[f"{RATE}{n}"] or 0 for n, d in enumerate(self._deployments)}
        rates = {name: value / 100 for name, value in percent.items() if value}
        return {"deployment_failure_rates": rates} if rates else None


def controls_of(config: Mapping[str, Any], deployments: Sequence[DrawnDeployment]) -> dict[str, Any]:
    """The values of the controls of a run, from its configuration."""
    counts = {name: config.get(name) for name in ("num_requests", "concurrency")}
    controls = controls_of_workload({**counts, **config.get("workload", {})})
    more = initial_more(config) | initial_calls(config)
    return controls | _rates(config, deployments) | initial_around(config) | more


def _rates(config: Mapping[str, Any], deployments: Sequence[DrawnDeployment]) -> dict[str, int]:
    """The sliders: the failure rates in force at the end of the run."""
    rates = config.get("failure_rates", {})
    return {f"{RATE}{n}": round(100 * rates.get(d.deployment_id, 0)) for n, d in enumerate(deployments)}


def _slider(deployment: DrawnDeployment) -> forms.IntegerField:
    attributes = {"type": "range", "step": 1, "class": "slider", "form": "simulate"}
    widget = forms.NumberInput(attrs=attributes)
    label = f"{deployment.name} errors"
    return forms.IntegerField(label=label, initial=0, min_value=0, max_value=100, required=False, widget=widget)
