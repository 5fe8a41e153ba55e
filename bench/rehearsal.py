"""`make bench NAME=rehearsal`: a rehearsal's cost, beside LiteLLM's Router and the recipe it was first described with.

`plain` routes whole answers through three healthy deployments; `hard` routes streams, with limits for the first token
and for silence, through three tiers and a fallback group, of which the first breaks streams: by its own fault, or by
taking too long. Each with its traces and without. `LiteLLM's Router` is the same group with `router: "litellm"`, in
virtual time. The recipe: one LiteLLM router, `asyncio.gather` under a semaphore, a CustomLogger that collects traces,
and `mock_response`; latencies as real sleeps. CPU is that of the process that runs it, with the JSON lines that it
writes; memory is its peak. Read the ratios, not the absolutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from bench.processes import cpu_s
from engine.faults.scenarios import SCENARIOS
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Workload
from engine.spec import DeploymentSpec, FallbackPolicy, GroupSpec, RetryPolicy, Router, Strategy

LATENCIES_MS = {"a": 150.0, "b": 235.0, "c": 320.0}
WANTED = 5.0
WANTED_FIRST_FRAME_S = 0.3
# Requests per CPU second, without traces and with.
WANTED_PER_CPU_S = {False: 50_000, True: 30_000}
SEED = 7


@dataclass(frozen=True)
class Measured:
    """One run: wall and CPU seconds, seconds to the first frame, peak memory in MB."""

    requests: int
    wall_s: float
    cpu_s: float
    first_frame_s: float
    memory_mb: float

    @property
    def per_cpu_s(self) -> float:
        return self.requests / self.cpu_s


class Worker:
    """A warm worker process."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "engine.rehearsal.worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._read() == {"type": "ready"}

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self.process.stdout.readline()))

    def measure(self, job: Job, times: int = 1) -> Measured:
        """The mean of so many runs; one of 1,000 requests has few of the ticks that CPU is counted in."""
        runs = [self._measured(job) for _ in range(times)]
        wall, used, first = (
            sum(column) / times for column in zip(*((r.wall_s, r.cpu_s, r.first_frame_s) for r in runs), strict=True)
        )
        return Measured(job.workload.num_requests, wall, used, first, runs[-1].memory_mb)

    def _measured(self, job: Job) -> Measured:
        requests = job.workload.num_requests
        began, cpu = time.perf_counter(), cpu_s(self.process.pid)
        self._start(job)
        first_s = 0.0
        while (message := self._read())["type"] not in ("done", "failed"):
            first_s = first_s or time.perf_counter() - began
        assert message["type"] == "done", message
        assert message["result"]["total_requests"] == requests
        wall, used = time.perf_counter() - began, cpu_s(self.process.pid) - cpu
        return Measured(requests, wall, used, first_s, memory_mb(self.process.pid, "VmHWM"))

    def result_of(self, job: Job) -> dict[str, Any]:
        """The result of one job."""
        self._start(job)
        while (message := self._read())["type"] not in ("done", "failed"):
            pass
        assert message["type"] == "done", message
        return dict(message["result"])

    def _start(self, job: Job) -> None:
        self.process.stdin.write(json.dumps({"run": job.to_json()}).encode() + b"\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


@contextmanager
def warm(job: Job) -> Iterator[Worker]:
    """A worker that has run such a job."""
    worker = Worker()
    try:
        worker.result_of(job)
        yield worker
    finally:
        worker.stop()


def plain(requests: int) -> Job:
    """Three healthy deployments."""
    rows = tuple(DeploymentSpec(name, name, name, "openai", "gpt-4o", priority=1) for name in LATENCIES_MS)
    spec = GroupSpec("bench", "bench", Strategy.SIMPLE_SHUFFLE, rows)
    workload = Workload(kind="closed", num_requests=requests, concurrency=10)
    return Job((spec,), workload, SCENARIOS["healthy"], SEED, _profiles(1e6, 0.1))


def hard(requests: int) -> Job:
    """Streams with limits, through tiers and a fallback group."""
    rows = tuple(
        DeploymentSpec(
            *(name, name, name, "openai", "gpt-4o"),
            priority=tier,
            weight=tier,
            input_cost_per_token_usd=1e-6,
            output_cost_per_token_usd=2e-6,
        )
        for tier, name in enumerate(LATENCIES_MS, start=1)
    )
    limits = RetryPolicy(1, timeout_s=20, first_token_timeout_s=0.6, stream_idle_timeout_s=5)
    spec = GroupSpec(
        "bench", "bench", Strategy.PRIORITY_FAILOVER, rows[:2], retry=limits, fallback=FallbackPolicy(("behind",))
    )
    behind = GroupSpec("behind", "behind", Strategy.WEIGHTED, rows[2:], retry=limits)
    workload = Workload(kind="closed", num_requests=requests, concurrency=50, is_stream=True)
    profiles = _profiles(200, 0.5)
    return Job((spec, behind), workload, SCENARIOS["broken-streams"], SEED, profiles)


def _profiles(tokens_per_s: float, jitter: float) -> dict[str, Profile]:
    return {name: Profile(ms, tokens_per_s, jitter) for name, ms in LATENCIES_MS.items()}


JOBS = {"plain": plain, "hard": hard}


def through_litellm(job: Job) -> Job:
    """The same, routed by LiteLLM's Router."""
    return replace(job, specs=tuple(replace(spec, router=Router.LITELLM) for spec in job.specs))


def memory_mb(pid: int, of: str = "VmRSS") -> float:
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith(of))
    return int(line.split()[1]) / 1024


def measure_recipe(requests: int) -> Measured:
    """The recipe in a process of its own."""
    command = [sys.executable, "-m", "bench.recipe", str(requests)]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, timeout=300).stdout)
    return Measured(requests, answer["wall_s"], answer["cpu_s"], 0.0, answer["memory_mb"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.rehearsal", description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, help="requests of the largest rehearsal")
    most = parser.parse_args().most
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{'':34}{'requests':>10}{'wall s':>9}{'CPU s':>9}{'req/CPU s':>11}{'first frame ms':>16}{'peak MB':>9}")
    recipe = _row("the first recipe", measure_recipe(1000))
    is_met = _compare(recipe, most)
    sys.exit(0 if is_met else 1)


def _compare(recipe: Measured, most: int) -> bool:
    is_met = True
    for name, job_of in JOBS.items():
        with warm(through_litellm(job_of(100))) as worker:
            theirs = _row(f"{name}, LiteLLM's Router", worker.measure(through_litellm(job_of(1000))))
        for keeps_traces in (True, False):
            job = replace(job_of(1000), keeps_traces=keeps_traces)
            label = f"{name}, {'with' if keeps_traces else 'without'} traces"
            with warm(job) as worker:
                small = _row(label, worker.measure(job, times=10))
                workload = replace(job.workload, num_requests=most)
                large = _row(label, worker.measure(replace(job, workload=workload)))
            is_met &= _verdict(small, large, theirs, WANTED_PER_CPU_S[keeps_traces])
        if name == "plain":
            is_met &= _verdict_on_recipe(small, recipe)
    return is_met


def _row(name: str, row: Measured) -> Measured:
    frame = f"{row.first_frame_s * 1000:.0f}" if row.first_frame_s else "-"
    print(
        f"{name:34}{row.requests:>10}{row.wall_s:>9.2f}{row.cpu_s:>9.2f}{row.per_cpu_s:>11.0f}{frame:>16}"
        f"{row.memory_mb:>9.0f}",
        flush=True,
    )
    return row


def _verdict(small: Measured, large: Measured, theirs: Measured, wanted: int) -> bool:
    is_met = min(small.per_cpu_s, large.per_cpu_s) >= wanted
    print(
        f"  {'met' if is_met else 'NOT MET'}: wanted {wanted:,} requests per CPU second at both sizes; "
        f"{small.per_cpu_s / theirs.per_cpu_s:.0f} times LiteLLM's Router at 1,000"
    )
    return is_met


def _verdict_on_recipe(ours: Measured, recipe: Measured) -> bool:
    ratio, first_s = ours.per_cpu_s / recipe.per_cpu_s, ours.first_frame_s
    is_met = ratio >= WANTED and first_s <= WANTED_FIRST_FRAME_S
    print(
        f"  {'met' if is_met else 'NOT MET'}: wanted {WANTED:g} times the recipe's requests per CPU second, found "
        f"{ratio:.1f}; the first frame within {WANTED_FIRST_FRAME_S * 1000:.0f} ms, found {first_s * 1000:.0f}"
    )
    return is_met


if __name__ == "__main__":
    main()
