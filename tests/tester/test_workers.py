"""One worker process: what it says, and how it is noticed that it says nothing more."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest

from tester.exceptions import RunBroken
from tester.runs.workers import Message, WorkerProcess
from tests.tester.performers import ECHO, EXITS, HANGS, KILLED, NO_TYPE, NONSENSE, performer


@pytest.fixture
def hire() -> Iterator:
    hired: list[WorkerProcess] = []

    def start(program: str) -> WorkerProcess:
        hired.append(performer(program))
        return hired[-1]

    yield start
    for worker in hired:
        worker.kill()


def first(worker: WorkerProcess, deadline_s: float = 20, *, of: str = "") -> Message:
    """The first message that comes, of this type; without one, of any but that it is ready."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        for message in worker.receive(0.1):
            if message["type"] == of or (not of and message["type"] != "ready"):
                return message
    raise AssertionError("nothing came")


def test_a_job_may_be_handed_over_before_the_worker_is_warm_and_may_be_large(hire):
    worker = hire(ECHO)
    worker.run({"trace": "x" * 3_000_000})
    assert first(worker)["result"]["size"] > 3_000_000
    worker.run({})
    assert first(worker)["result"]["size"] == 2


def test_it_says_that_it_is_ready_which_may_take_as_long_as_silence_is_allowed(hire):
    assert first(hire(HANGS), of="ready") == {"type": "ready"}


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (KILLED, r"was killed \(SIGKILL\)"),
        (EXITS, "exit code 3"),
        (NONSENSE, "an invalid message"),
        (NO_TYPE, "an invalid message"),
        ("import sys; sys.exit('no such module')", "exit code 1"),
    ],
)
def test_its_end_is_explained(hire, program, why):
    worker = hire(program)
    worker.run({})
    with pytest.raises(RunBroken, match=why):
        first(worker)


def test_waiting_ends_when_it_should(hire):
    worker = hire(HANGS)
    started = time.monotonic()
    assert [message for message in worker.receive(0.05) if message["type"] != "ready"] == []
    assert time.monotonic() - started < 20


def test_a_killed_one_is_gone_and_not_usable(hire):
    worker = hire(HANGS)
    assert worker.is_usable
    worker.kill()
    assert not worker.is_usable
    assert not psutil.pid_exists(worker.pid)


def test_it_gets_none_of_our_secrets(hire, monkeypatch):
    monkeypatch.setenv("ROUTING_CONSOLE_MASTER_KEY", "sk-rc-secret-of-a-test")
    worker = hire("import json, os; print(json.dumps({'type': 'done', 'result': dict(os.environ)}), flush=True)")
    environment = first(worker)["result"]
    assert "PATH" in environment
    assert not [name for name in environment if name.startswith(("ROUTING", "DATABASE", "SECRET"))]
