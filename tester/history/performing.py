"""Performs a rehearsal of the past: course after course in workers of the pool, a stored answer after each seed."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from typing import Any

import structlog
from django.db import DatabaseError, connections
from django.utils import timezone

from engine.history.jobs import CourseJob, Subject
from engine.history.rehearsing import Course, simulated_hours
from engine.history.results import answer_of
from tester.exceptions import RunBroken, RunCancelled
from tester.history.planning import HistoryPlan
from tester.models import OPEN, HistoryRun, RunStatus
from tester.runs.conduct import OURS, THREAD, follow, wait_with
from tester.runs.pool import pool
from tester.runs.storage import RowLog
from tester.runs.workers import Message

log = structlog.get_logger(__name__)

# With its waiting for workers. A year takes about ten seconds of a processor for each seed.
LONGEST_S = 3600.0
TOO_LONG = "It was not done within {:g} minutes. Ask for fewer seeds or fewer requests an hour."


class HistoryLog(RowLog):
    """Writes one rehearsal of the past: how far it is, and its answer so far."""

    def __init__(self, run: HistoryRun, hours: int) -> None:
        """`hours` are those that will be simulated in all."""
        super().__init__(run)
        self._hours, self._done, self._current, self._share = hours, 0, 0, 0.0
        self._written = 0.0
        self._ends_at = time.monotonic() + LONGEST_S

    def course(self, hours: int) -> None:
        """The next course begins, which takes so many of them."""
        self._done += self._current
        self._current, self._share = hours, 0.0

    def take(self, message: Message) -> None:
        """How much of the course is done."""
        if message["type"] == "progress":
            self._share = message["share"]

    def tick(self) -> None:
        """Also raises RunBroken when all the time is used up."""
        if time.monotonic() > self._ends_at:
            raise RunBroken(TOO_LONG.format(LONGEST_S / 60))
        super().tick()

    def add(self, answer: dict[str, Any], seeds_done: int) -> None:
        """One more seed is done, and so is its last course: quick ones end between two writes of how far they are."""
        self.course(0)
        self._rows.update(result=answer, seeds_done=seeds_done, heartbeat_at=timezone.now())
        self._write()
        self._looked_at = -math.inf  # somebody may have cancelled it in the meantime

    def finish(self, status: RunStatus, error: str = "") -> None:
        """Writes how it ended."""
        now = timezone.now()
        share = {"progress": 1.0} if status is RunStatus.DONE else {}
        self._rows.filter(status__in=OPEN).update(
            status=status, error=error, finished_at=now, heartbeat_at=now, **share
        )

    def _write(self) -> None:
        share = (self._done + self._share * self._current) / self._hours
        if share > self._written:
            self._written = share
            self._rows.update(progress=share)


class PastRehearsal:
    """A stored rehearsal of the past on its way."""

    def __init__(self, run: HistoryRun, plan: HistoryPlan) -> None:
        self._run, self._plan, self._job = run, plan, plan.job
        self._courses: dict[Subject, list[Course]] = {names: [] for names in plan.job.subjects}
        self._hours = {names: simulated_hours(plan.job, names) for names in self._courses}
        self._record = HistoryLog(run, plan.job.seeds * sum(self._hours.values()))

    def conduct(self, *, only_first: bool = False) -> None:
        """Through all seeds that are left, or only through the next one; blocks. Never raises because it failed."""
        try:
            self._conduct(only_first=only_first)
        except (RunCancelled, KeyboardInterrupt):  # Ctrl-C at a terminal is a cancellation, too
            self._record.finish(RunStatus.CANCELLED)
        except RunBroken as broken:
            self._record.finish(RunStatus.FAILED, str(broken))
        except BaseException as error:
            with suppress(DatabaseError):
                self._record.finish(RunStatus.FAILED, OURS.format(type(error).__name__))
            raise

    def conduct_in_background(self) -> None:
        """Through all seeds that are left, in a thread of its own."""
        threading.Thread(target=self._in_thread, name=f"{THREAD}{self._run.pk}", daemon=False).start()

    def _in_thread(self) -> None:
        try:
            self.conduct()
        except Exception:
            log.exception("a rehearsal of the past broke", run=str(self._run.pk))
        finally:
            connections.close_all()

    def _conduct(self, *, only_first: bool) -> None:
        seeds = self._job.seed_numbers
        for seed in seeds[self._seeds_done :][: 1 if only_first else None]:
            wait_with(self._record)
            for names, found in self._courses.items():
                found.append(self._course(CourseJob(self._job, names, seed)))
            self._record.add({**answer_of(self._job, self._courses), **self._plan.told}, self._seeds_done)
        if self._seeds_done == len(seeds):
            self._record.finish(RunStatus.DONE)

    @property
    def _seeds_done(self) -> int:
        return len(self._courses[self._job.providers])

    def _course(self, job: CourseJob) -> Course:
        """One course; the first seed takes its turn among all others, the other seeds wait for them."""
        is_first = job.seed == self._job.first_seed
        with pool.lend(while_waiting=lambda: wait_with(self._record), is_patient=not is_first) as worker:
            if is_first and job.providers == self._job.providers:
                self._record.begin()
            self._record.course(self._hours[job.providers])
            worker.run(job.to_json())
            outcome = follow(worker, self._record)
        if outcome.status is RunStatus.FAILED:
            raise RunBroken(outcome.error)
        if outcome.status is not RunStatus.DONE or outcome.result is None:
            raise RunCancelled
        return Course.from_json(outcome.result)
