"""Simulates a period of the past: the windows around incidents in full, and one sample of quiet time.

Each window is a run of its own (`drivers/simulation.py`) that begins with all breakers closed. Its frames come once an
hour, so what they count belongs to an hour.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.drivers.simulation import simulate
from engine.faults.kinds import Outage
from engine.faults.scenarios import Scenario
from engine.faults.targets import TargetedFault
from engine.history.hours import HOUR_S
from engine.history.jobs import HistoryJob, only
from engine.history.stretches import Stretch
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit, Stopped
from engine.rehearsal.workload import SIZE_SPREAD, Arrival, Workload
from engine.spec import GroupSpec

QUIET_REQUESTS = 2000
# Seeds of windows lie so far apart that no two seeds of a rehearsal share one.
SEED_STEP = 10_000_000
MOST_HOURS = 7 * 24


@dataclass(slots=True)
class Count:
    """Requests that were answered, and that failed; of an hour of a sample they need not be whole."""

    answered: float = 0
    failed: float = 0


@dataclass(slots=True)
class Course:
    """What came of one seed: each struck hour by its number, and the sample for each quiet one.

    `quiet` and its cost, in US dollars, are those of `quiet_hours`; `cost_usd` is that of all struck hours.
    """

    quiet: Count
    quiet_hours: int
    quiet_cost_usd: float
    hours: dict[int, Count] = field(default_factory=dict)
    cost_usd: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, in which each struck hour is `[hour, answered, failed]`."""
        return {
            "quiet": [self.quiet.answered, self.quiet.failed],
            "quiet_hours": self.quiet_hours,
            "quiet_cost_usd": self.quiet_cost_usd,
            "hours": [[hour, count.answered, count.failed] for hour, count in self.hours.items()],
            "cost_usd": self.cost_usd,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Course:
        """The course that `to_json` described."""
        hours = {hour: Count(answered, failed) for hour, answered, failed in data["hours"]}
        return cls(**{**data, "quiet": Count(*data["quiet"]), "hours": hours})


def rehearse(
    job: HistoryJob,
    providers: Sequence[str],
    seed: int,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_share: Callable[[float], None] = lambda share: None,
) -> Course:
    """The whole period with these providers and one seed; raises Stopped.

    `on_share` is told what share of it is done, at most at each of a hundred steps.
    """
    specs = only(job.specs, providers)
    sample, windows = _sample(job), job.windows(providers)
    progress = _Progress(simulated_hours(job, providers), on_share)
    quiet = _Hours(sample, progress)
    _run(_window_job(job, specs, sample, (), seed), quiet, should_stop)
    total = Count(sum(c.answered for c in quiet.counts), sum(c.failed for c in quiet.counts))
    course = Course(total, len(sample), quiet.cost_usd)
    for window in windows:
        counted = _Hours(window, progress)
        faults = tuple(_faults(job, providers, window))
        _run(_window_job(job, specs, window, faults, seed), counted, should_stop)
        course.hours.update(zip(window, counted.counts, strict=True))
        course.cost_usd += counted.cost_usd
    return course


def simulated_hours(job: HistoryJob, providers: Sequence[str]) -> int:
    """How many hours a course takes to simulate, the sample included."""
    return len(_sample(job)) + sum(map(len, job.windows(providers)))


def _sample(job: HistoryJob) -> range:
    return range(min(MOST_HOURS, math.ceil(QUIET_REQUESTS / job.requests_per_hour)))


class _Progress:
    """Counts simulated hours, and tells each percent of them."""

    def __init__(self, hours: int, on_share: Callable[[float], None]) -> None:
        self._hours, self._on_share = hours, on_share
        self._done = self._percent = 0

    def step(self) -> None:
        """One more."""
        self._done = min(self._hours, self._done + 1)
        if (percent := 100 * self._done // self._hours) > self._percent:
            self._percent = percent
            self._on_share(percent / 100)


def _run(job: Job, emit: Emit, should_stop: Callable[[], bool]) -> None:
    if not job.workload.arrivals:
        return
    simulate(job, emit=emit, should_stop=should_stop)
    if should_stop():
        raise Stopped


class _Hours:
    """Counts by hour from the frames of one window, each of which tells what has come so far."""

    def __init__(self, window: range, progress: _Progress) -> None:
        self._progress = progress
        self.counts = [Count() for _ in window]
        self.cost_usd = 0.0
        self._answered = self._failed = 0

    def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "frame":
            self._progress.step()
            self._frame(message["at_ms"] / 1000, message["requests"])
        elif "result" in message:
            self.cost_usd = message["result"]["cost_usd"]

    def _frame(self, at_s: float, requests: dict[str, int]) -> None:
        # The frame at an hour's end tells of that hour; those who were still waiting at the end are of the last.
        count = self.counts[min(len(self.counts), max(1, math.ceil(at_s / HOUR_S))) - 1]
        count.answered += requests["succeeded"] - self._answered
        count.failed += requests["failed"] - self._failed
        self._answered, self._failed = requests["succeeded"], requests["failed"]


def _window_job(
    job: HistoryJob, specs: tuple[GroupSpec, ...], window: range, faults: tuple[TargetedFault, ...], seed: int
) -> Job:
    arrivals = tuple(_arrivals(job, window, seed))
    workload = Workload(kind="trace", num_requests=len(arrivals), arrivals=arrivals, is_stream=job.is_stream)
    return Job(
        specs=specs,
        workload=workload,
        scenario=Scenario("history", "What happened in the past.", faults),
        seed=seed * SEED_STEP + _hour_of(job, window.start),
        frame_every_s=HOUR_S,
        deadline_s=job.deadline_s,
        keeps_traces=False,
    )


def _hour_of(job: HistoryJob, number: int) -> int:
    """The hour since 1970, so that a window draws the same numbers in any period that has it."""
    return int((job.starts + timedelta(hours=number)).timestamp() // HOUR_S)


def _arrivals(job: HistoryJob, window: range, seed: int) -> Iterator[Arrival]:
    """The requests of these hours. Each hour draws its own, so that they are the same in any window that has it."""
    for place, number in enumerate(window):
        rng = random.Random(f"{seed}:hour:{_hour_of(job, number)}")  # noqa: S311  # no secret is drawn from it
        for at_s in sorted(rng.random() for _ in range(job.requests_per_hour)):
            read, written = SIZE_SPREAD.draw_two(rng)
            sizes = max(1, round(job.input_tokens * read)), max(1, round(job.output_tokens * written))
            yield Arrival((place + at_s) * HOUR_S, *sizes)


def _faults(job: HistoryJob, providers: Sequence[str], window: range) -> Iterator[TargetedFault]:
    """The stretches that reach into the window, at each provider that has the service."""
    zero_s, ends_s = window.start * HOUR_S, window.stop * HOUR_S
    for provider in providers:
        for one in job.stretches.get(job.services.get(provider, ""), ()):
            if one.from_s < ends_s and one.until_s > zero_s:
                yield _fault(provider, one, zero_s)


def _fault(provider: str, one: Stretch, zero_s: float) -> TargetedFault:
    from_s, until_s = max(0.0, one.from_s - zero_s), one.until_s - zero_s
    return TargetedFault(Outage(), f"provider:{provider}", one.share, from_s, until_s)
