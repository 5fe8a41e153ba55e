"""Rehearsals of upstreams with finite capacity: slots, a queue, shared speed, and the gateway's limits beside them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.drivers.simulation import simulate
from engine.exceptions import BadInput
from engine.faults.kinds import LimitedCapacity
from engine.faults.scenarios import HEALTHY, Scenario
from engine.faults.targets import TargetedFault
from engine.rehearsal.capacity import Capacity
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import CooldownPolicy, DeploymentSpec, HedgePolicy, RetryPolicy, Router
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

ONCE = RetryPolicy(0)
PACE = Profile(first_token_ms=500, tokens_per_s=100, jitter=0)


def rehearsed(
    capacity: Capacity | None = None,
    *,
    scenario: Scenario = HEALTHY,
    at_s: tuple[float, ...] = (0.0,) * 4,
    is_stream: bool = False,
    retry: RetryPolicy = ONCE,
    rows: tuple[DeploymentSpec, ...] = (),
    **fields: Any,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Requests of 1,000 tokens read and 100 written."""
    rows = rows or (deployment("a", capacity=capacity),)
    spec = group("g", router=Router.NATIVE, deployments=rows, retry=retry, cooldown=CooldownPolicy(0), **fields)
    arrivals = tuple(Arrival(at, 1000, 100) for at in at_s)
    workload = Workload("trace", len(arrivals), is_stream=is_stream, arrivals=arrivals)
    job = Job.from_json(Job((spec,), workload, scenario, 7, {row.deployment_id: PACE for row in rows}).to_json())
    told: list[dict[str, Any]] = []
    simulate(job, emit=told.append)
    return sorted(traces_in(told), key=lambda trace: trace["index"]), told[-1]["result"]


def durations(traces: list[dict[str, Any]]) -> list[float]:
    return [trace["duration_ms"] / 1000 for trace in traces]


@pytest.mark.parametrize("is_stream", [False, True])
def test_one_beyond_the_slots_is_told_429(is_stream: bool):
    traces, result = rehearsed(Capacity(3), is_stream=is_stream)
    assert [trace["error_class"] for trace in traces] == [None, None, None, "RateLimitError"]
    assert durations(traces) == pytest.approx([1.5, 1.5, 1.5, 0.125])
    assert result["successful_requests"] == 3


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_queue_takes_time_before_the_first_token(is_stream: bool):
    traces, _ = rehearsed(Capacity(1, queue=3), is_stream=is_stream)
    assert durations(traces) == pytest.approx([1.5, 3.0, 4.5, 6.0])
    first = [trace["attempts"][0]["first_token_ms"] for trace in traces]
    assert first == (pytest.approx([500, 2000, 3500, 5000]) if is_stream else [None] * 4)


def test_who_waits_longer_than_the_time_limit_leaves_the_queue():
    traces, _ = rehearsed(Capacity(1, queue=3), retry=RetryPolicy(0, timeout_s=4))
    assert [trace["error_class"] for trace in traces] == [None, None, "Timeout", "Timeout"]
    assert durations(traces) == pytest.approx([1.5, 3.0, 4.0, 4.0])


def test_one_that_is_cut_off_frees_its_slot():
    traces, _ = rehearsed(Capacity(1, queue=1), at_s=(0.0, 0.5, 1.3), retry=RetryPolicy(0, timeout_s=1.2))
    # The first is given up at 1.2 s, the second then has half a second left.
    assert durations(traces) == pytest.approx([1.2, 1.2, 1.2])
    assert {trace["error_class"] for trace in traces} == {"Timeout"}


@pytest.mark.parametrize("is_stream", [False, True])
def test_latency_grows_with_load_where_the_speed_is_shared(is_stream: bool):
    capacity = Capacity(10, prefill_tokens_per_s=2000, decode_tokens_per_s=100)
    alone, _ = rehearsed(capacity, at_s=(0.0,), is_stream=is_stream)
    busy, _ = rehearsed(capacity, is_stream=is_stream)
    assert durations(alone) == pytest.approx([0.5 + 0.5 + 1.0])
    assert durations(busy) == pytest.approx([2.0 + 0.5 + 4.0] * 4)


def test_a_scenario_limits_the_capacity_for_a_time():
    limit = TargetedFault(LimitedCapacity(1), "a", from_s=10, until_s=20)
    traces, result = rehearsed(scenario=Scenario("s", "A limit.", (limit,)), at_s=(0, 0, 12, 12, 25, 25))
    assert [trace["error_class"] for trace in traces] == [None, None, None, "RateLimitError", None, None]
    assert result["faults_not_struck"] == []


def test_what_runs_when_a_limit_begins_takes_its_slots():
    limit = TargetedFault(LimitedCapacity(2), "a", from_s=1)
    traces, _ = rehearsed(scenario=Scenario("s", "A limit.", (limit,)), at_s=(0.5, 0.5, 1.0, 2.1))
    assert [trace["error_class"] for trace in traces] == [None, None, "RateLimitError", None]


def test_slots_that_were_never_all_taken_are_told():
    limit = TargetedFault(LimitedCapacity(9), "a")
    _, result = rehearsed(scenario=Scenario("s", "A limit.", (limit,)))
    assert "its slots were never all taken" in result["faults_not_struck"][0]["message"]


def test_all_requests_share_a_capacity():
    with pytest.raises(BadInput):
        TargetedFault(LimitedCapacity(2), "a", probability=0.5)


def test_a_request_that_is_refused_falls_back():
    rows = (deployment("a", priority=1, capacity=Capacity(1)), deployment("b", priority=2))
    traces, result = rehearsed(rows=rows)
    assert (result["successful_requests"], result["fallback_count"]) == (4, 3)
    assert {trace["deployment_id"] for trace in traces} == {"a", "b"}


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_hedged_request_leaves_the_queue_when_the_other_one_has_begun(is_stream: bool):
    rows = (deployment("a", priority=1, capacity=Capacity(1, queue=9)), deployment("b", priority=2))
    hedge = HedgePolicy(after_ms=600, budget=1.0)
    traces, result = rehearsed(rows=rows, at_s=(0, 0, 0, 5), is_stream=is_stream, hedge=hedge)
    assert result["successful_requests"] == result["total_requests"] == 4
    # Two left the queue for `b`, so that nobody is before the last one.
    assert traces[3]["deployment_id"] == "a"
    assert durations(traces)[3] == pytest.approx(1.5)
