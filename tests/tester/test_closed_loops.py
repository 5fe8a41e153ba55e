"""Rehearsals whose clients wait when they are refused, as real ones do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.spec import CooldownPolicy, Strategy
from tests.engine.working import WorkerProcess
from tests.tester.rehearsed import LOAD, job_of, spec_of


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as process:
        yield process


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY_FAILOVER, Strategy.WEIGHTED])
def test_sliders_at_15_33_and_2_percent_cost_hardly_a_request(worker: WorkerProcess, strategy: Strategy):
    _, result = worker.run(job_of(spec_of(3, strategy)))
    assert result["total_requests"] == 336
    assert result["successful_requests"] / 336 > 0.95, result["failures_by_cause"]


@pytest.mark.parametrize(
    ("strategy", "seed", "when_retried_at_once"),
    [
        (Strategy.PRIORITY_FAILOVER, 2, 0.080),
        (Strategy.PRIORITY_FAILOVER, 4, 0.164),
        (Strategy.WEIGHTED, 2, 0.068),
        (Strategy.WEIGHTED, 4, 0.137),
    ],
)
def test_a_group_that_cools_down_as_a_whole_loses_one_request_of_each_client_not_the_rest_of_the_run(
    worker: WorkerProcess, strategy: Strategy, seed: int, when_retried_at_once: float
):
    """The demo's cooldowns: 10 s after the second failure. The shares are those of clients that did not back off.

    The whole group cools down up to four times in these 336 requests, and each of the ten clients is refused once then.
    """
    spec = replace(spec_of(3, strategy), cooldown=CooldownPolicy(cooldown_time_s=10, allowed_fails=1))
    job = replace(job_of(spec), workload=replace(LOAD, output_tokens=100), seed=seed)
    _, result = worker.run(job)
    success = result["successful_requests"] / 336
    assert result["failures_by_cause"]["AllCoolingDown"] <= 4 * 10
    assert success > 0.86, result["failures_by_cause"]
    assert success > 5 * when_retried_at_once


def test_a_closed_loop_waits_out_a_cooldown_instead_of_being_refused_again_and_again(worker: WorkerProcess):
    spec = spec_of(1, Strategy.PRIORITY_FAILOVER)
    revoked = {"faults": [{"kind": "unauthorised", "target": "*", "until_s": 1}]}
    traces, result = worker.run(job_of(spec, scenario=revoked))
    assert result["failures_by_cause"]["AllCoolingDown"] <= 10, "each of the ten clients is refused once at most"
    assert result["untried_requests"] == sum(not trace["attempts"] for trace in traces) > 0
    assert sum(result["failures_by_cause"].values()) == result["failed_requests"]
