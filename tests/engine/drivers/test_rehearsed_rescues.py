"""Streams that break in a rehearsal and go on elsewhere, with the tokens and the time that it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.drivers.simulation import simulate
from engine.faults.kinds import StreamCut, StreamStall
from engine.faults.rescues import DIFFERS_AFTER_TOKENS, RescueShares
from engine.faults.scenarios import Scenario
from engine.faults.targets import TargetedFault
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import CooldownPolicy, DeploymentSpec, RetryPolicy, Router, Strategy
from tests.engine.drivers.test_simulation import difference, on_the_heap, on_the_loop
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

# A token a hundredth of a second, the first after half of one.
PACE = Profile(first_token_ms=500, tokens_per_s=100, jitter=0)
PRICES = {"input_cost_per_token_usd": 1e-6, "output_cost_per_token_usd": 1e-5}
READ, WRITTEN = 1000, 100
ALWAYS = RescueShares(1.0, 1.0)
CUT = TargetedFault(StreamCut(0.4), "a", until_s=0.1)


def rehearsed(
    *rows: DeploymentSpec,
    shares: RescueShares = ALWAYS,
    faults: tuple[TargetedFault, ...] = (CUT,),
    requests: int = 1,
    **fields: Any,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    told: list[dict[str, Any]] = []
    simulate(job_of(*rows, shares=shares, faults=faults, requests=requests, **fields), emit=told.append)
    return traces_in(told), told[-1]["result"]


def job_of(
    *rows: DeploymentSpec, shares: RescueShares, faults: tuple[TargetedFault, ...], requests: int, **fields: Any
) -> Job:
    retry, cooldown = RetryPolicy(0, stream_idle_timeout_s=2), CooldownPolicy(0)
    given = {"deployments": rows, "retry": retry, "cooldown": cooldown, "rescues": True, **fields}
    spec = group("g", Strategy.PRIORITY_FAILOVER, router=Router.NATIVE, **given)
    arrivals = tuple(Arrival(0.0, READ, WRITTEN) for _ in range(requests))
    workload = Workload("trace", requests, is_stream=True, arrivals=arrivals)
    scenario = Scenario("broken", "Streams break.", faults, rescues=shares)
    return Job((spec,), workload, scenario, 7, {row.deployment_id: PACE for row in rows})


def test_an_answer_that_is_begun_again_costs_all_of_it_once_more():
    traces, result = rehearsed(deployment("a", **PRICES))
    [trace] = traces
    assert [(a["status"], a.get("rescue")) for a in trace["attempts"]] == [("error", None), ("success", "restarted")]
    assert [a["part"][:2] for a in trace["attempts"]] == [[READ, 40], [READ, WRITTEN]]
    assert trace["duration_ms"] == pytest.approx(500 + 400 + 500 + 1000)
    assert (trace["input_tokens"], trace["output_tokens"]) == (2 * READ, 140)
    assert result["cost_usd"] == pytest.approx(2 * READ * 1e-6 + 140 * 1e-5)
    assert (result["successful_requests"], result["rescued_requests"], result["fallback_count"]) == (1, 1, 0)


def test_one_that_is_continued_reads_what_was_said_and_writes_the_rest():
    traces, _ = rehearsed(deployment("a", prefills=True, **PRICES))
    [trace] = traces
    assert [a.get("rescue") for a in trace["attempts"]] == [None, "continued"]
    assert [a["part"][:2] for a in trace["attempts"]] == [[READ, 40], [READ + 40, 60]]
    assert trace["duration_ms"] == pytest.approx(500 + 400 + 500 + 600)


def test_a_deployment_that_takes_no_begun_answer_is_asked_from_the_start():
    traces, _ = rehearsed(deployment("a", prefills=True), shares=RescueShares(continued=0.0, restarted=1.0))
    assert [(a["error_class"], a.get("rescue")) for a in traces[0]["attempts"]] == [
        ("UpstreamConnectionError", None),
        ("BadRequestError", "continued"),
    ]


def test_another_answer_ends_with_the_first_error_after_a_few_tokens():
    traces, result = rehearsed(deployment("a", **PRICES), shares=RescueShares(restarted=0.0))
    first, second = traces[0]["attempts"]
    assert (traces[0]["error_class"], second["status"]) == (first["error_class"], "cancelled")
    assert second["part"][:2] == [READ, DIFFERS_AFTER_TOKENS]
    assert traces[0]["duration_ms"] == pytest.approx(900 + 500 + 10 * DIFFERS_AFTER_TOKENS)
    assert result["cost_usd"] == pytest.approx(2 * READ * 1e-6 + 45 * 1e-5)


def test_the_share_of_answers_that_match_is_as_set():
    _, result = rehearsed(deployment("a"), shares=RescueShares(restarted=0.3), requests=2000)
    assert result["rescued_requests"] == result["successful_requests"] == pytest.approx(600, abs=60)


def test_a_group_that_rescues_nothing_ends_with_the_error_and_its_cost():
    traces, result = rehearsed(deployment("a", **PRICES), rescues=False)
    assert (len(traces[0]["attempts"]), result["failed_requests"], result["rescued_requests"]) == (1, 1, 0)
    assert "part" not in traces[0]["attempts"][0]
    assert result["cost_usd"] == pytest.approx(READ * 1e-6 + 40 * 1e-5)


@pytest.mark.parametrize("fault", [StreamCut(0.4), StreamStall(0.6)])
@pytest.mark.parametrize("probability", [0.5, 1.0])
def test_the_gateways_own_code_rescues_at_the_same_places_and_times(fault: Any, probability: float):
    rows = (deployment("a", priority=1, **PRICES), deployment("b", priority=2, **PRICES))
    aimed = TargetedFault(fault, "*", probability)
    job = job_of(*rows, shares=ALWAYS, faults=(aimed,), requests=40, cooldown=CooldownPolicy())
    workload = replace(
        job.workload, arrivals=tuple(Arrival(n * 0.7013, READ, WRITTEN) for n in range(job.workload.num_requests))
    )
    job = replace(job, workload=workload)
    assert difference(on_the_loop(job), on_the_heap(job)) is None
