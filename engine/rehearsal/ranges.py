"""How far a result hangs on chance: the same rehearsal under several seeds, and the range of each of its numbers."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import Any, NamedTuple

from engine.outcomes import success_rate
from engine.rehearsal.jobs import Job

Result = Mapping[str, Any]
Perform = Callable[[Job], dict[str, Any]]

SEED_BITS = 32  # safe in browsers, whose integers end at 53 bits
SHARE = "share:"
# Seconds of the run's clock between two frames, where nobody looks at them.
SELDOM_S = 24 * 3600.0
# Numbers that a result has as they are; missing or None where nothing was measured.
AS_THEY_ARE = (
    *("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"),
    *("ttft_p50_ms", "ttft_p95_ms", "ttft_p99_ms"),
    "cost_usd",
)
# Counts of requests, as shares of all requests.
COUNTED = {
    "fallback_share": "fallback_count",
    "rescued_share": "rescued_requests",
    "hedged_share": "hedged_requests",
    "refused_share": "refused_requests",
}
# The same; only results of a workload with clients have them.
COUNTED_OF_CLIENTS = {
    "left_share": "left_requests",
    "repeated_share": "repeated_requests",
}


class Range(NamedTuple):
    """The lowest, the middle and the highest value of a number over several seeds."""

    low: float
    median: float
    high: float


def share_of(deployment_id: str) -> str:
    """The metric of a deployment's share in all answered requests, 0 to 1."""
    return SHARE + deployment_id


def metrics_of(result: Result) -> dict[str, float]:
    """The numbers of one RoutingGroupSimulationResult by name. Shares and rates are 0 to 1.

    What was not measured is left out: latencies where nothing was answered, first tokens where nothing was streamed,
    callers who left or asked again where the workload has no clients.
    """
    total, answered = result["total_requests"], result["successful_requests"]
    found = {
        "success_rate": success_rate(answered, result["failed_requests"]),
        **{name: result.get(name) for name in AS_THEY_ARE},
        **{name: result.get(count, 0) / total if total else None for name, count in COUNTED.items()},
        **{name: result[key] / total for name, key in COUNTED_OF_CLIENTS.items() if total and key in result},
        **_shares(result["traffic_distribution"], answered),
    }
    return {name: round(float(value), 9) for name, value in found.items() if value is not None}


def _shares(traffic: Iterable[Mapping[str, Any]], answered: int) -> dict[str, float | None]:
    return {share_of(row["deployment_id"]): row["success_count"] / answered if answered else None for row in traffic}


def ranges_of(measured: Iterable[Mapping[str, float]]) -> dict[str, Range]:
    """The range of each metric over the seeds that measured it, in the order in which they were first named."""
    values: dict[str, list[float]] = {}
    for metrics in measured:
        for name, value in metrics.items():
            values.setdefault(name, []).append(value)
    return {name: Range(min(found), round(median(found), 9), max(found)) for name, found in values.items()}


def seeds_of(seed: int, count: int) -> list[int]:
    """So many different seeds, the first of which is this one; fewer are the beginning of more."""
    return list(islice(dict.fromkeys(_endless_seeds(seed, count)), count))


def _endless_seeds(seed: int, count: int) -> Iterator[int]:
    rng = random.Random(f"{seed}:seeds")  # noqa: S311  # no secret is drawn from it
    yield seed
    # A few more than are needed, because two may be equal.
    yield from (rng.getrandbits(SEED_BITS) for _ in range(2 * count + 8))


def jobs_of(job: Job, count: int) -> list[Job]:
    """The job under so many seeds, the first of which is its own; only their results are wanted, so they are quiet."""
    return [replace(job, seed=seed, keeps_traces=False, frame_every_s=SELDOM_S) for seed in seeds_of(job.seed, count)]


def results_of(job: Job, count: int, perform: Perform | None = None) -> Iterator[dict[str, Any]]:
    """The results of a job under so many seeds, one after the other, its own first.

    `perform` runs one job to its end and gives its result, in this process unless it says otherwise.
    """
    yield from map(perform or result_of, jobs_of(job, count))


def result_of(job: Job, *, should_stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Runs a mock job in this process and gives its result; a part of it if it was stopped.

    Not in a server where LiteLLM's Router decides: that moves the clock of its process.
    """
    from engine.rehearsal.worker import run  # needed to run a job, not to read numbers

    said: deque[Mapping[str, Any]] = deque(maxlen=1)
    run(job, emit=said.append, should_stop=should_stop)
    return dict(said[0]["result"])
