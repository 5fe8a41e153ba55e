"""A server that is asked to stop while somebody reads a stream."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from pathlib import Path

import httpx
import pytest

from gateway.background.shutdown import ServerStops, Stopping, ends_with_process
from tests.fakes import Ok, ScriptedUpstream, StalledStream
from tests.servers import MASTER_KEY, becomes, console


async def test_work_that_is_over_in_time_notices_nothing():
    ending = Stopping()
    with ends_with_process(ending):
        pass
    ending.come()
    assert ending.has_come


async def test_what_is_under_way_at_the_end_ends_with_a_word_of_its_own():
    ending = Stopping()
    begun = asyncio.Event()

    async def work() -> str:
        try:
            with ends_with_process(ending):
                begun.set()
                await asyncio.Event().wait()
        except ServerStops:
            await asyncio.sleep(0)  # it is not cancelled any more
            return "told"
        return "unheard"

    task = asyncio.create_task(work())
    await begun.wait()
    ending.come()
    assert await task == "told"


async def test_nothing_begins_after_the_end():
    ending = Stopping()
    ending.come()
    with pytest.raises(ServerStops), ends_with_process(ending):
        pass


async def test_one_that_is_cancelled_by_somebody_else_too_stays_cancelled():
    ending = Stopping()
    begun = asyncio.Event()

    async def work() -> None:
        with ends_with_process(ending):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    ending.come()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_end_waits_for_the_last_request_and_no_longer():
    ending, looks = Stopping(), iter([False, False, True])
    await ending.finish(lambda: next(looks), 1000)
    assert not ending.has_come


async def test_notice_is_over_in_its_time_and_at_once_when_it_is_urgent():
    ending, looks = Stopping(), iter([False, True])
    await ending.give_notice(0)
    await ending.give_notice(1000, is_urgent=lambda: next(looks))
    assert ending.is_near
    assert not ending.has_come


@pytest.mark.once
def test_a_server_that_stops_tells_balancers_first_and_serves_what_they_still_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with ScriptedUpstream() as upstream, console(tmp_path, SHUTDOWN_NOTICE_S="1000") as ours:
        ours.add_group("g", [ours.add_model(provider="P", api_base=upstream.url)])
        assert "connection" not in ours.send("GET", "/readyz").headers
        ours.process.send_signal(signal.SIGTERM)
        becomes(lambda: ours.send("GET", "/readyz").status_code, 503, deadline_s=30)
        assert ours.send("GET", "/readyz").json()["failing"] == {"process": "is stopping"}
        body = {"model": "g", "messages": [{"role": "user", "content": "hi"}]}
        answer = ours.send("POST", "/v1/chat/completions", body)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        ours.process.kill()  # nobody waits for the end of the notice


@pytest.mark.once
@pytest.mark.parametrize(
    ("server", "is_slow"),
    [("uvicorn", False), ("uvicorn", True), ("daphne", False)],
    ids=["uvicorn, ends in time", "uvicorn, does not", "daphne, ends in time"],
)
def test_a_stream_finishes_within_the_grace_or_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, is_slow: bool
):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    grace = "0.5" if is_slow else "60"
    with ScriptedUpstream() as upstream, console(tmp_path, server=server, SHUTDOWN_GRACE_S=grace) as ours:
        settings = {"rescue": "off"}
        ours.add_group("g", [ours.add_model(provider="P", api_base=upstream.url)], settings=settings)
        upstream.script(StalledStream() if is_slow else Ok(pause_s=0.4))
        body = {"model": "g", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        with httpx.stream("POST", f"{ours.url}/v1/chat/completions", json=body, headers=headers, timeout=60) as answer:
            lines = answer.iter_lines()
            assert json.loads(next(lines).removeprefix("data: "))["choices"]
            ours.process.send_signal(signal.SIGTERM)
            last = [line.removeprefix("data: ") for line in lines if line][-1]
        ours.process.wait(60)
    with sqlite3.connect(tmp_path / "console.sqlite3") as database:
        row = database.execute("SELECT status, outcome, error_class FROM usage_requestrecord").fetchone()
    if is_slow:
        assert json.loads(last)["error"]["code"] == "server_stopping"
        assert row == (503, "failed", "server_stopping")
    else:
        assert (last, row) == ("[DONE]", (200, "answered", ""))
