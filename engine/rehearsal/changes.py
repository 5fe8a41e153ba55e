"""Changing the faults of a running rehearsal: a change makes a new run with the same past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.exceptions import BadInput
from engine.faults.scenarios import BY_RATES, HEALTHY, MOST_FAULTS, Scenario, faults_of, has_overlaps, named_for
from engine.faults.targets import TargetedFault
from engine.fields import WEEK_S

TOO_LATE = "A fault would begin or end more than 7 days into the run. Change it at an earlier moment."


@dataclass(frozen=True, slots=True)
class Change:
    """New faults from `at_s` on, in seconds of the run; None keeps the current ones.

    A run begins with a change at 0. The windows of `scenario` count from the change. `rates` are all failure rates, 0
    to 1 by deployment id: a deployment that is missing no longer fails.
    """

    at_s: float
    scenario: Scenario | None = None
    rates: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.at_s <= WEEK_S:
            raise BadInput("at_ms", f"Give milliseconds from 0 to {WEEK_S * 1000:,.0f}.")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{"at_ms", "scenario", "failure_rates"}`, the last two null when they stay as they are."""
        scenario = None if self.scenario is None else self.scenario.to_json()
        rates = None if self.rates is None else dict(self.rates)
        return {"at_ms": round(self.at_s * 1000, 3), "scenario": scenario, "failure_rates": rates}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        """The change that `to_json` described."""
        scenario = None if data["scenario"] is None else Scenario.from_json(data["scenario"])
        return cls(seconds(data["at_ms"]), scenario, data["failure_rates"])


def seconds(at_ms: float) -> float:
    """A moment of a run in seconds, rounded to the microsecond, as faults count it."""
    return round(at_ms / 1000, 6)


def beginning_of(scenario: Scenario, rates: Mapping[str, float]) -> Change:
    """The first change of a run that was never changed: its scenario, and the rates in it."""
    count = len(scenario.faults) - len(faults_of(rates))
    return Change(0.0, replace(scenario, faults=scenario.faults[:count]), rates)


def rates_after(changes: Sequence[Change]) -> dict[str, float]:
    """The failure rates that are in force at the end, by deployment id."""
    told = [change.rates for change in changes if change.rates is not None]
    return dict(told[-1]) if told else {}


def with_change(changes: Sequence[Change], new: Change) -> tuple[Change, ...]:
    """The changes of a run and one more; those at a later moment are undone, one at the same moment joins it."""
    before = tuple(change for change in changes if change.at_s < new.at_s)
    for change in changes:
        if change.at_s == new.at_s:
            scenario = change.scenario if new.scenario is None else new.scenario
            new = Change(new.at_s, scenario, change.rates if new.rates is None else new.rates)
    return (*before, new)


def scenario_of(changes: Sequence[Change]) -> Scenario:
    """All the changes in order as one scenario; raises BadInput.

    One more change keeps the earlier faults at the beginning: replaced faults stop, new faults are appended. A fault
    draws its random numbers by its position, so everything before the change happens again to the byte.
    """
    course = _Course()
    for change in changes:
        course.take(change)
    course.check()
    if len(changes) == 1:
        return replace(course.named, faults=tuple(course.faults))
    described = f"Changed under way, at {changes[-1].at_s:,.3f} s the last time."
    return Scenario(course.named.name, described, tuple(course.faults), rescues=course.named.rescues)


@dataclass(slots=True)
class _Course:
    """The faults so far, and the numbers of those that a change would replace."""

    scenario: Scenario = HEALTHY
    faults: list[TargetedFault] = field(default_factory=list)
    _of_scenario: list[int] = field(default_factory=list)
    _of_rates: dict[str, int] = field(default_factory=dict)

    def take(self, change: Change) -> None:
        if change.scenario is not None:
            self._play(change.scenario, change.at_s)
        if change.rates is not None:
            self._fail(change.rates, change.at_s)

    @property
    def named(self) -> Scenario:
        """The final scenario, with a name that fits the whole run."""
        plain = HEALTHY if self.scenario.name == BY_RATES.name else self.scenario
        return named_for(plain, has_rates=bool(self.faults))

    def check(self) -> None:
        if len(self.faults) > MOST_FAULTS:
            raise BadInput(
                "scenario", f"With all its changes the run has more than {MOST_FAULTS} faults. Start a new run."
            )
        if any(max(f.from_s, f.until_s or 0.0, f.stops_at_s or 0.0) > WEEK_S for f in self.faults):
            raise BadInput("at_ms", TOO_LATE)
        if has_overlaps(self.faults):
            why = "A deployment that the scenario lets fail with 503 can't have a failure rate at the same time."
            raise BadInput("failure_injection", why)

    def _play(self, scenario: Scenario, at_s: float) -> None:
        for number in self._of_scenario:
            self._stop(number, at_s)
        self.scenario = scenario
        self._of_scenario = [self._add(_shifted(fault, at_s)) for fault in scenario.faults]

    def _fail(self, rates: Mapping[str, float], at_s: float) -> None:
        for name, number in [*self._of_rates.items()]:
            if rates.get(name, 0.0) != self.faults[number].probability:
                self._stop(self._of_rates.pop(name), at_s)
        fresh = {name: rate for name, rate in rates.items() if name not in self._of_rates}
        self._of_rates |= {fault.target: self._add(fault) for fault in faults_of(fresh, from_s=at_s)}

    def _add(self, fault: TargetedFault) -> int:
        self.faults.append(fault)
        return len(self.faults) - 1

    def _stop(self, number: int, at_s: float) -> None:
        if self.faults[number].over_s > at_s:
            self.faults[number] = replace(self.faults[number], stops_at_s=at_s)


def _shifted(fault: TargetedFault, by_s: float) -> TargetedFault:
    """The same fault, later."""

    def later(at_s: float | None) -> float | None:
        return None if at_s is None else round(at_s + by_s, 6)

    from_s = round(fault.from_s + by_s, 6)
    return replace(fault, from_s=from_s, until_s=later(fault.until_s), stops_at_s=later(fault.stops_at_s))
