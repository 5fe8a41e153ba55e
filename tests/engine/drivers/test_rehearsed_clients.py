"""Clients that ask again after an error, and leave when they have waited for too long."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.drivers.simulation import simulate
from engine.exceptions import BadInput
from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Workload, parse_workload
from engine.spec import CooldownPolicy, GroupSpec, HedgePolicy, RetryPolicy
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

STEADY = Profile(first_token_ms=200, tokens_per_s=100, jitter=0)
PRICES: dict[str, Any] = {"input_cost_per_token_usd": 1e-6, "output_cost_per_token_usd": 2e-6}
PATIENCE: dict[str, Any] = {"kind": "trace", "arrivals": [[0, 1000, 100]]}


def lone(**fields: Any) -> GroupSpec:
    """A group of one that tries once, and never cools down."""
    once: dict[str, Any] = {"retry": RetryPolicy(0, timeout_s=60), "cooldown": CooldownPolicy(0)}
    return group(deployments=(deployment("a", **PRICES),), **(once | fields))


def job_of(*faults: dict[str, Any], spec: GroupSpec | None = None, seed: int = 1, **workload: Any) -> Job:
    spec = spec or lone()
    scenario = parse_scenario({"faults": [{"target": "*", **fault} for fault in faults]}, spec=spec)
    return Job((spec,), parse_workload(workload), scenario, seed, dict.fromkeys("abc", STEADY))


def run(job: Job) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    simulate(job, emit=told.append)
    return told


def ran(job: Job) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Its traces in their order, and its result."""
    told = run(job)
    return sorted(traces_in(told), key=lambda row: row["index"]), told[-1]["result"]


def test_a_caller_asks_again_and_each_repeat_is_a_request_of_its_own():
    down = {"kind": "error", "status": 503, "until_s": 1.0}
    traces, result = ran(job_of(down, clients={"retries": 3, "backoff_s": 0.6}, **PATIENCE))
    assert [(row["index"], row.get("repeat_of"), row["outcome"]) for row in traces] == [
        (0, None, "failed"),
        (1, 0, "failed"),
        (2, 0, "answered"),
    ]
    assert (result["total_requests"], result["repeated_requests"], result["left_requests"]) == (3, 2, 0)
    assert (result["successful_requests"], result["failed_requests"]) == (1, 2)


def test_a_repeat_that_is_answered_at_once_costs_the_same_and_says_what_it_repeats():
    down = {"kind": "error", "status": 503, "until_s": 0.1}
    (first, second), result = ran(job_of(down, clients={}, **PATIENCE))
    assert (first["cost_usd"], second["cost_usd"]) == (0, pytest.approx(1000e-6 + 200e-6))
    assert (second["repeat_of"], second["duration_ms"], result["cost_usd"]) == (0, 1200, second["cost_usd"])


def test_who_has_no_retries_left_has_failed():
    traces, result = ran(job_of({"kind": "outage"}, clients={"retries": 2}, **PATIENCE))
    assert [row["outcome"] for row in traces] == ["failed"] * 3
    assert result["failed_requests"] == 3


def test_what_would_be_refused_again_is_not_asked_again():
    for fault in ({"kind": "error", "status": 400}, {"kind": "no_credit"}):
        traces, _ = ran(job_of(fault, clients={"retries": 5}, **PATIENCE))
        assert len(traces) == 1


def test_a_retry_after_is_obeyed_or_not():
    busy = {"kind": "rate_limit", "retry_after_s": 4, "until_s": 1}
    patient, _ = ran(job_of(busy, clients={"retries": 1}, **PATIENCE))
    hasty, _ = ran(job_of(busy, clients={"retries": 1, "obeys_retry_after": False, "backoff_s": 2}, **PATIENCE))
    assert patient[1]["at_ms"] == pytest.approx(50 + 4000)
    assert 50 + 1500 <= hasty[1]["at_ms"] <= 50 + 2000


def test_who_has_waited_for_too_long_leaves_and_is_neither_answered_nor_failed():
    (trace,), result = ran(job_of({"kind": "timeout"}, clients={"gives_up_after_s": 3}, **PATIENCE))
    assert (trace["outcome"], trace["duration_ms"]) == ("left", 3000)
    assert [attempt["status"] for attempt in trace["attempts"]] == ["cancelled"]
    assert (result["left_requests"], result["failed_requests"], result["successful_requests"]) == (1, 0, 0)
    assert result["failures_by_cause"] == {}


def test_an_upstream_has_read_the_prompt_of_a_caller_who_left():
    (trace,), result = ran(job_of({"kind": "slow", "factor": 9}, clients={"gives_up_after_s": 3}, **PATIENCE))
    assert (trace["input_tokens"], trace["output_tokens"]) == (1000, 0)
    assert result["cost_usd"] == pytest.approx(1000e-6)


def test_a_caller_leaves_while_the_gateway_waits():
    spec = lone(retry=RetryPolicy(3, timeout_s=60))
    busy = {"kind": "rate_limit", "retry_after_s": 4}
    (trace,), _ = ran(job_of(busy, spec=spec, clients={"gives_up_after_s": 3}, **PATIENCE))
    assert (trace["outcome"], trace["duration_ms"], len(trace["attempts"])) == ("left", 3000, 1)


def test_a_caller_whose_stream_has_begun_stays():
    asked = {**PATIENCE, "is_stream": True}
    (trace,), _ = ran(job_of(clients={"gives_up_after_s": 0.5}, **asked))
    assert (trace["outcome"], trace["duration_ms"]) == ("answered", 1200)


def test_patience_counts_from_the_first_request():
    failing = {"kind": "error", "status": 503, "after_s": 2}
    traces, _ = ran(job_of(failing, clients={"retries": 9, "gives_up_after_s": 4, "backoff_s": 1}, **PATIENCE))
    ends = [(row["at_ms"] + row["duration_ms"]) / 1000 for row in traces]
    assert [row["outcome"] for row in traces] == ["failed", "left"]
    assert ends == [2, 4]


def test_a_closed_loop_repeats_the_same_request_before_the_next_one():
    down = {"kind": "error", "status": 503, "until_s": 0.1}
    told = run(job_of(down, clients={}, num_requests=6, concurrency=2))
    traces = sorted(traces_in(told), key=lambda row: row["index"])
    assert [row.get("repeat_of") for row in traces] == [None] * 6 + [0, 1]
    frame = [one for one in told if one["type"] == "frame"][-1]["requests"]
    assert (frame["expected"], frame["started"], frame["in_flight"], frame["left"]) == (8, 8, 0, 0)


def storm(seed: int = 1, *, hedges: bool = False) -> Job:
    """Callers that repeat and leave, at a group with a flapping primary."""
    spec = group(hedge=HedgePolicy(300, 1.0) if hedges else None, retry=RetryPolicy(1, timeout_s=5))
    faults = ({"kind": "flapping", "period_s": 9, "down_s": 6}, {"kind": "slow", "factor": 4, "probability": 0.3})
    clients = {"retries": 2, "gives_up_after_s": 4}
    return job_of(*faults, spec=spec, seed=seed, kind="poisson", rate_per_s=20, num_requests=600, clients=clients)


@pytest.mark.parametrize("hedges", [False, True])
def test_a_seed_gives_the_same_run_and_every_request_ends(hedges: bool):
    job = storm(hedges=hedges)
    assert json.dumps(run(job)) == json.dumps(run(Job.from_json(json.loads(json.dumps(job.to_json())))))
    traces, result = ran(job)
    kinds = ("successful_requests", "failed_requests", "refused_requests", "left_requests")
    assert sum(result[kind] for kind in kinds) == len(traces) == 600 + result["repeated_requests"]
    assert result["left_requests"] > 0
    assert result["repeated_requests"] > 0
    assert ran(storm(2, hedges=hedges))[1]["repeated_requests"] != result["repeated_requests"]


def test_callers_who_ask_again_make_an_outage_worse():
    """The group gets more requests, and its success is that of all of them."""
    job = storm()
    without = replace(job, workload=replace(job.workload, clients=None))
    assert ran(job)[1]["total_requests"] > ran(without)[1]["total_requests"] == 600
    assert "repeated_requests" not in ran(without)[1]


@pytest.mark.parametrize(
    ("clients", "field", "why"),
    [
        ({"retries": 21}, "retries", "Give a whole number from 0 to 20."),
        ({"gives_up_after_s": 0}, "gives_up_after_s", "Give a number from 0.001 to 86,400."),
        ({"obeys_retry_after": 1}, "obeys_retry_after", "Give true or false."),
        ({"backoff_s": -1}, "backoff_s", "Give a number from 0 to 3,600."),
        ({"patience": 1}, "patience", "Unknown here."),
    ],
)
def test_what_clients_can_not_be_like_is_said(clients: dict[str, Any], field: str, why: str):
    with pytest.raises(BadInput) as refused:
        parse_workload({"clients": clients})
    assert refused.value.field == f"workload.clients.{field}"
    assert refused.value.message.startswith(why)


def test_clients_are_written_and_read_as_they_are():
    workload = parse_workload({"clients": {"retries": 1, "gives_up_after_s": 30}})
    assert Workload.from_json(json.loads(json.dumps(workload.to_json()))) == workload
    assert "clients" not in parse_workload({}).to_json()
