"""One run from start to end: stored as it comes, cancelled in time, and never left hanging."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace

import pytest
from django.db import DatabaseError

from tester import actions
from tester.exceptions import RunBroken
from tester.models import Frame, Run, RunStatus, TraceChunk
from tester.run_planning import RunRequest, plan
from tester.runs import conduct as conducting
from tester.runs import storage
from tester.runs.conduct import conduct
from tester.runs.pool import Pool
from tester.runs.storage import RunLog
from tester.runs.workers import Message, WorkerProcess
from tests.pace import Stopwatch
from tests.tester.performers import ECHO, FAILS, HANGS, KILLED, NONSENSE, performer


@pytest.fixture
def start(group, alice):
    """Plans and stores a run of the group; gives it with its job."""

    def make(**asked):
        planned = plan(group, RunRequest(**asked))
        return actions.create_run(by=alice, plan=planned), planned.job

    return make


@pytest.fixture
def workers(monkeypatch):
    """The processes that a pool of one real worker started."""
    started: list[WorkerProcess] = []

    def start() -> WorkerProcess:
        started.append(WorkerProcess())
        return started[-1]

    pool = Pool(lambda: 1, start)
    monkeypatch.setattr(conducting, "pool", pool)
    yield started
    pool.close()


@pytest.fixture
def perform(monkeypatch):
    """Lets a tiny program stand in for the worker; gives the pool of one of it."""
    pools: list[Pool] = []

    def use(program: str) -> Pool:
        pools.append(Pool(lambda: 1, lambda: performer(program)))
        monkeypatch.setattr(conducting, "pool", pools[-1])
        return pools[-1]

    yield use
    for pool in pools:
        pool.close()


def test_a_run_of_100_000_requests_is_cancelled_within_a_second(start, workers):
    run, job = start(num_requests=100_000)
    asked: list[Stopwatch] = []

    def cancel(_) -> None:
        if not asked and TraceChunk.objects.exists():
            Run.objects.update(cancel_requested=True)
            asked.append(Stopwatch())

    outcome = conduct(run, job, on_frame=cancel)
    assert asked[0].elapsed_s < 1
    run.refresh_from_db()
    assert outcome.status == run.status == RunStatus.CANCELLED
    assert 0 < run.result["total_requests"] < 100_000
    assert sum(TraceChunk.objects.values_list("count", flat=True)) == run.result["total_requests"]
    assert len(workers) == 1
    assert conduct(*start(num_requests=10)).status == RunStatus.DONE
    assert len(workers) == 1  # the worker listened and was kept


def test_a_worker_killed_in_mid_run_fails_that_run_alone(start, workers):
    run, job = start(num_requests=100_000)
    outcome = conduct(run, job, on_frame=lambda _: os.kill(workers[0].pid, signal.SIGKILL))
    run.refresh_from_db()
    assert outcome.status == run.status == RunStatus.FAILED
    assert "was killed (SIGKILL)" in run.error
    assert conduct(*start(num_requests=10)).status == RunStatus.DONE
    assert len(workers) == 2


def test_ctrl_c_is_a_cancellation(start, perform):
    perform(HANGS)

    def interrupt(_) -> None:
        raise KeyboardInterrupt

    run, job = start()
    assert conduct(run, job, on_frame=interrupt).status == RunStatus.CANCELLED
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


def test_a_run_that_was_cancelled_in_the_queue_never_starts(start, perform):
    pool = perform(HANGS)
    run, job = start()
    Run.objects.update(cancel_requested=True)
    with pool.lend(while_waiting=lambda: None):
        assert conduct(run, job).status == RunStatus.CANCELLED
    run.refresh_from_db()
    assert (run.status, run.started_at) == (RunStatus.CANCELLED, None)


def test_a_worker_that_does_not_listen_is_ended_after_a_second(start, perform):
    perform(HANGS)
    run, job = start()
    Run.objects.update(cancel_requested=True)
    watch = Stopwatch()
    assert conduct(run, job).status == RunStatus.CANCELLED
    assert watch.elapsed_s < 3


def test_a_worker_that_says_nothing_is_ended(start, perform, settings):
    settings.REHEARSAL_SILENCE_S = 0.3
    perform(HANGS)
    outcome = conduct(*start())
    assert outcome.status == RunStatus.FAILED
    assert "said nothing for" in outcome.error  # 0.3 s, or five times that while it starts


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["", "", "", "", "ready", "", "done"], RunStatus.DONE),
        (["ready", "", "", "done"], None),
        ([""] * 9, None),
    ],
)
def test_a_worker_may_take_longer_to_start_than_it_may_be_silent(start, monkeypatch, settings, words, status):
    settings.REHEARSAL_SILENCE_S = 60
    said, now = iter(words), [0.0]

    class Slow:
        is_warm = False

        def receive(self, timeout_s: float) -> list[Message]:
            now[0] += 40
            word = next(said)
            self.is_warm = self.is_warm or bool(word)
            return [{"type": word, "result": {}}] if word else []

        def cancel(self) -> None: ...

        def kill(self) -> None: ...

    run, _ = start()
    monkeypatch.setattr(conducting, "time", SimpleNamespace(monotonic=lambda: now[0]))
    if status is None:
        with pytest.raises(RunBroken, match="said nothing for"):
            conducting.follow(Slow(), RunLog(run))
    else:
        assert conducting.follow(Slow(), RunLog(run)).status == status


@pytest.mark.parametrize(
    ("program", "why"), [(KILLED, "SIGKILL"), (NONSENSE, "an invalid message"), (FAILS, "KeyError: x")]
)
def test_what_goes_wrong_is_in_the_row(start, perform, program, why):
    perform(program)
    run, job = start()
    assert why in conduct(run, job).error
    run.refresh_from_db()
    assert (run.status, run.result) == (RunStatus.FAILED, None)
    assert why in run.error
    assert run.finished_at is not None


def test_an_error_of_our_own_is_raised_and_ends_the_run(start, perform, monkeypatch):
    perform(ECHO)
    run, job = start()

    def away(_) -> None:
        raise DatabaseError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "begin", away)
        with pytest.raises(DatabaseError):
            conduct(run, job)
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED


def test_the_heart_beats_while_a_run_waits_and_works(start, perform, monkeypatch, settings):
    monkeypatch.setattr(storage, "HEARTBEAT_EVERY_S", 0.05)
    settings.REHEARSAL_SILENCE_S = 0.5
    perform(HANGS)
    run, job = start()
    conduct(run, job)
    before = run.heartbeat_at
    run.refresh_from_db()
    assert run.heartbeat_at > before


def test_a_server_that_ends_says_so_in_the_row(start, perform, monkeypatch):
    perform(HANGS)
    run, job = start()
    monkeypatch.setattr(threading, "main_thread", lambda: threading.Thread())
    assert "server was stopped" in conduct(run, job).error


def test_a_server_that_is_told_to_end_ends_its_runs_first(start, perform, monkeypatch):
    perform(HANGS)
    monkeypatch.setattr(storage, "server_is_ending", threading.Event())
    conducting.stop_all()
    run, job = start()
    assert conduct(run, job).status is RunStatus.FAILED
    run.refresh_from_db()
    assert run.error == "The server was stopped before the run had ended. Start it again."


def frames(count: int) -> list[dict]:
    return [{"type": "frame", "at_ms": n} for n in range(count)]


def test_long_runs_keep_every_second_frame_then_every_fourth_and_always_the_last(group, monkeypatch):
    monkeypatch.setattr(storage, "MOST_FRAMES", 10)
    run = Run.objects.create(group=group, group_name="g", group_revision=1, scenario="s", seed=1, created_by="bob")
    log = RunLog(run)
    for number, frame in enumerate(frames(50)):
        log.take(frame)
        if number % 5 == 0:
            log._write()
    log.finish(RunStatus.DONE, result={}, error="")
    numbers = list(Frame.objects.values_list("n", flat=True))
    assert numbers == [0, 8, 16, 24, 32, 40, 48, 49]
