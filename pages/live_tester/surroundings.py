"""The Live Tester's controls for what is around a group: server processes, conversations, rescues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from engine.faults.scenarios import SCENARIOS
from pages.forms import WholeNumberField
from tester.serializers import MOST_WORKERS

PERCENT: Mapping[str, Any] = {"min_value": 0, "max_value": 100}
WORKERS, TALKS = "workers", "conversations"
# The shares of rescued streams, by their names in a scenario.
RESCUES = {"continued": "Begun answers that are continued, %", "restarted": "Restarts that say the same again, %"}


def fields_around() -> Iterator[tuple[str, forms.Field]]:
    """All of them are optional: what is empty is as it is here, or as by default."""
    yield WORKERS, WholeNumberField(label="Server processes", max_value=MOST_WORKERS)
    yield TALKS, WholeNumberField(label="Requests that belong to conversations, %", **PERCENT)
    for name, label in RESCUES.items():
        yield name, WholeNumberField(label=label, **PERCENT)


def initial_around(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a run, from its configuration."""
    talks = (config.get("workload") or {}).get("conversations") or {}
    scenario = config.get("scenario")
    shares = (scenario.get("rescue") if isinstance(scenario, Mapping) else None) or {}
    told = {WORKERS: config.get(WORKERS), TALKS: _percent(talks.get("share"))}
    return {**told, **{name: _percent(shares.get(name)) for name in RESCUES}}


def scenario_of(said: Mapping[str, Any]) -> str | dict[str, Any]:
    """The chosen scenario: by name, or with the shares of rescues that were typed."""
    name = str(said["scenario"])
    shares = {share: said[share] / 100 for share in RESCUES if said.get(share) is not None}
    return {**SCENARIOS[name].to_json(), "rescue": shares} if shares else name


def talks_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """The conversations, as part of a workload."""
    return {TALKS: {"share": said[TALKS] / 100}} if said.get(TALKS) else {}


def _percent(share: float | None) -> int | None:
    return None if share is None else round(100 * share)
