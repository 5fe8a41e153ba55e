"""`POST /v1/runs/{run_id}/change`: a run of its own, with the same past, and other faults from then on."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tester.models import Frame, Run, RunStatus
from tester.runs.conduct import conduct
from tests.tester.rehearsed import Frame as FrameJson

AT_MS = 12_000


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on in the background in a server happens before the answer: the test's data is one transaction."""
    monkeypatch.setattr("tester.api.conduct_in_background", conduct)


@pytest.fixture
def run(rehearsed) -> Run:
    """A run of about 30 seconds that has ended."""
    return rehearsed(num_requests=120, seed=5)


@pytest.fixture
def change(as_bob, run):
    """Changes the run; gives the run that comes of it."""

    def ask(of: Run | None = None, **asked: Any) -> Run:
        answer = as_bob.post(at(of or run), asked)
        assert answer.status_code == 202, answer.content
        return Run.objects.get(pk=answer.json()["run_id"])

    return ask


def at(run: Run) -> str:
    return f"/v1/runs/{run.pk}/change"


def rates(**failing: float) -> dict[str, Any]:
    return {"deployment_failure_rates": failing}


def frames_of(run: Run, before_ms: float) -> list[FrameJson]:
    return [frame.data for frame in run.frames.all() if frame.data["at_ms"] < before_ms]


def test_the_past_is_the_same_and_the_rest_is_not(run, change, ids):
    changed = change(at_ms=AT_MS, failure_injection=rates(**{ids[0]: 1.0}))
    assert len(frames_of(run, AT_MS)) > 20
    assert frames_of(changed, AT_MS) == frames_of(run, AT_MS)
    assert (run.result["fallback_count"], changed.status) == (0, "done")
    assert changed.result["fallback_count"] > 20
    assert (changed.continues, changed.seed, changed.group) == (run, run.seed, run.group)
    before = run.result
    run.refresh_from_db()
    assert (run.result, run.next_run) == (before, None)


def test_what_is_kept_gives_the_same_run_again(change, simulate, ids):
    changed = change(at_ms=AT_MS, scenario="flapping-primary", failure_injection=rates(**{ids[1]: 0.5}))
    kept = {name: changed.config[name] for name in ("workload", "scenario", "seed")}
    again = simulate(**kept)
    again.pop("run_id")
    assert again == changed.result
    assert changed.scenario == "flapping-primary"
    assert changed.config["failure_rates"] == {ids[1]: 0.5}
    told = [(one["at_ms"], (one["scenario"] or {}).get("name")) for one in changed.config["changes"]]
    assert told == [(0, "healthy"), (AT_MS, "flapping-primary")]


def test_changes_add_up_and_an_earlier_one_undoes_what_came_after_it(change, ids):
    once = change(at_ms=AT_MS, failure_injection=rates(**{ids[0]: 0.5}))
    twice = change(once, at_ms=2 * AT_MS, scenario="everything-down")
    assert [one["at_ms"] for one in twice.config["changes"]] == [0, AT_MS, 2 * AT_MS]
    back = change(twice, at_ms=AT_MS / 2, failure_injection=rates(**{ids[1]: 0.25}))
    assert [one["at_ms"] for one in back.config["changes"]] == [0, AT_MS / 2]
    assert back.config["scenario"]["name"] == "failure-rates"


def test_a_run_is_changed_as_it_was_planned_even_if_its_group_has_changed(run, change, group, ids):
    group.deployments.filter(model_id=ids[1]).delete()
    changed = change(at_ms=AT_MS, failure_injection=rates(**{ids[0]: 1.0}))
    assert changed.result["fallback_count"] > 20
    assert frames_of(changed, AT_MS) == frames_of(run, AT_MS)
    group.delete()
    run.refresh_from_db()
    assert change(at_ms=AT_MS, scenario="everything-down").group is None


def test_an_open_run_is_cancelled_and_says_what_took_its_place(run, change, ids):
    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    changed = change(failure_injection=rates(**{ids[0]: 1.0}))
    run.refresh_from_db()
    assert (run.cancel_requested, run.next_run) == (True, changed)
    assert changed.config["changes"][-1]["at_ms"] == Frame.objects.filter(run=run).last().data["at_ms"]
    other = change(scenario="everything-down")
    run.refresh_from_db()
    assert run.next_run == changed != other


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "at_ms"),
        ({"at_ms": AT_MS}, "scenario"),
        ({"at_ms": AT_MS, "scenario": "healthy"}, "scenario"),
        ({"at_ms": AT_MS, "failure_injection": {"deployment_failure_rates": {}}}, "scenario"),
        ({"at_ms": 1e9, "scenario": "everything-down"}, "at_ms"),
        ({"at_ms": -1, "scenario": "everything-down"}, "at_ms"),
        ({"at_ms": "nan", "scenario": "everything-down"}, "at_ms"),
        ({"at_ms": "soon", "scenario": "everything-down"}, "at_ms"),
        ({"at_ms": AT_MS, "scenario": "earthquake"}, "scenario"),
        ({"at_ms": AT_MS, "scenario": {"faults": [{"kind": "outage", "target": "x"}]}}, "scenario.faults[0].target"),
        ({"at_ms": AT_MS, "failure_injection": rates(nobody=0.5)}, "failure_injection"),
        ({"at_ms": AT_MS, "failure_injection": rates(nobody=5)}, "failure_injection"),
        ({"at_ms": AT_MS, "seed": 4}, "seed"),
    ],
)
def test_what_cannot_be_changed_is_said(as_bob, run, asked, field):
    answer = as_bob.post(at(run), asked)
    assert answer.status_code == 400
    assert set(answer.json()) == {field}
    assert Run.objects.count() == 1


def test_a_run_of_litellms_router_takes_no_change_that_would_have_no_effect_there(as_bob, rehearsed):
    run = rehearsed(num_requests=5, seed=5, router="litellm")
    prices = {"faults": [{"kind": "price", "target": "primary", "factor": 2}]}
    answer = as_bob.post(at(run), {"at_ms": 1, "scenario": prices})
    assert (answer.status_code, list(answer.json())) == (400, ["scenario"])
    assert "our own router only" in answer.json()["scenario"][0]


def test_real_runs_and_those_of_older_versions_stay_as_they_are(as_bob, run):
    Run.objects.update(engine_input={})
    assert "older version" in as_bob.post(at(run), {"scenario": "everything-down"}).json()["detail"]
    Run.objects.update(is_real=True)
    answer = as_bob.post(at(run), {"scenario": "everything-down"})
    assert (answer.status_code, "real requests" in answer.json()["detail"]) == (409, True)


def test_rights_methods_and_unknown_runs(as_bob, as_charlie, as_dora, as_nobody, run):
    for client, status in ((as_charlie, 403), (as_dora, 403), (as_nobody, 401)):
        assert client.post(at(run), {"scenario": "everything-down", "at_ms": AT_MS}).status_code == status
    assert as_bob.get(at(run)).status_code == 405
    assert as_bob.post(f"/v1/runs/{uuid4()}/change", {"scenario": "healthy"}).status_code == 404


def test_the_queries_of_a_change_do_not_grow_with_its_run(as_bob, simulate, monkeypatch):
    monkeypatch.setattr("tester.api.conduct_in_background", lambda *_: None)
    counts = set()
    for requests in (40, 160):
        run = Run.objects.get(pk=simulate(num_requests=requests)["run_id"])
        with CaptureQueriesContext(connection) as queries:
            assert as_bob.post(at(run), {"at_ms": 10, "scenario": "everything-down"}).status_code == 202
        counts.add(len(queries))
    assert len(counts) == 1
    assert max(counts) <= 8
