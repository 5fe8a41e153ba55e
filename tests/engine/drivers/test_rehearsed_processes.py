"""Several server processes in a rehearsal, with shared state and without; and the sizes of prompts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from engine.drivers.litellm_router import clock
from engine.drivers.simulation import simulate
from engine.faults.kinds import Outage, ServerError
from engine.faults.scenarios import HEALTHY, Scenario
from engine.faults.targets import TargetedFault
from engine.ledger import Trace
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import CooldownPolicy, DeploymentSpec, RetryPolicy, Router, StickyPolicy, Strategy
from tests.engine.scripted import ScriptedUpstream, deployment, group, request, routing_of
from tests.engine.working import traces_in

STEADY = Workload("constant", 600, rate_per_s=10, input_tokens=100, output_tokens=10)
OUTAGE = Scenario("down", "Down.", (TargetedFault(Outage(), "a", from_s=5, until_s=55),))


def job_of(
    *rows: DeploymentSpec, workload: Workload = STEADY, scenario: Scenario = HEALTHY, workers: int = 1, **fields: Any
) -> Job:
    shared = fields.pop("shared_state", False)
    fields.setdefault("retry", RetryPolicy(0))
    spec = group("g", Strategy.PRIORITY_FAILOVER, deployments=rows, router=Router.NATIVE, **fields)
    return Job((spec,), workload, scenario, 7, workers=workers, shared_state=shared)


def rehearsed(job: Job) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    told: list[dict[str, Any]] = []
    simulate(Job.from_json(job.to_json()), emit=told.append)
    return sorted(traces_in(told), key=lambda trace: trace["index"]), told[-1]["result"]


def failures_at(result: dict[str, Any], name: str) -> int:
    return next(row["failure_count"] for row in result["traffic_distribution"] if row["deployment_id"] == name)


def test_each_process_has_to_learn_of_an_outage_by_itself():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    job = job_of(*rows, scenario=OUTAGE)
    one, four = (failures_at(rehearsed(replace(job, workers=n))[1], "a") for n in (1, 4))
    assert four > 2 * one


def test_each_process_counts_its_own_limits():
    rows = (deployment("a", priority=1, rpm=60), deployment("b", priority=2))
    job = job_of(*rows, workload=replace(STEADY, num_requests=590))
    one, four = (rehearsed(replace(job, workers=n))[1]["fallback_count"] for n in (1, 4))
    assert (one, four) == (530, 350)


def test_processes_that_share_their_state_are_as_good_as_one():
    rows = (deployment("a", priority=1, rpm=60), deployment("b", priority=2))
    job = job_of(*rows)
    assert rehearsed(replace(job, workers=4, shared_state=True)) == rehearsed(job)


def test_each_process_counts_failures_by_itself_but_all_heed_the_breaker_that_one_has_opened():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    job = job_of(*rows, scenario=OUTAGE)
    one, together, alone = (
        failures_at(rehearsed(replace(job, workers=workers, shared_state=is_shared))[1], "a")
        for workers, is_shared in ((1, False), (4, True), (4, False))
    )
    assert one < together < alone


def test_failures_that_are_borne_are_borne_by_each_of_the_processes_that_share_their_state():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    faults = (TargetedFault(ServerError(), "a", probability=0.3),)
    job = job_of(
        *rows,
        scenario=Scenario("some", "Some fail.", faults),
        cooldown=CooldownPolicy(cooldown_time_s=600, allowed_fails=5),
    )
    one, four = (failures_at(rehearsed(replace(job, workers=n, shared_state=True))[1], "a") for n in (1, 4))
    assert one == 6
    assert 6 < four <= 4 * 6


def test_processes_that_share_their_state_repeat_as_often_as_the_same_processes_do_live():
    job = job_of(
        deployment("a", priority=1),
        workload=Workload("trace", 120, arrivals=(Arrival(0.0, 100, 10),) * 120),
        scenario=Scenario("down", "Down.", (TargetedFault(Outage(), "a"),)),
        cooldown=CooldownPolicy(0),
        retry=RetryPolicy(1),
    )
    for workers in (1, 4):
        failed = failures_at(rehearsed(replace(job, workers=workers, shared_state=True))[1], "a")
        # Which process gets a request is left to chance there, and not here: some of their tenths of a repeat differ.
        assert abs(failed - live_attempts(job, workers)) <= workers
    assert live_attempts(job, 4) > live_attempts(job, 1) + 20


def live_attempts(job: Job, processes: int) -> int:
    """How often the gateway's driver asks for the same requests, with a state of its own in each process."""
    traces: list[Trace] = []

    async def main() -> None:
        routings = [await routing_of(job.spec) for _ in range(processes)]
        upstream = ScriptedUpstream({"a": 503})
        turns = range(job.workload.num_requests)
        told = await asyncio.gather(*(request(routings[n % processes], job.spec.name, upstream) for n in turns))
        traces.extend(trace for _, trace in told)

    clock.run(main())
    return sum(len(trace.attempts) for trace in traces)


def test_a_seed_gives_the_same_bytes_with_several_processes():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    job = job_of(*rows, scenario=OUTAGE, workers=3, workload=Workload(num_requests=300, concurrency=9))
    assert rehearsed(job) == rehearsed(job)


def test_conversations_are_known_only_to_the_process_that_had_them():
    arrivals = tuple(Arrival(float(n), 2000, 10, f"{n % 5}") for n in range(200))
    rows = tuple(deployment(name, priority=1) for name in "abcd")
    job = job_of(*rows, workload=Workload("trace", 200, arrivals=arrivals), sticky=StickyPolicy("session", ttl_s=600.0))
    lone, many = (rehearsed(replace(job, workers=n))[1]["cached_share"] for n in (1, 4))
    assert lone > 0.95 > many


def test_an_upstream_refuses_a_prompt_that_is_longer_than_its_context():
    sizes = tuple(Arrival(float(n), size, 10) for n, size in enumerate((500, 1500, 9000)))
    rows = (deployment("a", priority=1, context_tokens=1000), deployment("b", priority=2, context_tokens=4000))
    traces, result = rehearsed(job_of(*rows, workload=Workload("trace", 3, arrivals=sizes)))
    assert [trace["deployment_id"] for trace in traces] == ["a", "b", None]
    assert (traces[2]["error_class"], result["refused_requests"]) == ("ContextWindowExceededError", 1)


def test_limits_on_tokens_count_the_prompts_of_the_traffic():
    rows = (deployment("a", priority=1, tpm=10_000), deployment("b", priority=2))
    workloads = (Workload("trace", 50, arrivals=prompts(size)) for size in (100, 950))
    small, large = (rehearsed(job_of(*rows, workload=workload)) for workload in workloads)
    # Tokens count when they are answered: one more is under way then.
    assert small[1]["fallback_count"] == 0
    assert 38 <= large[1]["fallback_count"] <= 40


def prompts(size: int) -> tuple[Arrival, ...]:
    """One a second."""
    return tuple(Arrival(float(n), size, 50) for n in range(50))
