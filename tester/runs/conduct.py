"""One run from start to end, in the caller's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from django.conf import settings
from django.db import DatabaseError, connections

from engine.rehearsal.ranges import jobs_of, metrics_of
from tester.exceptions import RunBroken, RunCancelled
from tester.models import Run, RunStatus
from tester.runs import storage
from tester.runs.pool import pool
from tester.runs.seeds import SeedLog
from tester.runs.storage import OnFrame, RowLog, RunLog
from tester.runs.workers import Message
from usage.metrics.summing import rehearsing

if TYPE_CHECKING:
    from engine.rehearsal.jobs import Job  # not at run time: LiteLLM takes seconds to import

log = structlog.get_logger(__name__)

THREAD = "run-"
# So many runs of this server may wait with their other seeds; each has a thread of its own.
MOST_WITH_SEEDS = 50
TOO_MANY = "Too many rehearsals were under way to rehearse its other seeds, too. Start it again."
LISTEN_S = 0.1
CANCEL_WITHIN_S = 1.0
STOP_WITHIN_S = 5.0
# A process without output is still importing: for seconds, or minutes on a busy machine.
STARTS_WITHIN = 5
OURS = "Something in the rehearsal itself went wrong: {}. The server's log has the details."


OnResult = Callable[[dict[str, Any]], None]
_room_for_seeds = threading.BoundedSemaphore(MOST_WITH_SEEDS)


class Performer(Protocol):
    """Performs a job: a worker process, or a thread with real requests. It is warm once it has started."""

    is_warm: bool

    def receive(self, timeout_s: float) -> list[Message]: ...
    def cancel(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The outcome of a run: a whole result, a partial one if it was cancelled, or an error for people."""

    status: RunStatus
    result: dict[str, Any] | None = None
    error: str = ""


def conduct(run: Run, job: Job, *, on_frame: OnFrame | None = None) -> RunOutcome:
    """Performs a stored run to its end; blocks. Never raises because of a failed run."""
    record = RunLog(run, on_frame)
    try:
        with rehearsing() as said:
            outcome = _performed(run, job, record)
            said.append(str(outcome.status))
        record.finish(outcome.status, result=outcome.result, error=outcome.error)
    except BaseException as error:
        with suppress(DatabaseError):
            record.finish(RunStatus.FAILED, result=None, error=OURS.format(type(error).__name__))
        raise
    return outcome


def measure_seeds(run: Run, job: Job, *, on_result: OnResult | None = None) -> None:
    """Rehearses a run that is done under its other seeds, one after the other, behind all other runs; blocks.

    Stops when the run is cancelled or deleted. Never raises because of a failed seed.
    """
    run.refresh_from_db(fields=["measured"])
    record = SeedLog(run)
    try:
        for one in jobs_of(job, run.seeds)[len(record.measured) :]:
            wait_with(record)
            result = _result_of_seed(one, record)
            record.add(metrics_of(result))
            if on_result is not None:
                on_result(result)
    except (RunCancelled, KeyboardInterrupt):
        record.stop("They were cancelled.")
    except RunBroken as broken:
        record.stop(str(broken))


def measure_in_background(run: Run, job: Job) -> None:
    """The same in a thread of its own, if there are other seeds."""
    if run.seeds > 1:
        threading.Thread(target=_measure_in_thread, args=(run, job), name=f"{THREAD}{run.pk}", daemon=False).start()


def _measure_in_thread(run: Run, job: Job) -> None:
    try:
        _measure_in_turn(run, job)
    except Exception:
        log.exception("the seeds of a run broke", run=str(run.pk))
    finally:
        connections.close_all()


def _measure_in_turn(run: Run, job: Job) -> None:
    if not _room_for_seeds.acquire(blocking=False):
        SeedLog(run).stop(TOO_MANY)
        return
    try:
        measure_seeds(run, job)
    finally:
        _room_for_seeds.release()


def _result_of_seed(job: Job, record: SeedLog) -> dict[str, Any]:
    with pool.lend(while_waiting=lambda: wait_with(record), is_patient=True) as worker:
        worker.run(job.to_json())
        outcome = follow(worker, record)
    if outcome.status is RunStatus.FAILED:
        raise RunBroken(outcome.error)
    if outcome.status is not RunStatus.DONE or outcome.result is None:
        raise RunCancelled
    return outcome.result


def conduct_in_background(run: Run, job: Job) -> None:
    """The same in a thread of its own."""
    # Not a daemon: when the server ends, the run notices soon and records it in its row.
    threading.Thread(target=_in_thread, args=(run, job), name=f"{THREAD}{run.pk}", daemon=False).start()


def stop_all() -> None:
    """Ends this server's runs because it is stopping: they record that in their rows. Blocks until then."""
    storage.server_is_ending.set()
    for thread in threading.enumerate():
        if thread.name.startswith(THREAD):
            thread.join(STOP_WITHIN_S)


def _in_thread(run: Run, job: Job) -> None:
    try:
        outcome = conduct(run, job)
        if outcome.status is RunStatus.DONE and run.seeds > 1:
            _measure_in_turn(run, job)
    except Exception:
        log.exception("a run broke", run=str(run.pk))
    finally:
        connections.close_all()


def _performed(run: Run, job: Job, record: RunLog) -> RunOutcome:
    try:
        with _performer(run, job, record) as performer:
            record.begin()
            return follow(performer, record)
    except (RunCancelled, KeyboardInterrupt):  # Ctrl-C at a terminal is a cancellation too
        return RunOutcome(RunStatus.CANCELLED)
    except RunBroken as broken:
        return RunOutcome(RunStatus.FAILED, error=str(broken))


@contextmanager
def _performer(run: Run, job: Job, record: RunLog) -> Iterator[Performer]:
    """A started performer; at the end it is released or killed."""
    if not job.is_real:
        with pool.lend(while_waiting=lambda: wait_with(record)) as worker:
            worker.run(job.to_json())
            yield worker
        return
    from tester.runs.real import RealRun  # imports LiteLLM

    real = RealRun(job, name=str(run.pk))
    real.start()
    try:
        yield real
    except BaseException:
        real.kill()
        raise


def wait_with(record: RowLog) -> None:
    """While there is no worker; raises RunCancelled and RunBroken."""
    record.tick()
    if record.is_cancel_requested:
        raise RunCancelled


def follow(performer: Performer, record: RowLog) -> RunOutcome:
    """Stores the performer's messages until the last one, or until it has to be killed."""
    watch = _Watch(performer, record)
    while True:
        messages = performer.receive(LISTEN_S)
        for message in messages:
            if (outcome := _outcome(message)) is not None:
                return outcome
            record.take(message)
        record.tick()
        if watch.has_lost_patience(heard=bool(messages)):
            performer.kill()
            return RunOutcome(RunStatus.CANCELLED)


class _Watch:
    """Passes a cancellation on, and kills a performer that does not react."""

    def __init__(self, performer: Performer, record: RowLog) -> None:
        self._performer, self._record = performer, record
        self._heard_at = time.monotonic()
        self._cancelled_at: float | None = None

    def has_lost_patience(self, *, heard: bool) -> bool:
        """Whether a cancelled performer has used up its time; raises RunBroken for one without any output."""
        now = time.monotonic()
        self._heard_at = now if heard else self._heard_at
        if self._cancelled_at is None and self._record.is_cancel_requested:
            self._cancelled_at = now
            self._performer.cancel()
        if now - self._heard_at > self._patience_s:
            what = "The rehearsal" if self._performer.is_warm else "The process of the rehearsal did not start and"
            raise RunBroken(f"{what} said nothing for {self._patience_s:g} s and was ended (see REHEARSAL_SILENCE_S).")
        return self._cancelled_at is not None and now - self._cancelled_at > CANCEL_WITHIN_S

    @property
    def _patience_s(self) -> float:
        silence_s: float = settings.REHEARSAL_SILENCE_S
        return silence_s if self._performer.is_warm else STARTS_WITHIN * silence_s


def _outcome(message: Message) -> RunOutcome | None:
    match message["type"]:
        case "done":
            return RunOutcome(RunStatus.DONE, message["result"])
        case "cancelled":
            return RunOutcome(RunStatus.CANCELLED, message["result"])
        case "failed":
            return RunOutcome(RunStatus.FAILED, error=OURS.format(message["error"]))
    return None
