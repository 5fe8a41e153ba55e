"""Rehearsals of groups that LiteLLM's Router routes: on an event loop in virtual time, which moves the wall clock."""

from __future__ import annotations

import random
from collections.abc import Callable

from engine.drivers.litellm_router import clock
from engine.drivers.litellm_router.router import warm_up
from engine.rehearsal.event_loop import rehearse
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit


def rehearse_in_virtual_time(job: Job, *, emit: Emit, should_stop: Callable[[], bool]) -> None:
    """Runs a job as `rehearsal.rehearse` does. LiteLLM draws from the global random numbers, so these are seeded."""
    warm_up()
    random.seed(job.seed)
    clock.run(rehearse(job, emit=emit, should_stop=should_stop))
