"""`make fidelity`: does a rehearsal predict the real behaviour?

Each case runs twice: rehearsed in virtual time, and live, through our own gateway over real sockets, in real time,
against a server that plays the same faults. Wanted: shares of each deployment within 3 percentage points or the
binomial error, success rate within 2 points, fallback counts within 10 % (or their binomial error).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path
from typing import Any

import aiohttp

from bench.processes import free_port, running
from bench.rehearsal import Worker
from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import CooldownPolicy, DeploymentSpec, GroupSpec, RetryPolicy, Strategy
from tests.servers import MASTER_KEY, Console, console

SEED = 11
NAMES = ("first", "second", "third")
LATENCY_MS = (60.0, 90.0, 120.0)
RETRY = {"num_retries": 1, "timeout_s": 5.0}
COOLDOWN = {"cooldown_time_s": 3.0, "allowed_fails": 2}


@dataclass(frozen=True)
class Case:
    """A group, its faults and its traffic."""

    name: str
    strategy: Strategy
    faults: list[dict[str, Any]]
    workload: Workload
    retry: dict[str, Any] = field(default_factory=lambda: RETRY)
    cooldown: dict[str, Any] = field(default_factory=lambda: COOLDOWN)


def fault(kind: str, target: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "target": target, **fields}


STEADY = Workload(kind="poisson", num_requests=600, rate_per_s=40, input_tokens=100, output_tokens=20)
BUSY = Workload(kind="closed", num_requests=600, concurrency=6, input_tokens=100, output_tokens=20)
CASES = [
    Case(
        "ordered, 15 % errors",
        Strategy.PRIORITY_FAILOVER,
        [fault("server_error", "*", probability=0.15)],
        STEADY,
        retry={"num_retries": 0, "timeout_s": 5.0},
        cooldown={"cooldown_time_s": 0},
    ),
    Case(
        "weighted, an outage",
        Strategy.WEIGHTED,
        [fault("outage", "primary", from_s=4, until_s=9)],
        STEADY,
    ),
    Case("least busy", Strategy.LEAST_BUSY, [fault("slow", "second", factor=3)], BUSY),
    Case(
        "latency based",
        Strategy.LATENCY_BASED,
        # Well apart: between two similar ones, LiteLLM's choice depends on single samples.
        [fault("slow", "first", factor=4), fault("slow", "third", factor=3)],
        BUSY,
    ),
    Case(
        "rate limited, Retry-After",
        Strategy.PRIORITY_FAILOVER,
        [fault("rate_limit", "primary", probability=0.2, retry_after_s=2)],
        STEADY,
        cooldown={},
    ),
    Case("everything down", Strategy.PRIORITY_FAILOVER, [fault("outage", "*")], replace(STEADY, num_requests=200)),
]


@dataclass(frozen=True)
class Outcome:
    """The result of one run: answered requests by deployment, successes and requests that fell back, of `total`."""

    total: int
    served: dict[str, int]
    successes: int
    fallbacks: int

    def share(self, name: str) -> float:
        return self.served.get(name, 0) / max(1, self.successes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.fidelity", description=__doc__)
    parser.add_argument("--case", help="only the cases whose name contains this")
    wanted = parser.parse_args().case or ""
    worker = Worker()
    try:
        with tempfile.TemporaryDirectory(prefix="rc-fidelity-") as name, _stage(Path(name)) as (ours, upstream):
            verdicts = [_run(case, ours, upstream, worker) for case in CASES if wanted in case.name]
    finally:
        worker.stop()
    print(f"{sum(verdicts)} of {len(verdicts)} cases are faithful")
    sys.exit(0 if all(verdicts) else 1)


@contextmanager
def _stage(folder: Path) -> Iterator[tuple[Console, str]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "--no-access-log", "--port", str(port), "bench.faulty_upstream:app"]
    with running(command, ready=url, log=folder / "upstream.log"), console(folder) as ours:
        yield ours, url


def _run(case: Case, ours: Console, upstream: str, worker: Worker) -> bool:
    models = [_model(ours, case, name, upstream) for name in NAMES]
    job = _job(case, models)
    group = _group(ours, case, models)
    rehearsed = _rehearsed(worker, job)
    live = asyncio.run(_live(ours, upstream, group, job))
    return _compare(case, models, rehearsed, live)


def _model(ours: Console, case: Case, name: str, upstream: str) -> str:
    slug = _slug(case, name)
    return ours.add_model(provider=slug, api_base=f"{upstream}/{slug}/v1", model=slug)


def _slug(case: Case, name: str) -> str:
    """The upstream's name, and address, of a deployment."""
    return "".join(c for c in f"{case.name} {name}".replace("%", "percent").lower() if c.isalnum())


def _group(ours: Console, case: Case, models: list[str]) -> str:
    name = "".join(c if c.isalnum() else "-" for c in case.name)
    rows = [
        {"model_id": m, "priority": n, "weight": w}
        for n, (m, w) in enumerate(zip(models, (70, 20, 10), strict=True), 1)
    ]
    config = {"routing_strategy": case.strategy.value, "deployments": rows}
    ours.add_group(name, models, **config, retry_config=case.retry, cooldown_config=case.cooldown)
    return name


def _job(case: Case, models: list[str]) -> Job:
    rows = tuple(
        DeploymentSpec(model, name, name, "openai", _slug(case, name), priority=n, weight=w)
        for n, (model, name, w) in enumerate(zip(models, NAMES, (70, 20, 10), strict=True), start=1)
    )
    retry, cooldown = RetryPolicy(**case.retry), CooldownPolicy(**case.cooldown)
    spec = GroupSpec("fidelity", "fidelity", case.strategy, rows, retry=retry, cooldown=cooldown)
    targets = dict(zip(NAMES, models, strict=True))
    faults = [{**f, "target": targets.get(f["target"], f["target"])} for f in case.faults]
    scenario = parse_scenario({"name": case.name, "faults": faults}, failure_rates=None, spec=spec)
    profiles = {m: Profile(ms, 1e6, 0.2) for m, ms in zip(models, LATENCY_MS, strict=True)}
    return Job((spec,), case.workload, scenario, SEED, profiles)


def _rehearsed(worker: Worker, job: Job) -> Outcome:
    result = worker.result_of(job)
    served = {row["deployment_id"]: row["success_count"] for row in result["traffic_distribution"]}
    return Outcome(result["total_requests"], served, result["successful_requests"], result["fallback_count"])


async def _live(ours: Console, upstream: str, group: str, job: Job) -> Outcome:
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(ours.url, headers=headers, connector=connector) as client:
        await _tell(upstream, job)
        calls = await _send(client, group, job.workload)
        await asyncio.sleep(1)  # the last batch of the recorder
        depths = await asyncio.gather(*(_depth(client, call_id) for call_id, _ in calls))
    served = Counter(model for _, model in calls if model)
    return Outcome(len(calls), dict(served), served.total(), sum(depth > 0 for depth in depths))


async def _tell(upstream: str, job: Job) -> None:
    """Gives the upstream its faults and starts its clock."""
    url = f"{upstream}/job"
    async with aiohttp.ClientSession() as client, client.put(url, data=json.dumps(job.to_json())) as answer:
        answer.raise_for_status()


async def _send(client: aiohttp.ClientSession, group: str, workload: Workload) -> list[tuple[str, str | None]]:
    """The ids of all calls, each with the deployment that answered it."""
    arrivals = workload.schedule(random.Random(f"{SEED}:workload"))
    if workload.kind != "closed":
        return await _send_on_time(client, group, arrivals)
    calls: list[tuple[str, str | None]] = []

    async def one_client() -> None:
        for arrival in arrivals:
            calls.append(await _ask(client, group, arrival))

    await asyncio.gather(*(one_client() for _ in range(workload.concurrency)))
    return calls


async def _send_on_time(
    client: aiohttp.ClientSession, group: str, arrivals: Iterator[Arrival]
) -> list[tuple[str, str | None]]:
    began, tasks = time.monotonic(), []
    for arrival in arrivals:
        await asyncio.sleep(max(0.0, arrival.at_s - (time.monotonic() - began)))
        tasks.append(asyncio.create_task(_ask(client, group, arrival)))
    return await asyncio.gather(*tasks)


async def _ask(client: aiohttp.ClientSession, group: str, arrival: Arrival) -> tuple[str, str | None]:
    user = f"{arrival.input_tokens},{arrival.output_tokens}"
    body = {"model": group, "user": user, "messages": [{"role": "user", "content": "hi"}]}
    async with client.post("/v1/chat/completions", json=body) as answer:
        await answer.read()
        is_success = answer.status == 200
        return answer.headers["x-litellm-call-id"], answer.headers["x-litellm-model-id"] if is_success else None


async def _depth(client: aiohttp.ClientSession, call_id: str) -> int:
    async with client.get(f"/v1/requests/{call_id}/attempts") as answer:
        attempts = (await answer.json())["attempts"]
    return max((a["fallback_depth"] for a in attempts), default=0)


def _compare(case: Case, models: list[str], rehearsed: Outcome, live: Outcome) -> bool:
    print(f"\n{case.name}\n{'':16}{'rehearsed':>12}{'live':>12}{'allowed':>12}")
    checks = [_share_row(name, model, rehearsed, live) for name, model in zip(NAMES, models, strict=True)]
    checks.append(_row("success rate", rehearsed.successes / rehearsed.total, live.successes / live.total, 0.02))
    spread = 2 * sqrt(2 * max(rehearsed.fallbacks, 1))
    allowed = max(0.1 * rehearsed.fallbacks, spread)
    checks.append(_row("fallbacks", rehearsed.fallbacks, live.fallbacks, allowed))
    return all(checks)


def _share_row(name: str, model: str, rehearsed: Outcome, live: Outcome) -> bool:
    p, n = rehearsed.share(model), max(1, min(rehearsed.successes, live.successes))
    return _row(f"share {name}", p, live.share(model), max(0.03, 2 * sqrt(2 * p * (1 - p) / n)))


def _row(what: str, rehearsed: float, live: float, allowed: float) -> bool:
    is_fine = abs(rehearsed - live) <= allowed
    form = "{:>12.3f}" if isinstance(rehearsed, float) else "{:>12}"
    numbers = form.format(rehearsed) + form.format(live) + f"{allowed:>12.3f}"
    print(f"{what:16}{numbers}{'' if is_fine else '   NOT MET'}")
    return is_fine


if __name__ == "__main__":
    main()
