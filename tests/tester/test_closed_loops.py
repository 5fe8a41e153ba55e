"""Rehearsals whose clients wait when they are refused, as real ones do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.spec import Strategy
from tests.engine.working import WorkerProcess
from tests.tester.rehearsed import job_of, spec_of


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as process:
        yield process


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY_FAILOVER, Strategy.WEIGHTED])
def test_sliders_at_15_33_and_2_percent_cost_hardly_a_request(worker: WorkerProcess, strategy: Strategy):
    _, result = worker.run(job_of(spec_of(3, strategy)))
    assert result["total_requests"] == 336
    assert result["successful_requests"] / 336 > 0.95, result["failures_by_cause"]


def test_a_closed_loop_waits_out_a_cooldown_instead_of_being_refused_again_and_again(worker: WorkerProcess):
    spec = spec_of(1, Strategy.PRIORITY_FAILOVER)
    revoked = {"faults": [{"kind": "unauthorised", "target": "*", "until_s": 1}]}
    traces, result = worker.run(job_of(spec, scenario=revoked))
    assert result["failures_by_cause"]["AllCoolingDown"] <= 10, "each of the ten clients is refused once at most"
    assert result["untried_requests"] == sum(not trace["attempts"] for trace in traces) > 0
    assert sum(result["failures_by_cause"].values()) == result["failed_requests"]
