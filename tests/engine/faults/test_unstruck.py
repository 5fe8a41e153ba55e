"""A fault that changed nothing is named with the reason; one that did is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import parse_workload
from engine.spec import GroupSpec, Router
from tests.engine.scripted import deployment, group
from tests.engine.working import WorkerProcess

ALWAYS: dict[str, Any] = {"kind": "outage", "target": "primary"}


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as process:
        yield process


def missed(worker: WorkerProcess, *faults: dict[str, Any], spec: GroupSpec | None = None, **traffic: Any) -> list[str]:
    found = spec or group(router=Router.NATIVE)
    scenario = parse_scenario({"faults": list(faults)}, spec=found)
    job = Job((found,), parse_workload({"num_requests": 20, **traffic}), scenario, seed=7)
    return [row["message"] for row in worker.run(job)[1]["faults_not_struck"]]


@pytest.mark.parametrize(
    "fault",
    [
        ALWAYS,
        {"kind": "slow", "target": "*", "factor": 2},
        {"kind": "quota", "target": "*", "rpm": 1},
        {"kind": "context_too_long", "target": "primary", "limit_tokens": 10},
        {"kind": "flapping", "target": "primary", "period_s": 2, "down_s": 1},
        {"kind": "degradation", "target": "primary", "factor": 2, "until_s": 60},
    ],
)
def test_a_fault_that_struck_is_not_missed(worker: WorkerProcess, fault: dict[str, Any]):
    assert missed(worker, fault) == []


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (ALWAYS | {"from_s": 900, "until_s": 950}, "Outage at primary from 900 s to 950 s never struck: the run ended"),
        ({"kind": "stream_cut", "target": "*"}, "Stream cut at * never struck: it strikes streams"),
        ({"kind": "context_too_long", "target": "*", "limit_tokens": 10**6}, "more than 1,000,000 tokens"),
        ({"kind": "quota", "target": "*", "rpm": 10**6}, "too few requests to use the quota up"),
        (ALWAYS | {"probability": 1e-9}, "chance spared them all"),
        (ALWAYS | {"target": "c"}, "no request met it"),
    ],
)
def test_a_fault_that_never_struck_says_why(worker: WorkerProcess, fault: dict[str, Any], why: str):
    (message,) = missed(worker, fault)
    assert why in message


def test_a_target_that_is_nobody_is_said(worker: WorkerProcess):
    alone = group(deployments=(deployment("a"),), router=Router.NATIVE)
    (message,) = missed(worker, ALWAYS | {"target": "others"}, spec=alone)
    assert message.endswith("no deployment matches.")


def test_a_stream_is_struck_and_a_fault_behind_another_is_not(worker: WorkerProcess):
    cut = {"kind": "stream_cut", "target": "primary"}
    assert missed(worker, cut, is_stream=True) == []
    (message,) = missed(worker, ALWAYS, {"kind": "unauthorised", "target": "primary"})
    assert "Unauthorised at primary" in message


def test_one_that_somebody_stopped_before_it_began_is_not_missed(worker: WorkerProcess):
    assert missed(worker, ALWAYS | {"from_s": 900, "stops_at_s": 5}) == []
