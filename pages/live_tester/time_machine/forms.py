"""What the time machine asks: the year, how much an impact means, and which service each provider is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from engine.exceptions import BadInput
from engine.history.incidents import IMPACT_SHARES, SERVICE_OF_TYPE
from pages.forms import SelectField
from tester.history.planning import HistoryRequest, all_known_incidents

SERVICE = "service_"
SHARES = ("minor", "major", "critical")
NONE = "", "never fails"
# Where nobody knows the incidents of any provider: those of two services that fail at other times.
EXAMPLES = ("openai-api", "anthropic-api")


def _percent(impact: str) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"class": "input", "inputmode": "decimal", "step": "any"})
    label, initial = f"{impact.capitalize()} incident, % of requests", f"{IMPACT_SHARES[impact] * 100:g}"
    return forms.FloatField(label=label, initial=initial, min_value=0, max_value=100, widget=widget)


class TimeMachineForm(forms.Form):
    """A period; the fields of services come with the providers."""

    year = SelectField(label="Year")
    seeds = SelectField(label="How sure", initial="2")
    minor, major, critical = (_percent(impact) for impact in SHARES)

    def __init__(self, data: Any, providers: Mapping[str, str], initial: Mapping[str, Any] | None = None) -> None:
        """`providers` are the types of those that can answer, by name."""
        super().__init__(data, label_suffix="", initial=dict(initial or {}))
        incidents = all_known_incidents()
        years = sorted({one.start.year for one in incidents}, reverse=True)
        self._choose("year", [(str(year), str(year)) for year in years])
        self._choose("seeds", [("1", "1 seed: quick"), ("2", "2 seeds"), ("5", "5 seeds: with a good range")])
        services = sorted({one.service for one in incidents})
        self._providers = providers
        guesses = [SERVICE_OF_TYPE.get(kind, "") for kind in providers.values()]
        self.is_example = not any(guesses)
        if self.is_example:
            guesses = [*EXAMPLES, *guesses][: len(guesses)]
        for number, (name, guess) in enumerate(zip(providers, guesses, strict=True)):
            field = SelectField(label=f"{name} is", required=False, initial=guess)
            field.choices = [NONE, *((service, service) for service in services)]
            self.fields[f"{SERVICE}{number}"] = field

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, SelectField)  # noqa: S101  # declared above
        field.choices = choices

    @property
    def services(self) -> Iterator[forms.BoundField]:
        """The fields of the providers."""
        return (self[name] for name in self.fields if name.startswith(SERVICE))

    @property
    def shares(self) -> Iterator[forms.BoundField]:
        """The fields of the impacts."""
        return (self[name] for name in SHARES)

    @property
    def asked(self) -> HistoryRequest:
        """What a valid form asks for."""
        given = self.cleaned_data
        services = {name: given[f"{SERVICE}{number}"] for number, name in enumerate(self._providers)}
        shares = {impact: given[impact] / 100 for impact in SHARES}
        seeds = int(given["seeds"])
        return HistoryRequest(year=int(given["year"]), services=services, impact_shares=shares, seeds=seeds)

    def blame(self, error: BadInput) -> None:
        """Shows what is wrong with the input as a whole."""
        place = error.field if error.field in self.fields else None
        self.add_error(place, error.message)


def initial_of(config: Mapping[str, Any], providers: Mapping[str, str]) -> dict[str, Any]:
    """The fields as they were for an earlier rehearsal, as far as the form can say it."""
    services = config.get("services") or {}
    known = {f"{SERVICE}{number}": services[name] for number, name in enumerate(providers) if name in services}
    shares = {name: f"{100 * value:g}" for name, value in (config.get("impact_shares") or {}).items() if name in SHARES}
    counts = {name: str(config[name]) for name in ("year", "seeds") if name in config}
    return {**counts, **shares, **known}
