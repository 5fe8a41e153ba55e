"""`make bench NAME=rehearsal`: a rehearsal's cost, beside the recipe the feature was first described with.

That recipe: one LiteLLM router, `asyncio.gather` under a semaphore, a CustomLogger that collects traces, and
`mock_response`; latencies as real sleeps. CPU is that of the process that runs it. Both route 1,000 requests at
150 to 320 ms and concurrency 10 through three deployments. Read the ratios, not the absolutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from bench.processes import cpu_s
from engine.jobs import Job
from engine.profiles import Profile
from engine.scenarios import SCENARIOS
from engine.spec import DeploymentSpec, GroupSpec, Strategy
from engine.workload import Workload

LATENCIES_MS = {"a": 150.0, "b": 235.0, "c": 320.0}
WANTED = 5.0
WANTED_FIRST_FRAME_S = 0.3
SEED = 7


@dataclass(frozen=True)
class Measured:
    """One run: wall and CPU seconds, seconds to the first frame, resident memory in MB."""

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
        command = [sys.executable, "-m", "engine.worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._read() == {"type": "ready"}

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self.process.stdout.readline()))

    def measure(self, requests: int) -> Measured:
        began, cpu = time.perf_counter(), cpu_s(self.process.pid)
        self._start(job_of(requests))
        first_s = 0.0
        while (message := self._read())["type"] not in ("done", "failed"):
            first_s = first_s or time.perf_counter() - began
        assert message["type"] == "done", message
        assert message["result"]["total_requests"] == requests
        wall, used = time.perf_counter() - began, cpu_s(self.process.pid) - cpu
        return Measured(requests, wall, used, first_s, memory_mb(self.process.pid))

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


def job_of(requests: int) -> Job:
    """The same three deployments, as a rehearsal."""
    rows = tuple(DeploymentSpec(name, name, name, "openai", "gpt-4o", priority=1) for name in LATENCIES_MS)
    spec = GroupSpec("bench", "bench", Strategy.SIMPLE_SHUFFLE, rows)
    profiles = {n: Profile(first_token_ms=ms, tokens_per_s=1e6, jitter=0.1) for n, ms in LATENCIES_MS.items()}
    workload = Workload(kind="closed", num_requests=requests, concurrency=10)
    return Job((spec,), workload, SCENARIOS["healthy"], SEED, profiles)


def memory_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def measure_recipe(requests: int) -> Measured:
    """The recipe in a process of its own."""
    command = [sys.executable, "-m", "bench.recipe", str(requests)]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, timeout=300).stdout)
    return Measured(requests, answer["wall_s"], answer["cpu_s"], 0.0, answer["memory_mb"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.rehearsal", description=__doc__)
    parser.add_argument("--most", type=int, default=100_000, help="requests of the largest rehearsal")
    most = parser.parse_args().most
    recipe = measure_recipe(1000)
    worker = Worker()
    try:
        sizes = [n for n in (1000, 10_000, 100_000) if n <= most]
        ours = [worker.measure(1000), *(worker.measure(n) for n in sizes)][1:]
    finally:
        worker.stop()
    sys.exit(0 if _report(recipe, ours) else 1)


def _report(recipe: Measured, ours: list[Measured]) -> bool:
    print(f"{'':24}{'requests':>10}{'wall s':>10}{'CPU s':>10}{'req/CPU s':>12}{'first frame ms':>16}{'memory MB':>11}")
    for name, row in [("the first recipe", recipe), *(("rehearsal", row) for row in ours)]:
        frame = f"{row.first_frame_s * 1000:.0f}" if row.first_frame_s else "-"
        print(
            f"{name:24}{row.requests:>10}{row.wall_s:>10.2f}{row.cpu_s:>10.2f}{row.per_cpu_s:>12.0f}"
            f"{frame:>16}{row.memory_mb:>11.0f}"
        )
    ratio, first_s = ours[0].per_cpu_s / recipe.per_cpu_s, ours[0].first_frame_s
    is_met = ratio >= WANTED and first_s <= WANTED_FIRST_FRAME_S
    print(
        f"{'met' if is_met else 'NOT MET'}: wanted {WANTED:g} times the recipe's requests per CPU second, "
        f"found {ratio:.1f}; the first frame within {WANTED_FIRST_FRAME_S * 1000:.0f} ms, found {first_s * 1000:.0f}; "
        f"CPU per request at {ours[-1].requests}: {ours[0].per_cpu_s / ours[-1].per_cpu_s:.2f} of that at 1,000"
    )
    return is_met


if __name__ == "__main__":
    main()
