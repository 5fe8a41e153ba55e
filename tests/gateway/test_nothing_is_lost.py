"""A server that ends: what it has served is in the log, summed up, whole or in the middle of an answer."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import Ok, ScriptedUpstream
from tests.pace import within
from tests.servers import MASTER_KEY, Console, becomes, console, console_beside, eventually, stop

pytestmark = pytest.mark.once
URL = "/v1/chat/completions"
HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}


@pytest.fixture(autouse=True)
def _the_tables_are_read_as_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@contextmanager
def serving(folder: Path, server: str = "uvicorn") -> Iterator[tuple[Console, ScriptedUpstream]]:
    """Our server with a group `g` before an upstream."""
    with ScriptedUpstream() as upstream, console(folder, server=server) as ours:
        ours.add_group("g", [ours.add_model(provider="P", api_base=upstream.url)])
        yield ours, upstream


def body(**more: Any) -> dict[str, Any]:
    return {"model": "g", "messages": [{"role": "user", "content": "hi"}], **more}


def ask_many(ours: Console, count: int) -> None:
    clients = [threading.Thread(target=ours.call, args=("POST", "/v1/chat/completions", body())) for _ in range(count)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "console.sqlite3") as database:
        return database.execute(sql).fetchall()


def counts(folder: Path) -> tuple[int, list[tuple[str, int]]]:
    """How many requests the log has, and how many each grain of the sums."""
    sums = rows(folder, "SELECT grain, sum(requests) FROM usage_usagebucket GROUP BY grain ORDER BY grain")
    return rows(folder, "SELECT count(*) FROM usage_requestrecord")[0][0], sums


def in_each_grain(count: int) -> list[tuple[str, int]]:
    return [("day", count), ("hour", count), ("mon", count)]


def writer_of(ours: Console) -> int | None:
    """The process that writes the log of this server; a thread of it has started it."""
    threads = Path(f"/proc/{ours.process.pid}/task").iterdir()
    children = [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]
    return next(
        (pid for pid in children if b"usage.request_log.writer" in Path(f"/proc/{pid}/cmdline").read_bytes()), None
    )


def test_a_server_that_is_killed_loses_no_request_that_was_answered(tmp_path: Path):
    with serving(tmp_path) as (ours, _):
        ask_many(ours, 30)
        for _ in range(10):
            with httpx.stream("POST", ours.url + URL, json=body(stream=True), headers=HEADERS, timeout=60) as answer:
                assert answer.read().endswith(b"data: [DONE]\n\n")
        ours.process.kill()
        ours.process.wait()
        assert len(list((tmp_path / "unwritten").glob("*.rows"))) == 2
        with console_beside(ours, tmp_path):
            becomes(lambda: counts(tmp_path), (40, in_each_grain(40)), deadline_s=60)
            becomes(lambda: len(list((tmp_path / "unwritten").glob("*.rows"))), 2, deadline_s=60)
    assert counts(tmp_path) == (40, in_each_grain(40))
    assert not list((tmp_path / "unwritten").iterdir())


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_a_server_that_is_stopped_properly_loses_nothing(tmp_path: Path, server: str):
    with serving(tmp_path, server) as (ours, _):
        ask_many(ours, 40)
        stop(ours.process)
    assert counts(tmp_path) == (40, in_each_grain(40))


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_nor_a_stream_that_was_under_way(tmp_path: Path, server: str):
    with serving(tmp_path, server) as (ours, upstream):
        upstream.script(Ok(pause_s=0.4))
        with httpx.stream("POST", f"{ours.url}/v1/chat/completions", json=body(stream=True), headers=HEADERS) as answer:
            lines = answer.iter_lines()
            assert json.loads(next(lines).removeprefix("data: "))["choices"]
            stop(ours.process)
    assert counts(tmp_path) == (1, in_each_grain(1))
    assert rows(tmp_path, "SELECT is_stream, provider, model FROM usage_requestrecord") == [(1, "P", "llama")]


def test_one_that_is_killed_loses_the_last_second_at_most(tmp_path: Path):
    with serving(tmp_path) as (ours, _):
        ask_many(ours, 30)
        assert within(1, lambda: counts(tmp_path)[0] == 30)
        ask_many(ours, 5)
        os.kill(ours.process.pid, 9)
        ours.process.wait()
    logged, sums = counts(tmp_path)
    assert 30 <= logged <= 35
    assert sums == in_each_grain(logged)


def test_another_process_takes_over_when_the_one_that_writes_is_killed(tmp_path: Path):
    asked, killed = 0, set[int]()
    with serving(tmp_path) as (ours, _):

        def another() -> int | None:
            """It starts with the next request, a little later if the one before was killed at its start."""
            nonlocal asked
            ask_many(ours, 5)
            asked += 5
            return writer if (writer := writer_of(ours)) not in killed else None

        for _ in range(3):
            writer = eventually(another, deadline_s=30)
            assert writer
            os.kill(writer, 9)
            killed.add(writer)
        another()
        stop(ours.process)
    assert counts(tmp_path) == (asked, in_each_grain(asked))


def test_the_writer_ends_with_a_server_that_is_killed(tmp_path: Path):
    with serving(tmp_path) as (ours, _):
        ask_many(ours, 3)
        assert eventually(lambda: writer_of(ours) is not None, deadline_s=20)
        writer = writer_of(ours)
        os.kill(ours.process.pid, 9)
        ours.process.wait()
        assert eventually(lambda: not Path(f"/proc/{writer}").exists(), deadline_s=20)
    assert counts(tmp_path) == (3, in_each_grain(3))
