"""Server processes, conversations and rescues in the Live Tester's form."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from pages.live_tester.forms import RehearsalForm, controls_of
from tester.run_planning import RunRequest


def asked(**said: str) -> RunRequest:
    typed = QueryDict(mutable=True)
    typed.update({"num_requests": "10", "concurrency": "2", "mode": "mock", "scenario": "healthy", **said})
    form = RehearsalForm(typed, deployments=[])
    assert form.is_valid(), form.errors
    return form.asked


def test_what_is_empty_is_as_it_is_here():
    told = asked()
    assert (told.workers, told.scenario) == (None, "healthy")
    assert "conversations" not in (told.workload or {})


def test_what_is_typed_is_asked_for():
    told = asked(workers="4", conversations="80", restarted="30")
    assert told.workers == 4
    assert told.workload
    assert isinstance(told.scenario, dict)
    assert told.workload["conversations"] == {"share": 0.8}
    assert (told.scenario["name"], told.scenario["rescue"]) == ("healthy", {"restarted": 0.3})


def test_a_run_shows_what_it_had():
    config: dict[str, Any] = {
        "workers": 4,
        "workload": {"kind": "closed", "conversations": {"share": 0.8}},
        "scenario": {"name": "healthy", "faults": [], "rescue": {"restarted": 0.3}},
    }
    shown = controls_of(config, [])
    assert (shown["workers"], shown["conversations"], shown["restarted"], shown["continued"]) == (4, 80, 30, None)
