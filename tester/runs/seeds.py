"""How many seeds a run or a comparison has, and what is kept of those that follow the first."""

from __future__ import annotations

import math

from django.conf import settings

from engine.exceptions import BadInput
from engine.rehearsal.jobs import Job
from engine.spec import Router
from tester.models import Run
from tester.runs.storage import RunLog
from tester.runs.workers import Message

MOST_SEEDS = 100
# Of a draft beside its saved group in the builder, which is compared while somebody looks on.
DRAFT_SEEDS = 5
# The most requests of all seeds together: of a run that was asked for so many, and of everything else: a comparison,
# whose answer is waited for, or a run that did not say how many. With LiteLLM's Router a request takes about ten times
# the CPU.
MOST_ASKED_REQUESTS = 1_000_000
MOST_REQUESTS = 300_000
LITELLM_TAKES = 10
TOO_MANY = (
    "{:,} requests with {} seed{} are too many to wait for. Give at most {:,}, or fewer seeds; "
    "manage.py rehearse --against has no such limit."
)


def how_many(asked: int | None, job: Job) -> int:
    """The seeds of a job, its own included; raises BadInput. Without a wish as many as fit, up to the setting."""
    if job.is_real:
        if asked not in (None, 1):
            raise BadInput("seeds", "Real requests follow no seed. Leave this out, or set mock to true.")
        return 1
    work = _work(job)
    if asked is None:
        return _as_many_as_fit(work)
    most = max(1, min(MOST_SEEDS, MOST_ASKED_REQUESTS // work))
    if not 1 <= asked <= most:
        raise BadInput("seeds", f"Give 1 to {most} for this many requests; fewer requests may have more seeds.")
    return asked


def how_many_compared(asked: int | None, a: Job, b: Job, *, is_limited: bool = True) -> int:
    """The seeds of a comparison, whose sides have the same workload; raises BadInput. The same without a wish.

    Only who waits at a terminal has time without a limit.
    """
    work = _work(a) + _work(b)
    seeds = _as_many_as_fit(work) if asked is None else asked
    if is_limited and seeds * work > MOST_REQUESTS:
        count = a.workload.num_requests
        fitting = MOST_REQUESTS * count // (seeds * work)
        raise BadInput("num_requests", TOO_MANY.format(count, seeds, "s" if seeds > 1 else "", fitting))
    return seeds


def usual_seeds() -> int:
    """How many there are where nobody says how many and the requests are few."""
    usual: int = settings.REHEARSAL_SEEDS
    return max(1, min(usual, MOST_SEEDS))


def _as_many_as_fit(work: int) -> int:
    return max(1, min(usual_seeds(), MOST_REQUESTS // work))


def _work(job: Job) -> int:
    """Of one seed, in requests of our own router."""
    return job.workload.num_requests * (1 if job.spec.router is Router.NATIVE else LITELLM_TAKES)


class SeedLog(RunLog):
    """Writes the metrics of the seeds of a run that is done; of their frames nothing is kept."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.measured: list[dict[str, float]] = list(run.measured)

    def take(self, message: Message) -> None:
        """Only the results count."""

    def add(self, metrics: dict[str, float]) -> None:
        """One more seed is done."""
        self.measured.append(metrics)
        self._rows.update(measured=self.measured)
        self._looked_at = -math.inf  # somebody may have cancelled it in the meantime

    def stop(self, error: str) -> None:
        """Says why there are no more."""
        self._rows.update(seeds_error=error)
