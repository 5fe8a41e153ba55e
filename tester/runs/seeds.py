"""How many seeds a run has, and what is kept of those that follow its own."""

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
# The most requests of all seeds of a run together: those that were asked for, and as many of the default as fit.
# A run on LiteLLM's Router takes about ten times the CPU.
MOST_ASKED_REQUESTS = 1_000_000
MOST_REQUESTS = 300_000
LITELLM_TAKES = 10


def how_many(asked: int | None, job: Job) -> int:
    """The seeds of a job, its own included; raises BadInput. Without a wish as many as fit, up to the setting."""
    if job.is_real:
        if asked not in (None, 1):
            raise BadInput("seeds", "Real requests follow no seed. Leave this out, or set mock to true.")
        return 1
    weight = job.workload.num_requests * (1 if job.spec.router is Router.NATIVE else LITELLM_TAKES)
    if asked is None:
        usual: int = settings.REHEARSAL_SEEDS
        return max(1, min(usual, MOST_SEEDS, MOST_REQUESTS // weight))
    most = max(1, min(MOST_SEEDS, MOST_ASKED_REQUESTS // weight))
    if not 1 <= asked <= most:
        raise BadInput("seeds", f"Give 1 to {most} for this many requests; fewer requests may have more seeds.")
    return asked


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
