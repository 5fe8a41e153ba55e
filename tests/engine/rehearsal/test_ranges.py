"""One rehearsal under several seeds: the numbers of each result, and how far they differ."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.drivers.simulation import simulate
from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.ranges import jobs_of, metrics_of, ranges_of, result_of, results_of, seeds_of, share_of
from engine.rehearsal.workload import Workload
from engine.spec import Strategy
from tests.engine import golden
from tests.engine.working import WorkerProcess

SOME = Workload(kind="poisson", num_requests=80, rate_per_s=2.0)


def job_of(strategy: Strategy = Strategy.WEIGHTED, scenario: str = "healthy", workload: Workload = SOME) -> Job:
    spec = golden.group_of(strategy)
    return Job((spec,), workload, parse_scenario(scenario, spec=spec), 7, golden.PROFILES)


def traffic(name: str, answered: int) -> dict[str, Any]:
    return {"deployment_id": name, "success_count": answered}


def result(**fields: Any) -> dict[str, Any]:
    """100 requests, of which 90 were answered, 60 by a and 30 by b."""
    return {
        "total_requests": 100,
        "successful_requests": 90,
        "failed_requests": 10,
        "refused_requests": 0,
        "fallback_count": 25,
        "latency_p50_ms": 400.0,
        "latency_p95_ms": 900.0,
        "latency_p99_ms": 1000.0,
        "cost_usd": 0.5,
        "traffic_distribution": [traffic("a", 60), traffic("b", 30)],
        **fields,
    }


def test_the_numbers_of_a_result_are_flat_and_shares_name_their_deployment():
    metrics = metrics_of(result(rescued_requests=4, ttft_p50_ms=120.0))
    assert metrics["success_rate"] == 0.9
    assert metrics[share_of("a")] == pytest.approx(2 / 3)
    assert metrics["share:b"] == pytest.approx(1 / 3)
    assert (metrics["fallback_share"], metrics["rescued_share"]) == (0.25, 0.04)
    assert (metrics["latency_p95_ms"], metrics["ttft_p50_ms"], metrics["cost_usd"]) == (900.0, 120.0, 0.5)


def test_what_was_not_measured_is_left_out():
    nothing = {f"latency_p{p}_ms": None for p in (50, 95, 99)}
    rows = [traffic("a", 0)]
    metrics = metrics_of(
        result(successful_requests=0, failed_requests=100, traffic_distribution=rows, ttft_p95_ms=None, **nothing)
    )
    assert metrics["success_rate"] == 0.0
    assert not [name for name in metrics if name.startswith(("latency", "ttft", "share"))]


def test_a_run_in_which_all_was_refused_has_no_success_rate():
    metrics = metrics_of(result(successful_requests=0, failed_requests=0, refused_requests=100))
    assert "success_rate" not in metrics
    assert metrics["refused_share"] == 1.0


def test_callers_who_left_or_asked_again_are_shares_where_the_workload_has_clients():
    metrics = metrics_of(result(left_requests=3, repeated_requests=12))
    assert (metrics["left_share"], metrics["repeated_share"]) == (0.03, 0.12)
    assert not {"left_share", "repeated_share"} & set(metrics_of(result()))


def test_a_range_has_the_lowest_the_middle_and_the_highest_value():
    measured = [{"x": 3.0, "y": 1.0}, {"x": 1.0}, {"x": 10.0, "y": 2.0}]
    assert ranges_of(measured) == {"x": (1.0, 3.0, 10.0), "y": (1.0, 1.5, 2.0)}
    assert ranges_of([]) == {}


def test_seeds_follow_from_the_first_and_fewer_are_the_beginning_of_more():
    assert seeds_of(7, 1) == [7]
    many = seeds_of(7, 100)
    assert many[0] == 7
    assert len(set(many)) == 100
    assert seeds_of(7, 10) == many[:10]
    assert not set(many[1:]) & set(seeds_of(8, 100))
    assert all(0 <= seed < 2**32 for seed in many[1:])


def test_the_first_result_is_that_of_the_run_itself():
    job = job_of(scenario="primary-outage")
    said: list[dict[str, Any]] = []
    simulate(job, emit=said.append)
    assert next(results_of(job, 3)) == said[-1]["result"]


def test_jobs_under_several_seeds_keep_no_traces_and_differ_in_nothing_but_their_seed():
    job, jobs = job_of(), jobs_of(job_of(), 4)
    assert [one.seed for one in jobs] == seeds_of(7, 4)
    for one in jobs:
        assert not one.keeps_traces
        assert replace(one, seed=7, keeps_traces=True, frame_every_s=job.frame_every_s) == job


def test_another_process_gives_the_same_results_byte_for_byte():
    job = job_of(Strategy.LATENCY_BASED, "rate-limited-primary")
    with WorkerProcess(hash_seed="1") as worker:
        elsewhere = list(results_of(job, 3, lambda one: worker.run(one)[1]))
    assert json.dumps(list(results_of(job, 3))) == json.dumps(elsewhere)


def test_seeds_give_results_that_differ_and_a_range_says_how_far():
    ranges = ranges_of(metrics_of(found) for found in results_of(job_of(), 5))
    shares = [found for name, found in ranges.items() if name.startswith("share:")]
    assert len(shares) == 3
    assert all(low < middle < high for low, middle, high in shares)


def test_a_run_that_is_stopped_gives_what_it_has():
    assert result_of(job_of(), should_stop=lambda: True)["total_requests"] < SOME.num_requests
