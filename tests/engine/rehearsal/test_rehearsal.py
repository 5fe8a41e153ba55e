"""Whole rehearsals: deterministic to the byte, golden for each strategy and each shipped scenario."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.faults.scenarios import SCENARIOS, parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Workload
from engine.spec import CooldownPolicy, StickyPolicy, Strategy, Unsupported
from tests.engine import golden
from tests.engine.working import WorkerProcess

STEADY = Workload(kind="poisson", num_requests=160, rate_per_s=2.0, input_tokens=300, output_tokens=40)


def job_of(strategy: Strategy, scenario: str, *, seed: int = 7, workload: Workload = STEADY) -> Job:
    """A job of three deployments that cool down for ten seconds after their second failure."""
    spec = replace(golden.group_of(strategy), cooldown=CooldownPolicy(10.0, allowed_fails=1))
    return Job((spec,), workload, parse_scenario(scenario, spec=spec), seed, golden.PROFILES)


@pytest.fixture(scope="module")
def worker():
    with WorkerProcess() as worker:
        yield worker


def story(traces: list[dict[str, Any]], result: dict[str, Any]) -> str:
    """A run as text: one line a request, then the counts."""
    lines = [_line(trace) for trace in sorted(traces, key=lambda t: t["index"])]
    rows = result["traffic_distribution"]
    lines += [f"{r['deployment_id']}: {r['success_count']} of {r['request_count']} attempts" for r in rows]
    keys = ("successful_requests", "failed_requests", "fallback_count", "latency_p50_ms", "latency_p95_ms", "cost_usd")
    return "\n".join([*lines, *(f"{key}: {result[key]}" for key in keys), ""])


def _line(trace: dict[str, Any]) -> str:
    steps = " > ".join(
        f"{a['deployment_id']} {a['status_code'] or a['status']} {a['duration_ms']:.0f}ms" for a in trace["attempts"]
    )
    return f"{trace['index']:4} {trace['at_ms'] / 1000:8.3f}s {trace['status']:7} {steps or 'nothing tried'}"


@pytest.mark.parametrize("file", golden.FILES, ids=[file.stem for file in golden.FILES])
def test_a_run_is_as_golden(worker: WorkerProcess, file: Path):
    told = story(*worker.run(golden.job_of(file)))
    expected = file.with_suffix(".txt")
    if os.environ.get("WRITE_GOLDEN"):
        expected.write_text(told)
    assert told == expected.read_text(), "see the difference; if it is wanted, run again with WRITE_GOLDEN=1"


def test_every_strategy_and_every_shipped_scenario_has_a_golden_run():
    names = {file.stem for file in golden.FILES}
    assert {f"strategy-{s.value}" for s in Strategy} | {f"scenario-{name}" for name in SCENARIOS} <= names


@pytest.mark.slow
def test_two_processes_and_two_runs_give_the_same_bytes(worker: WorkerProcess):
    job = job_of(Strategy.LATENCY_BASED, "cascading-overload")
    first, again = worker.lines(job), worker.lines(job)
    with WorkerProcess(hash_seed="4711") as other:
        assert first == again == other.lines(job)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_seed_gives_the_same_run_in_another_console_where_ids_are_others(worker: WorkerProcess, strategy: Strategy):
    job = job_of(strategy, "flapping-primary")
    (spec,) = job.specs
    theirs = {row.deployment_id: f"id-{9 - n}" for n, row in enumerate(spec.deployments)}
    rows = tuple(replace(row, deployment_id=theirs[row.deployment_id]) for row in spec.deployments)
    there = replace(spec, deployments=rows)
    profiles = {theirs[name]: profile for name, profile in job.profiles.items()}
    scenario = parse_scenario("flapping-primary", spec=there)
    told = story(*worker.run(replace(job, specs=(there,), profiles=profiles, scenario=scenario)))
    for ours, other in theirs.items():
        told = told.replace(f" {other} ", f" {ours} ").replace(f"\n{other}:", f"\n{ours}:")
    assert told == story(*worker.run(job))


def test_another_seed_is_another_run(worker: WorkerProcess):
    one, two = (worker.lines(job_of(Strategy.WEIGHTED, "healthy", seed=seed)) for seed in (1, 2))
    assert one != two


def test_a_job_goes_over_the_pipe_and_comes_back_the_same():
    job = job_of(Strategy.WEIGHTED, "region-brown-out")
    spoken = frozenset({"messages", "chat"})
    rows = tuple(replace(row, dialects=spoken, unsupported=Unsupported.REFUSE) for row in job.spec.deployments)
    job = replace(job, specs=(replace(job.spec, deployments=rows, sticky=StickyPolicy("session")),))
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_a_closed_loop_keeps_its_clients_busy(worker: WorkerProcess):
    workload = Workload(kind="closed", num_requests=50, concurrency=5)
    traces, result = worker.run(job_of(Strategy.PRIORITY_FAILOVER, "healthy", workload=workload))
    assert result["total_requests"] == 50
    starts = sorted(t["at_ms"] for t in traces)
    assert starts[:5] == [0.0] * 5
    assert starts[5] > 0


def test_a_stream_has_a_first_token(worker: WorkerProcess):
    workload = Workload(kind="closed", num_requests=5, concurrency=1, is_stream=True)
    traces, _ = worker.run(job_of(Strategy.PRIORITY_FAILOVER, "healthy", workload=workload))
    attempts = [t["attempts"][0] for t in traces]
    assert all(0 < a["first_token_ms"] < a["duration_ms"] for a in attempts)


def test_the_numbers_of_a_result_agree_with_its_traces(worker: WorkerProcess):
    traces, result = worker.run(job_of(Strategy.PRIORITY_FAILOVER, "flapping-primary"))
    attempts = [a for t in traces for a in t["attempts"]]
    answered = [t for t in traces if t["status"] == "success"]
    for row in result["traffic_distribution"]:
        mine = [a for a in attempts if a["deployment_id"] == row["deployment_id"]]
        assert row["request_count"] == len(mine) == row["success_count"] + row["failure_count"]
        assert row["success_count"] == sum(t["deployment_id"] == row["deployment_id"] for t in answered)
    assert result["successful_requests"] == len(answered)
    assert result["fallback_count"] == sum(t["fallback_depth"] > 0 for t in traces)
    assert result["cost_usd"] == pytest.approx(sum(t["cost_usd"] for t in traces), abs=1e-6)
    assert sum(row["percent_of_total"] for row in result["traffic_distribution"]) == pytest.approx(100, abs=0.01)
    entries = [step for step in result["flow_data"] if step["from_deployment"] is None]
    assert {step["reason"] for step in entries} == {"primary", "fallback_error"}
    passed = [t for t in traces if t["attempts"] and t["attempts"][0]["fallback_depth"]]
    primary = sum(step["request_count"] for step in entries if step["reason"] == "primary")
    assert passed
    skips = [t["skipped"][0] for t in passed]
    assert {skip["reason"] for skip in skips} <= {"cooling", "probe_running", "rate_limited"}
    cooling = [skip["for_s"] for skip in skips if skip["reason"] == "cooling"]
    assert cooling
    assert min(cooling) > 0
    assert primary == sum(bool(t["attempts"]) for t in traces) - len(passed)
    assert sum(step["request_count"] for step in entries) == sum(bool(t["attempts"]) for t in traces)


def test_cooldowns_show_in_the_frames(worker: WorkerProcess):
    frames = worker.frames(job_of(Strategy.PRIORITY_FAILOVER, "primary-outage"))
    assert frames[0]["at_ms"] == 0.0
    left = [f["deployments"]["gpt-4o"]["cooldown_left_s"] for f in frames]
    assert 5 < max(left) <= 10
    assert frames[-1]["requests"]["in_flight"] == 0
