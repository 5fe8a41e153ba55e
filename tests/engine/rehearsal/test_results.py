"""What frames say of the last seconds, and what a result says of first tokens and of those passed over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.drivers.litellm_router import clock
from engine.drivers.simulation import simulate
from engine.faults.scenarios import parse_scenario
from engine.ledger import Attempt, AttemptStatus, Trace
from engine.outcomes import Outcome
from engine.rehearsal.event_loop import rehearse
from engine.rehearsal.jobs import Job
from engine.rehearsal.ranges import result_of
from engine.rehearsal.results import Tally
from engine.rehearsal.workload import Workload
from engine.spec import HedgePolicy, RetryPolicy, Router, Strategy
from tests.engine import golden
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in


def tally() -> Tally:
    return Tally((group("g", Strategy.WEIGHTED, deployments=(deployment("a"), deployment("b"))),), 100)


def add(tally: Tally, name: str, *, fails: bool = False) -> None:
    status: AttemptStatus = "error" if fails else "success"
    attempt = Attempt(name, name, name, "g", 1, 0.0, duration_ms=5.0, status=status)
    error = "ServiceUnavailableError" if fails else None
    outcome = Outcome.FAILED if fails else Outcome.ANSWERED
    tally.add(Trace("1", "g", [attempt]), duration_ms=5.0, error=error, usage=None, outcome=outcome)


def recent(tally: Tally, at_s: float) -> dict[str, tuple[int, int]]:
    frame = tally.frame(at_ms=at_s * 1000, cooldowns_s={}, last=[])
    rows = frame["deployments"].items()
    return {name: (row["recent_request_count"], row["recent_failure_count"]) for name, row in rows}


def test_frames_count_the_attempts_of_the_last_ten_seconds():
    counted = tally()
    assert recent(counted, 0) == {"a": (0, 0), "b": (0, 0)}
    add(counted, "a", fails=True)
    assert recent(counted, 4)["a"] == (1, 1)
    add(counted, "a")
    assert recent(counted, 8)["a"] == (2, 1)
    assert recent(counted, 14)["a"] == (1, 0)
    assert recent(counted, 40) == {"a": (0, 0), "b": (0, 0)}


def test_frames_far_apart_look_back_to_the_one_before():
    counted = tally()
    for at_s in (0, 32, 64):
        add(counted, "b")
        assert recent(counted, at_s)["b"] == (1, 0)


def test_what_is_recent_is_remembered_for_as_long_as_it_is():
    counted = tally()
    for n in range(1000):
        recent(counted, n / 4)
    assert len(counted._last_seconds._past) <= 42
    assert counted.frame(at_ms=250_000.0, cooldowns_s={}, last=[])["requests"]["expected"] == 100


STREAMS = Workload(kind="poisson", num_requests=120, rate_per_s=2.0, input_tokens=300, is_stream=True)


def job_of(scenario: Any, workload: Workload = STREAMS, **fields: Any) -> Job:
    spec = golden.group_of(Strategy.PRIORITY_FAILOVER)
    spec = replace(spec, router=Router.NATIVE, retry=RetryPolicy(1, timeout_s=20, first_token_timeout_s=8), **fields)
    return Job((spec,), workload, parse_scenario(scenario, spec=spec), 7, golden.PROFILES)


def waits_in(traces: list[dict[str, Any]]) -> list[float]:
    """From a request to its first token, of those that were answered."""
    streams = [trace for trace in traces if trace["status"] == "success"]
    begun = [next(a for a in trace["attempts"] if a["first_token_ms"] is not None) for trace in streams]
    return sorted(a["at_ms"] - t["at_ms"] + a["first_token_ms"] for t, a in zip(streams, begun, strict=True))


@pytest.mark.parametrize("scenario", ["healthy", "primary-outage", "broken-streams", "hanging-primary"])
def test_first_tokens_are_those_that_callers_wait_for_through_all_attempts(scenario: str):
    said: list[dict[str, Any]] = []
    simulate(job_of(scenario), emit=said.append)
    waits, result = waits_in(traces_in(said)), said[-1]["result"]
    assert len(waits) == result["successful_requests"]
    assert result["ttft_p50_ms"] == pytest.approx(waits[(len(waits) + 1) // 2 - 1], abs=0.01)
    assert result["ttft_p99_ms"] == pytest.approx(waits[-(-99 * len(waits) // 100) - 1], abs=0.01)


async def _on_a_loop(job: Job, said: list[dict[str, Any]]) -> None:
    await rehearse(job, emit=said.append)


def test_on_an_event_loop_first_tokens_and_skips_are_the_same():
    job, said = job_of("primary-outage"), list[dict[str, Any]]()
    clock.run(_on_a_loop(job, said))
    elsewhere, here = said[-1]["result"], result_of(job)
    assert elsewhere["skipped"] == here["skipped"]
    for p in (50, 95, 99):
        assert elsewhere[f"ttft_p{p}_ms"] == pytest.approx(here[f"ttft_p{p}_ms"], abs=0.01)


def test_a_hedged_stream_has_the_first_token_of_the_faster_attempt():
    slow = {"name": "slow", "faults": [{"kind": "slow", "target": "primary", "factor": 20, "probability": 0.3}]}
    alone, hedged = (result_of(job_of(slow, hedge=hedge)) for hedge in (None, HedgePolicy(after_ms=600, budget=0.5)))
    assert hedged["hedged_requests"] > 0
    assert hedged["ttft_p95_ms"] < alone["ttft_p95_ms"]


def test_whole_answers_have_no_first_token():
    assert result_of(job_of("healthy", replace(STREAMS, is_stream=False)))["ttft_p50_ms"] is None


def test_skips_are_counted_by_deployment_and_reason():
    said: list[dict[str, Any]] = []
    simulate(job_of("primary-outage"), emit=said.append)
    counted: dict[str, dict[str, int]] = {}
    for trace in traces_in(said):
        for skip in trace["skipped"]:
            reasons = counted.setdefault(skip["deployment_id"], {})
            reasons[skip["reason"]] = reasons.get(skip["reason"], 0) + 1
    assert said[-1]["result"]["skipped"] == counted
    assert counted
