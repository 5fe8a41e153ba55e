from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.utils import timezone

from engine.ledger import Attempt, Trace
from tests.fakes import ScriptedUpstream
from tests.servers import console, stop
from usage import recorder as recorder_module
from usage.models import RequestRecord
from usage.recorder import Recorder, attempts_of, purge


@pytest.fixture(autouse=True)
def _keep_the_tests_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder closes its thread's connections; here that thread is the test's own."""
    monkeypatch.setattr(recorder_module.connections, "close_all", lambda: None)


def row(call_id: str, **fields: object) -> RequestRecord:
    defaults = {"model_group": "g", "started_at": timezone.now(), "duration_ms": 1.0, "status": 200}
    return RequestRecord(call_id=call_id, **{**defaults, **fields})


def test_attempts_are_plain_json_in_order():
    trace = Trace("c", "g")
    for name in "ab":
        trace.begin(Attempt(name, name, "P", "g", 1, started_at=0.0))
    first, second = attempts_of(trace)
    assert (first["deployment_id"], second["deployment_id"]) == ("a", "b")
    assert first["started_at"] == "1970-01-01T00:00:00+00:00"


@pytest.mark.django_db
def test_a_request_can_be_found_before_and_after_it_is_written():
    recorder = Recorder()
    recorder.put(row("one"))
    assert recorder.find("one") is not None
    recorder.flush()
    assert recorder.find("one") is None
    assert RequestRecord.objects.filter(pk="one").exists()


@pytest.mark.django_db
def test_more_than_a_batch_is_written_whole():
    recorder = Recorder()
    for n in range(1203):
        recorder.put(row(f"call-{n}"))
    recorder.flush()
    assert RequestRecord.objects.count() == 1203


@pytest.mark.django_db
def test_what_cannot_be_written_waits(monkeypatch: pytest.MonkeyPatch):
    recorder = Recorder()
    recorder.put(row("one"))

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(type(RequestRecord.objects), "bulk_create", away)
        recorder.flush()
    assert recorder.find("one") is not None
    recorder.flush()
    assert RequestRecord.objects.count() == 1


@pytest.mark.django_db
def test_a_row_that_no_database_takes_holds_nothing_up():
    recorder = Recorder()
    for name, tokens in (("before", 1), ("poison", 10**30), ("after", 2)):
        recorder.put(row(name, input_tokens=tokens))
    recorder.flush()
    assert recorder.find("poison") is None
    assert set(RequestRecord.objects.values_list("call_id", flat=True)) == {"before", "after"}


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder_module, "PENDING_LIMIT", 3)
    recorder = Recorder()
    for n in range(5):
        recorder.put(row(str(n)))
    assert [recorder.find(str(n)) is not None for n in range(5)] == [False, False, True, True, True]


@pytest.mark.django_db
def test_old_requests_are_forgotten(settings):
    settings.ATTEMPTS_RETENTION_HOURS = 1
    row("old", started_at=timezone.now() - timedelta(hours=2)).save()
    row("new").save()
    purge()
    assert list(RequestRecord.objects.values_list("call_id", flat=True)) == ["new"]


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_a_server_that_is_stopped_properly_loses_nothing(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)  # the table is read as a file afterwards
    with ScriptedUpstream() as upstream, console(tmp_path, server=server) as ours:
        ours.add_group("g", [ours.add_model(provider="P", api_base=upstream.url)])
        body = {"model": "g", "messages": [{"role": "user", "content": "hi"}]}
        clients = [threading.Thread(target=ours.call, args=("POST", "/v1/chat/completions", body)) for _ in range(40)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        stop(ours.process)
    with sqlite3.connect(tmp_path / "console.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM usage_requestrecord").fetchone() == (40,)
