from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from multiprocessing import Pipe
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.utils import timezone

from access.actions import issue_key
from access.credits import Settlement
from access.keys import COMMAND_LINE
from access.models import Account
from engine.ledger import Attempt, Trace
from tests.servers import ROOT, eventually
from tests.usage.log import Served, log
from usage.models import LatencyCount, RequestRecord, UsageBucket
from usage.request_log import journal, retention, writer_process
from usage.request_log import recorder as recorder_module
from usage.request_log.crash_files import CrashFiles
from usage.request_log.packing import Wire, attempt_of, attempts_of
from usage.request_log.recorder import Recorder
from usage.request_log.retention import purge
from usage.request_log.writer_process import WriterProcess


@pytest.fixture(autouse=True)
def _keep_the_tests_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder closes its thread's connections; here that thread is the test's own."""
    monkeypatch.setattr(connections, "close_all", lambda: None)


def row(call_id: str, **fields: object) -> RequestRecord:
    defaults = {
        "model_group": "g",
        "started_at": timezone.now(),
        "duration_ms": 1.0,
        "status": 200,
        "outcome": "answered",
    }
    return RequestRecord(call_id=call_id, **{**defaults, **fields})


def test_attempts_are_plain_json_in_order():
    trace = Trace("c", "g")
    for name in "ab":
        trace.begin(Attempt(name, name, "P", "g", 1, started_at=0.0))
    first, second = attempts_of(map(attempt_of, trace.attempts))
    assert (first["deployment_id"], second["deployment_id"]) == ("a", "b")
    assert first["started_at"] == "1970-01-01T00:00:00+00:00"


@pytest.mark.django_db
def test_a_request_can_be_found_before_and_after_it_is_written():
    recorder = Recorder()
    recorder.put(Served(row("one")))
    assert recorder.find("one") is not None
    recorder.flush()
    assert recorder.find("one") is None
    assert RequestRecord.objects.filter(pk="one").exists()


@pytest.mark.django_db
def test_more_than_a_batch_is_written_whole():
    recorder = Recorder()
    for n in range(1203):
        recorder.put(Served(row(f"call-{n}")))
    recorder.flush()
    assert RequestRecord.objects.count() == 1203


@pytest.mark.django_db
def test_what_cannot_be_written_waits(monkeypatch: pytest.MonkeyPatch):
    recorder = Recorder()
    recorder.put(Served(row("one")))

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(recorder_module, "write", away)
        recorder.flush()
    assert recorder.find("one") is not None
    recorder.flush()
    assert RequestRecord.objects.count() == 1


async def test_a_fault_of_one_turn_does_not_end_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Nobody awaits the task that writes it: it ended without a word, and rows waited for the end of the process."""
    recorder, turns = Recorder(), list[str]()

    def work() -> None:
        turns.append("")
        raise ValueError

    monkeypatch.setattr(recorder_module, "FLUSH_INTERVAL_S", 0)
    monkeypatch.setattr(recorder, "_files", CrashFiles(tmp_path))
    monkeypatch.setattr(recorder, "_recover", work)
    monkeypatch.setattr(recorder, "_work", work)
    recorder.put(Served(row("one")))
    running = asyncio.create_task(recorder.run())
    while len(turns) < 3:
        assert not running.done()
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.django_db
def test_a_row_that_no_database_takes_holds_nothing_up():
    recorder = Recorder()
    for name, tokens in (("before", 1), ("poison", 10**30), ("after", 2)):
        recorder.put(Served(row(name, input_tokens=tokens)))
    recorder.flush()
    assert recorder.find("poison") is None
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"before", "after"}


@pytest.mark.django_db
def test_a_row_that_makes_no_sense_holds_nothing_up():
    class Senseless(Served):
        def wire(self) -> Wire:
            values, owed = super().wire()
            return (values[0], *["no number"] * (len(values) - 1)), owed

    recorder = Recorder()
    for one in (Served(row("before")), Senseless(row("poison")), Served(row("after"))):
        recorder.put(one)
    recorder.flush()
    assert recorder.waiting == 0
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"before", "after"}


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [TypeError, IntegrityError])
def test_a_row_that_its_sums_cannot_take_holds_nothing_up(monkeypatch: pytest.MonkeyPatch, fault: type[Exception]):
    def add_up(tally: object) -> None:
        if "poison" in str(list(RequestRecord.objects.values_list("call_id", flat=True))):
            raise fault

    monkeypatch.setattr(journal, "add_up", add_up)
    recorder = Recorder()
    for name in ("before", "poison", "after"):
        recorder.put(Served(row(name)))
    recorder.flush()
    assert recorder.waiting == 0
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"before", "after"}


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder_module, "PENDING_LIMIT", 3)
    recorder = Recorder()
    for n in range(5):
        recorder.put(Served(row(str(n))))
    assert [recorder.find(str(n)) is not None for n in range(5)] == [False, False, True, True, True]


@pytest.mark.django_db
def test_the_use_of_a_key_is_noted_now_and_then(charlie, django_assert_max_num_queries):
    key, _ = issue_key(by=COMMAND_LINE, owner=charlie, name="used")
    recorder = Recorder()
    for key_id in (str(key.pk), "", "no id of ours"):
        recorder.put(Served(row(f"by-{key_id}", key_id=key_id)))
        recorder.flush()
    key.refresh_from_db()
    noted = key.last_used_at
    assert timezone.now() - noted < timedelta(minutes=1)
    recorder.put(Served(row("again", key_id=str(key.pk))))
    recorder.flush()
    key.refresh_from_db()
    assert key.last_used_at == noted


@pytest.mark.django_db
def test_a_request_is_charged_as_it_is_written(charlie):
    account = Account.objects.create(user=charlie, is_prepaid=False)
    recorder = Recorder()
    for _ in range(2):
        recorder.put(Served(row("one", input_tokens=10**30), Settlement("one", 7, account.pk)))
    recorder.put(Served(row("two"), Settlement("two", 5, account.pk)))
    recorder.flush()
    account.refresh_from_db()
    assert account.balance_nanousd == -12
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"two"}


@pytest.mark.django_db
def test_a_process_that_cannot_start_is_not_started_again_and_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writer_process, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    recorder, started = Recorder(), Counter[str]()
    monkeypatch.setattr(recorder_module, "WriterProcess", lambda: started.update("n") or WriterProcess())
    for n in range(4):
        recorder.put(Served(row(str(n))))
        recorder._work()
        assert eventually(lambda: recorder._process is None or recorder._process._process.poll() is not None)
    assert (started.total(), RequestRecord.objects.count()) == (1, 4)
    monkeypatch.setattr(recorder, "_next_start", 0.0)
    recorder._work()
    assert started.total() == 2
    recorder.flush()


def test_a_process_that_has_not_begun_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writer_process, "COMMAND", (sys.executable, "-c", "import time; time.sleep(600)"))
    monkeypatch.setattr(writer_process, "END_TIMEOUT_S", 10_000)
    process = WriterProcess()
    process.end()
    assert process._process.returncode == -signal.SIGKILL


@pytest.mark.django_db
def test_a_request_whose_row_cannot_be_made_holds_nothing_up():
    class Broken(Served):
        def wire(self) -> Wire:
            raise AttributeError("gone")

    recorder = Recorder()
    for served in (Served(row("before")), Broken(row("broken")), Served(row("after"))):
        recorder.put(served)
    recorder.flush()
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"before", "after"}


@pytest.mark.django_db
def test_old_requests_are_forgotten_and_old_hours_but_not_days(settings):
    settings.ATTEMPTS_RETENTION_HOURS = 1
    log(row("old", started_at=timezone.now() - timedelta(days=70)), row("new"))
    purge()
    assert list(RequestRecord.objects.values_list("call_id", flat=True)) == ["new"]
    for table in (UsageBucket, LatencyCount):
        assert (table.objects.filter(grain="hour").count(), table.objects.filter(grain="day").count()) == (1, 2)


@pytest.mark.django_db
def test_all_that_is_old_is_forgotten_in_small_parts(settings, monkeypatch):
    settings.ATTEMPTS_RETENTION_HOURS = 1
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 3)
    log(*(row(f"old-{n}", started_at=timezone.now() - timedelta(hours=2)) for n in range(10)))
    purge()
    assert not RequestRecord.objects.exists()


@pytest.mark.slow
def test_the_process_that_writes_the_log_loads_no_server():
    mine, theirs = Pipe()
    command = [sys.executable, "-X", "importtime", *writer_process.COMMAND[1:], str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    theirs.close()
    mine.close()
    _, said = process.communicate(timeout=60)
    loaded = {line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:")}
    assert "usage.request_log.journal" in loaded
    assert not loaded & {"daphne", "uvicorn", "litellm"}


@pytest.mark.parametrize("moment", ["2026-11-30T07:00:00+00:00", "2026-11-30T07:00:00.000250+00:00"])
def test_a_moment_is_written_to_sqlite_as_django_writes_it(moment: str):
    at = datetime.fromisoformat(moment)
    assert journal.as_sqlite_has_it(at) == DatabaseWrapper.ops_class(connection).adapt_datetimefield_value(at)
