"""The Live Tester's controls follow the chosen scenario: changed controls stay, the others get the scenario's needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.exceptions import BadInput
from engine.faults.needs import RATE_PER_S, workload_for
from engine.faults.scenarios import HEALTHY, SCENARIOS

CLOSED, POISSON = "closed", "poisson"
WHOLE, STREAMED = "whole", "streamed"
MOCK, REAL = "mock", "real"
# The control of each kind of traffic.
TRAFFIC = {CLOSED: "concurrency", POISSON: "rate_per_s"}
CONTROLS = ("num_requests", "traffic", "concurrency", "rate_per_s", "answers", "input_tokens")
# The scenario for which the controls were filled in.
FILLED_FOR = "filled_for"


def followed(said: Mapping[str, str]) -> dict[str, Any]:
    """The new values of the controls for the chosen scenario; {} if they fit already, or are invalid.

    A control with the value that `filled_for` needs is unchanged; a missing one is, too. Real requests have no
    scenario: an outage needs hundreds of requests, which nobody should send for real without having asked for them.
    """
    scenario = HEALTHY.name if said.get("mode") == REAL else said.get("scenario", "")
    before = said.get(FILLED_FOR)
    if scenario not in SCENARIOS or scenario == before:
        return {}
    filled = controls_for(before) if before in SCENARIOS else {}
    changed = {name: said[name] for name in CONTROLS if name in said and not _is_same(said[name], filled.get(name))}
    try:
        return {**_filled(scenario, changed, said), FILLED_FOR: scenario}
    except BadInput:
        return {}


def controls_for(scenario: str) -> dict[str, Any]:
    """The values of the controls that a scenario needs."""
    return _filled(scenario, {}, {})


def controls_of_workload(workload: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the controls of a run, from its workload as JSON."""
    rate = workload.get("rate_per_s")
    told = {
        "num_requests": workload.get("num_requests"),
        "concurrency": workload.get("concurrency"),
        "traffic": POISSON if rate else CLOSED,
        "rate_per_s": rate or RATE_PER_S,
        "answers": STREAMED if workload.get("is_stream") else WHOLE,
        "input_tokens": workload.get("input_tokens"),
    }
    return {name: _number(value) for name, value in told.items() if value is not None}


def shape_of(answers: str, input_tokens: int | None) -> dict[str, Any]:
    """The kind of requests, as part of a workload."""
    size = {} if input_tokens is None else {"input_tokens": input_tokens}
    return {"is_stream": answers == STREAMED, **size}


def _filled(scenario: str, changed: Mapping[str, str], said: Mapping[str, str]) -> dict[str, Any]:
    traffic = said.get("traffic", CLOSED)
    given: dict[str, Any] = {"kind": traffic} if "traffic" in changed else {}
    if "answers" in changed:
        given["is_stream"] = changed["answers"] == STREAMED
    used = ("input_tokens", "num_requests", TRAFFIC.get(traffic, ""))
    given |= {name: _number(changed[name]) for name in used if name in changed}
    workload = workload_for(SCENARIOS[scenario].needs, given)
    # Unused controls keep their input.
    unused = {name: said[name] for name in TRAFFIC.values() if name in said and name != TRAFFIC.get(workload.kind)}
    return {**controls_of_workload(workload.to_json()), **unused}


def _is_same(said: str, filled: object) -> bool:
    return filled is not None and _number(said) == _number(filled)


def _number(value: object) -> Any:
    """A float or an int for a number; anything else unchanged."""
    try:
        number = float(str(value))
    except ValueError:
        return value
    return int(number) if number.is_integer() else number
