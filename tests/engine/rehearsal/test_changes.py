"""A run that is changed under way: the same past to the byte, and from then on other faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.exceptions import BadInput
from engine.faults.kinds import Degradation, ServerError
from engine.faults.scenarios import MOST_FAULTS, SCENARIOS, Scenario, faults_of, parse_scenario
from engine.faults.targets import TargetedFault
from engine.fields import WEEK_S
from engine.rehearsal.changes import Change, beginning_of, rates_after, scenario_of, seconds, with_change
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Workload
from engine.spec import CooldownPolicy, Strategy
from tests.engine import golden
from tests.engine.working import WorkerProcess, traces_in

IDS = [deployment.deployment_id for deployment in golden.DEPLOYMENTS]
HEALTHY, OUTAGE = SCENARIOS["healthy"], SCENARIOS["primary-outage"]
BEGAN = Change(0.0, HEALTHY, {"gpt-4o": 0.5})
CLOSED = Workload(num_requests=60, concurrency=4, input_tokens=300, output_tokens=40)
RATES = st.dictionaries(st.sampled_from(IDS), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
NAMES = st.sampled_from([None, "healthy", "primary-outage", "slow-creep", "cascading-overload", "flapping-primary"])


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as worker:
        yield worker


def job_of(strategy: Strategy, changes: tuple[Change, ...], seed: int) -> Job:
    spec = replace(golden.group_of(strategy), cooldown=CooldownPolicy(5.0, allowed_fails=1))
    return Job((spec,), CLOSED, scenario_of(changes), seed, golden.PROFILES, frame_every_s=0.1)


def past(lines: list[dict[str, Any]], before_ms: float) -> tuple[list[Any], list[Any]]:
    """Frames, and traces that had ended, before a moment."""
    frames = [line for line in lines if line["type"] == "frame" and line["at_ms"] < before_ms]
    traces = traces_in(lines)
    return frames, [trace for trace in traces if trace["at_ms"] + trace["duration_ms"] < before_ms]


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY_FAILOVER, Strategy.WEIGHTED, Strategy.LATENCY_BASED])
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_nothing_before_a_change_is_other(worker: WorkerProcess, strategy: Strategy, data: st.DataObject):
    seed, name = data.draw(st.integers(0, 9)), data.draw(NAMES)
    begins = Change(0.0, SCENARIOS[data.draw(NAMES) or "healthy"], data.draw(RATES))
    at_ms = data.draw(st.integers(0, 14_000))
    scenario = SCENARIOS[name] if name else None
    changed = with_change((begins,), Change(seconds(at_ms), scenario, data.draw(st.none() | RATES)))
    lines = [worker.lines(job_of(strategy, changes, seed)) for changes in ((begins,), changed)]
    assert past(lines[0], at_ms) == past(lines[1], at_ms)
    again = data.draw(st.integers(0, 14_000))
    twice = worker.lines(job_of(strategy, with_change(changed, Change(seconds(again), HEALTHY, {})), seed))
    assert past(twice, again) == past(lines[1], again)


def test_what_comes_after_a_change_is_other(worker: WorkerProcess):
    down = with_change((Change(0.0, HEALTHY, {}),), Change(4.0, None, {"gpt-4o": 1.0}))
    traces, _ = worker.run(job_of(Strategy.PRIORITY_FAILOVER, down, seed=1))
    first = [trace["attempts"][0] for trace in traces if trace["attempts"]]
    struck = {attempt["at_ms"] >= 4000 for attempt in first if attempt["status_code"] == 503}
    assert struck == {True}
    answered = [a["at_ms"] for a in first if a["deployment_id"] == "gpt-4o" and a["status"] == "success"]
    assert max(answered) < 4000


def test_a_run_without_changes_has_the_scenario_that_was_asked_for():
    spec = golden.group_of(Strategy.WEIGHTED)
    asked = parse_scenario("primary-outage", failure_rates={"gpt-4o": 0.5}, spec=spec)
    begins = beginning_of(asked, {"gpt-4o": 0.5})
    assert begins.scenario == OUTAGE
    assert scenario_of((begins,)) == asked


def test_a_new_scenario_begins_with_the_change_and_the_old_one_stops():
    scenario = scenario_of((BEGAN, Change(5.0, OUTAGE), Change(20.0, SCENARIOS["everything-down"])))
    assert scenario.name == "everything-down"
    assert [(f.fault.kind, f.from_s, f.until_s, f.stops_at_s) for f in scenario.faults] == [
        ("server_error", 0.0, None, None),
        ("outage", 15.0, 75.0, 20.0),
        ("outage", 20.0, None, None),
    ]


def test_rates_that_stay_the_same_go_on_as_they_are():
    changes = (Change(0.0, HEALTHY, {"gpt-4o": 0.5, "llama-70b": 0.1}), Change(3.0, None, {"gpt-4o": 0.5}))
    faults = scenario_of(changes).faults
    assert [(f.target, f.probability, f.stops_at_s) for f in faults] == [("gpt-4o", 0.5, None), ("llama-70b", 0.1, 3.0)]
    assert rates_after(changes) == {"gpt-4o": 0.5}


def test_an_earlier_change_undoes_later_ones_and_one_at_the_same_moment_joins():
    changes = with_change((BEGAN, Change(4.0, OUTAGE), Change(9.0, None, {})), Change(4.0, None, {"gpt-4o": 1.0}))
    assert changes == (BEGAN, Change(4.0, OUTAGE, {"gpt-4o": 1.0}))


def test_a_fault_that_is_stopped_keeps_the_meaning_of_its_window():
    creep = TargetedFault(Degradation(factor=8), "primary", until_s=300)
    stopped = scenario_of((Change(0.0, Scenario("creep", "d", (creep,))), Change(30.0, HEALTHY))).faults[0]
    assert (stopped.exposure().window_s, stopped.over_s, stopped.end_s) == (300.0, 30.0, 300.0)
    assert not stopped.overlaps(replace(creep, from_s=30.0))
    assert stopped.overlaps(replace(creep, from_s=29.0))


def test_a_changed_scenario_is_plain_json_that_can_be_asked_for():
    scenario = scenario_of((BEGAN, Change(5.0, OUTAGE, {"gpt-4o-mini": 0.25})))
    spec = golden.group_of(Strategy.PRIORITY_FAILOVER)
    assert parse_scenario(json.loads(json.dumps(scenario.to_json())), spec=spec) == scenario
    assert "stops_at_s" not in OUTAGE.to_json()["faults"][0]


@pytest.mark.parametrize("change", [BEGAN, Change(1.5, OUTAGE), Change(2.0, None, {})])
def test_changes_are_plain_json(change: Change):
    assert Change.from_json(json.loads(json.dumps(change.to_json()))) == change


def test_what_cannot_be_said_in_one_scenario_is_refused():
    failing = Scenario("mine", "d", (TargetedFault(ServerError(), "gpt-4o", from_s=5),))
    with pytest.raises(BadInput, match="failure rate at the same time"):
        scenario_of((BEGAN, Change(1.0, failing)))
    with pytest.raises(BadInput, match="7 days"):
        scenario_of((BEGAN, Change(WEEK_S - 5, OUTAGE)))
    flicker = [Change(float(n), None, {"gpt-4o": (n % 2 + 1) / 10}) for n in range(1, MOST_FAULTS + 1)]
    with pytest.raises(BadInput, match="more than 100 faults"):
        scenario_of((BEGAN, *flicker))


def test_faults_of_rates_leave_out_who_never_fails():
    assert faults_of({"a": 0.0, "b": 0.5}) == (TargetedFault(ServerError(), "b", 0.5),)
