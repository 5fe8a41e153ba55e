"""Hedges in rehearsals: as the gateway's driver makes them, whatever goes wrong, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, product
from typing import Any

import pytest

from engine.drivers.simulation import simulate
from engine.faults.kinds import Slow
from engine.faults.scenarios import SCENARIOS, Scenario
from engine.faults.targets import TargetedFault
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import CooldownPolicy, DeploymentSpec, GroupSpec, HedgePolicy, RetryPolicy, Strategy
from tests.engine.drivers.test_simulation import (
    COOLDOWNS,
    WORKLOADS,
    Messages,
    difference,
    job_of,
    on_the_heap,
    on_the_loop,
)
from tests.engine.working import traces_in

HEDGES = (HedgePolicy(300, 1.0), HedgePolicy(None, 0.2), HedgePolicy(900, 0.05))


def hedging(job: Job, policy: HedgePolicy | None) -> Job:
    return replace(job, specs=tuple(replace(spec, hedge=policy) for spec in job.specs))


def cases() -> Iterator[Any]:
    """Every strategy with every scenario; each pair with other traffic, streams, cooldowns and hedges."""
    traffic = cycle(product(WORKLOADS, (False, True), COOLDOWNS, HEDGES))
    for (strategy, scenario), (kind, is_stream, cooldown, hedge) in zip(
        product(Strategy, SCENARIOS), traffic, strict=False
    ):
        workload = replace(WORKLOADS[kind], is_stream=is_stream)
        name = f"{strategy.value}-{scenario}-{kind}{'-stream' * is_stream}"
        yield pytest.param(hedging(job_of(strategy, scenario, workload, cooldown), hedge), id=name)


@pytest.mark.parametrize("job", list(cases()))
def test_every_request_ends_once_and_leaves_nothing_behind(job: Job):
    told = on_the_heap(job)
    result, traces = told[-1]["result"], traces_of(told)
    assert sorted(row["index"] for row in traces) == list(range(job.workload.num_requests))
    hedged = [row for row in traces if any(one["moved_on_because"] == "hedged" for one in row["attempts"])]
    policy = job.spec.hedge
    assert policy is not None
    assert len(hedged) <= 2 + 2 * policy.budget * len(traces)  # two groups, each with one more
    for row in hedged:
        begun = [one["at_ms"] for one in row["attempts"]]
        assert begun == sorted(begun)
        assert sum(one.get("hedge") == "hedge_lost" for one in row["attempts"]) <= 2
        assert all(one["status"] != "pending" for one in row["attempts"])
    assert on_the_heap(job) == told, "the same seed gives the same bytes"
    lost = sum(one.get("hedge") == "hedge_lost" for row in traces for one in row["attempts"])
    assert sum(one["lost_hedges"] for one in result["traffic_distribution"]) == lost


# Where requests come at even moments, time limits end with the next arrival, and either may be first.
UNEVEN = [case for case in cases() if case.values[0].workload.kind in ("poisson", "closed")]


@pytest.mark.parametrize("job", UNEVEN)
def test_the_gateways_driver_hedges_the_same(job: Job):
    assert difference(courses_of(on_the_loop(job)), courses_of(on_the_heap(job))) is None


def courses_of(told: Messages) -> list[dict[str, Any]]:
    """The traces without tokens and prices: what is a part of them is the recorder's."""
    spent = {"input_tokens", "output_tokens", "cost_usd", "part"}
    rows = [{name: value for name, value in row.items() if name not in spent} for row in traces_of(told)]
    for row in rows:
        row["attempts"] = [{k: v for k, v in one.items() if k not in spent} for one in row["attempts"]]
    return rows


def traces_of(told: Messages) -> list[dict[str, Any]]:
    return [row for one in told if one["type"] == "traces" for row in one["lines"]]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_hedge_that_never_comes_changes_nothing(strategy: Strategy):
    job = job_of(strategy, "primary-outage", WORKLOADS["poisson"], COOLDOWNS[0])
    assert on_the_heap(hedging(job, HedgePolicy(3_600_000, 1.0))) == on_the_heap(job)


def slow_one(policy: HedgePolicy | None, *, is_stream: bool = False) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Twenty requests at two deployments, of which the first begins after 2 s; result and traces."""
    prices: dict[str, Any] = {"input_cost_per_token_usd": 1.0, "output_cost_per_token_usd": 1.0}
    rows = tuple(
        DeploymentSpec(name, name, name, "openai", name, priority=tier, **prices) for tier, name in enumerate("ab", 1)
    )
    retry, cooldown = RetryPolicy(0, timeout_s=10), CooldownPolicy()
    spec = GroupSpec("g", "g", Strategy.PRIORITY_FAILOVER, rows, retry=retry, cooldown=cooldown, hedge=policy)
    arrivals = tuple(Arrival(5.0 * n, 10, 4) for n in range(20))
    workload = Workload("trace", 20, is_stream=is_stream, arrivals=arrivals)
    profiles = dict.fromkeys("ab", Profile(first_token_ms=100, tokens_per_s=1000, jitter=0))
    slow = Scenario("slow", "The first is slow.", (TargetedFault(Slow(extra_ms=2000), "a"),))
    told: list[dict[str, Any]] = []
    simulate(Job((spec,), workload, slow, 7, profiles), emit=told.append)
    return told[-1]["result"], traces_in(told)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])
def test_hedges_save_the_wait_and_cost_the_prompt_again(is_stream: bool):
    without, _ = slow_one(None, is_stream=is_stream)
    result, traces = slow_one(HedgePolicy(500, 1.0), is_stream=is_stream)
    assert without["latency_p50_ms"] - result["latency_p50_ms"] == pytest.approx(1500, abs=1)
    assert (result["hedged_requests"], result["fallback_count"], without["hedged_requests"]) == (20, 0, 0)
    assert [(one["lost_hedges"], one["failure_count"]) for one in result["traffic_distribution"]] == [(20, 0), (0, 0)]
    parts = [one["part"] for row in traces for one in row["attempts"]]
    assert result["cost_usd"] == pytest.approx(sum(part[2] for part in parts))
    read = sum(row["attempts"][0]["part"][0] for row in traces)
    assert result["cost_usd"] == pytest.approx(without["cost_usd"] + read)
    assert all(row["input_tokens"] == 2 * row["attempts"][0]["part"][0] for row in traces)


def test_the_budget_holds_in_rehearsals_too():
    result, _ = slow_one(HedgePolicy(500, 0.1))
    assert result["hedged_requests"] in (2, 3)
