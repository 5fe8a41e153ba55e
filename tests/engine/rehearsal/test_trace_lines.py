"""Lines of traces are those that are written of their rows, and a message says what is in them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.drivers.simulation import simulate
from engine.faults.scenarios import SCENARIOS
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Workload
from engine.spec import Router
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

ODD = 'Ä "quoted" 100 %s\u2028\\n\n{0}'


def told(job: Job) -> list[dict]:
    messages: list[dict] = []
    simulate(job, emit=messages.append)
    return [json.loads(json.dumps(message)) for message in messages]


def job(*, is_stream: bool, scenario: str = "healthy") -> Job:
    priced = {"input_cost_per_token_usd": 1.1e-7, "output_cost_per_token_usd": 3.3e-6}
    odd = replace(deployment("a", priority=1, **priced), name=ODD, provider=ODD)
    rows = (odd, deployment("b", priority=2))
    spec = group(ODD, deployments=rows, router=Router.NATIVE)
    return Job((spec,), Workload(num_requests=600, is_stream=is_stream), SCENARIOS[scenario], 7)


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_line_that_is_made_from_parts_is_the_one_that_its_attempts_give(
    is_stream: bool, monkeypatch: pytest.MonkeyPatch
):
    quick = told(job(is_stream=is_stream))
    monkeypatch.setattr("engine.core.first_asks.FirstAsks.ask", lambda *_, **__: None)  # every request has a journey
    slow = told(job(is_stream=is_stream))
    assert traces_in(quick) == traces_in(slow)
    assert quick[-1] == slow[-1]
    assert traces_in(quick)[0]["attempts"][0]["deployment_name"] == ODD


@pytest.mark.parametrize("scenario", ["healthy", "primary-outage"])
def test_a_message_says_what_its_lines_have(scenario: str):
    for message in told(job(is_stream=True, scenario=scenario)):
        if message["type"] == "traces":
            traces = traces_in([message])
            assert message["count"] == len(traces) == message["lines"].count("\n")
            ends_ms = [round(trace["at_ms"] + trace["duration_ms"], 3) for trace in traces]
            assert message["contents"] == {
                "low_index": min(trace["index"] for trace in traces),
                "high_index": max(trace["index"] for trace in traces),
                "first_ended_ms": min(ends_ms),
                "last_ended_ms": max(ends_ms),
                "failed": sum(trace["status"] != "success" for trace in traces),
                "fell_back": sum(trace["fallback_depth"] > 0 for trace in traces),
                "tried": {attempt["deployment_id"]: True for trace in traces for attempt in trace["attempts"]},
            }
