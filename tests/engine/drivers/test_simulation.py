"""A rehearsal on the heap of events says what one says that drives the gateway's own code on a virtual event loop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, product
from typing import Any

import pytest

from engine.drivers.litellm_router import clock
from engine.drivers.simulation import simulate
from engine.faults.scenarios import SCENARIOS, parse_scenario
from engine.rehearsal.event_loop import rehearse
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import CooldownPolicy, FallbackPolicy, GroupSpec, RetryPolicy, Router, Strategy
from tests.engine import golden
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

Messages = list[dict[str, Any]]
# The reference reads the wall clock, which has a quarter of a microsecond; skips count milliseconds.
MS, SKIP_MS = 0.0021, 1.01
RETRY = RetryPolicy(1, timeout_s=20, first_token_timeout_s=8, stream_idle_timeout_s=5)
WORKLOADS = {
    "closed": Workload(kind="closed", num_requests=120, concurrency=7),
    "poisson": Workload(kind="poisson", num_requests=120, rate_per_s=2.0),
    "constant": Workload(kind="constant", num_requests=120, rate_per_s=2.0),
    "bursty": Workload(kind="bursty", num_requests=120, burst_size=15, burst_every_s=10.0),
    "trace": Workload(
        kind="trace", num_requests=60, arrivals=tuple(Arrival(n * n * 0.01, 100 + n * 50, n) for n in range(60))
    ),
}
COOLDOWNS = (CooldownPolicy(), CooldownPolicy(10.0, allowed_fails=1), CooldownPolicy(0))


def job_of(strategy: Strategy, scenario: str, workload: Workload, cooldown: CooldownPolicy, **fields: Any) -> Job:
    """Three deployments and a fallback group that shares the first of them."""
    rows = (golden.DEPLOYMENTS[0], *(replace(d, deployment_id=f"fb-{d.name}") for d in golden.DEPLOYMENTS[1:]))
    spec = native(strategy, cooldown=cooldown, retry=RETRY, fallback=FallbackPolicy(("behind",)))
    behind = replace(native(Strategy.WEIGHTED), name="behind", deployments=rows)
    faults = parse_scenario(scenario, spec=spec, fallbacks=[behind])
    return Job((spec, behind), workload, faults, 7, golden.PROFILES, **{"deadline_s": 25.0, **fields})


def native(strategy: Strategy, **fields: Any) -> GroupSpec:
    return replace(golden.group_of(strategy), router=Router.NATIVE, **fields)


def cases() -> Iterator[Any]:
    """Every strategy with every scenario; each pair with other traffic, streams and cooldowns."""
    traffic = cycle(product(WORKLOADS, (False, True), COOLDOWNS))
    for (strategy, scenario), (kind, is_stream, cooldown) in zip(product(Strategy, SCENARIOS), traffic, strict=False):
        workload = replace(WORKLOADS[kind], is_stream=is_stream)
        name = f"{strategy.value}-{scenario}-{kind}{'-stream' * is_stream}"
        yield pytest.param(job_of(strategy, scenario, workload, cooldown), id=name)


def on_the_loop(job: Job, **more: Any) -> Messages:
    told: Messages = []
    clock.run(rehearse(job, emit=told.append, **more))
    return [_read(message) for message in told]


def on_the_heap(job: Job, **more: Any) -> Messages:
    told: Messages = []
    simulate(job, emit=told.append, **more)
    return [_read(message) for message in told]


def _read(message: dict[str, Any]) -> dict[str, Any]:
    """A message with its lines read."""
    return message if message["type"] != "traces" else {**message, "lines": traces_in([message])}


def difference(one: Any, other: Any, path: str = "") -> str | None:
    """The first place in which two messages differ; milliseconds may by what a wall clock rounds."""
    if isinstance(one, float) and isinstance(other, float):
        allowed = SKIP_MS if path.endswith("since_ms") else MS
        return None if abs(one - other) <= allowed else f"{path}: {one} and {other}"
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        return next((d for name in one if (d := difference(one[name], other[name], f"{path}.{name}"))), None)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next((d for n, (a, b) in pairs if (d := difference(a, b, f"{path}[{n}]"))), None)
    return None if one == other and type(one) is type(other) else f"{path}: {one} and {other}"


@pytest.mark.parametrize("job", list(cases()))
def test_heap_and_loop_tell_the_same(job: Job):
    assert difference(on_the_loop(job), on_the_heap(job)) is None


def test_a_run_that_is_stopped_tells_the_same_until_then():
    job = job_of(Strategy.PRIORITY_FAILOVER, "flapping-primary", WORKLOADS["poisson"], COOLDOWNS[1])
    told = [run(job, should_stop=_after(50)) for run in (on_the_loop, _looking_rarely)]
    assert told[0][-1]["type"] == "cancelled"
    assert told[0][-1]["result"]["total_requests"] < 120
    assert difference(told[0], told[1]) is None


def _after(requests: int) -> Any:
    """Asks to stop when so many requests have begun."""
    looks = iter(range(requests))
    return lambda: next(looks, None) is None


def _looking_rarely(job: Job, **more: Any) -> Messages:
    """Without the looks between requests: the loop has none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.drivers.simulation.EVENTS_PER_LOOK", 10**9)
        return on_the_heap(job, **more)


@pytest.mark.parametrize("strategy", [Strategy.WEIGHTED, Strategy.PRIORITY_FAILOVER])
def test_deployments_that_cannot_be_asked_are_told_as_on_the_loop(strategy: Strategy):
    rows = (deployment("a", problem="no key", priority=1), deployment("b", priority=2, weight=1), deployment("c"))
    for kept in (rows, rows[:1]):
        spec = group("g", strategy, deployments=kept, router=Router.NATIVE)
        job = Job((spec,), WORKLOADS["closed"], SCENARIOS["flapping-primary"], 7)
        assert difference(on_the_loop(job), on_the_heap(job)) is None


def test_a_group_without_deployments_fails_every_request():
    job = Job((group(deployments=(), router=Router.NATIVE),), WORKLOADS["poisson"], SCENARIOS["healthy"], 7)
    result = on_the_heap(job)[-1]["result"]
    assert (result["failed_requests"], result["failures_by_cause"]) == (120, {"GroupUnavailable": 120})


def test_a_run_without_traces_has_the_same_frames_and_result():
    job = job_of(Strategy.LEAST_BUSY, "primary-outage", WORKLOADS["poisson"], COOLDOWNS[0])
    told = [message for message in on_the_heap(job) if message["type"] != "traces"]
    assert on_the_heap(replace(job, keeps_traces=False)) == told


def test_a_rehearsal_of_our_own_core_imports_no_litellm():
    script = """
import sys
import engine.rehearsal.worker
from engine.drivers.simulation import simulate
from engine.rehearsal.jobs import Job
from engine.faults.scenarios import SCENARIOS
from engine.spec import DeploymentSpec, GroupSpec, Strategy
from engine.rehearsal.workload import Workload
rows = tuple(DeploymentSpec(name, name, name, "openai", name, priority=1) for name in "ab")
spec = GroupSpec("g", "g", Strategy.PRIORITY_FAILOVER, rows)
for scenario in SCENARIOS.values():
    simulate(Job((spec,), Workload(num_requests=20, is_stream=True), scenario, 7), emit=lambda message: None)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"litellm", "openai", "httpx", "aiohttp", "asyncio"}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
