"""A caller who hangs up ends the work for them; nobody looks at those who are answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import asgi, pipeline

Event = MutableMapping[str, Any]


class Caller:
    """Hangs up when told to; knows whether somebody looked."""

    def __init__(self) -> None:
        self.leaves, self.seen = asyncio.Event(), asyncio.Event()

    async def receive(self) -> Event:
        self.seen.set()
        await self.leaves.wait()
        return {"type": "http.disconnect"}


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asgi, "LOOKS_AFTER_S", 0.0)


async def until_cancelled(log: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        log.append("cancelled")
        raise


async def test_work_for_a_caller_who_hangs_up_is_cancelled_and_no_error_follows():
    caller, log = Caller(), list[str]()
    serving = asyncio.create_task(asgi._unless_caller_leaves(lambda _: until_cancelled(log), caller.receive))
    caller.leaves.set()
    await asyncio.wait_for(serving, 30)
    assert (log, caller.seen.is_set(), serving.cancelling()) == (["cancelled"], True, 0)


async def test_a_server_that_stops_cancels_the_work_and_is_not_told_otherwise():
    caller, log = Caller(), list[str]()
    serving = asyncio.create_task(asgi._unless_caller_leaves(lambda _: until_cancelled(log), caller.receive))
    await asyncio.wait_for(caller.seen.wait(), 30)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(serving, 30)
    assert log == ["cancelled"]


async def test_work_that_ends_all_the_same_tells_its_error():
    caller = Caller()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise KeyError("mine") from None

    caller.leaves.set()
    with pytest.raises(KeyError, match="mine"):
        await asgi._unless_caller_leaves(lambda _: work(), caller.receive)
    assert asyncio.current_task().cancelling() == 0


async def test_nobody_looks_at_a_caller_who_is_answered_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asgi, "LOOKS_AFTER_S", 60.0)
    caller, tasks = Caller(), asyncio.all_tasks()
    await asgi._unless_caller_leaves(lambda _: asyncio.sleep(0), caller.receive)
    assert (caller.seen.is_set(), asyncio.all_tasks()) == (False, tasks)


async def test_the_last_event_ends_the_body_and_nobody_looks_whether_its_caller_leaves_then(
    monkeypatch: pytest.MonkeyPatch,
):
    async def events(exchange: object) -> AsyncIterator[bytes]:
        yield b"first"
        result.is_complete = True
        yield b"last"

    sent, rested = list[Event](), list[bool]()

    async def send(message: Event) -> None:
        sent.append(message)

    result: Any = SimpleNamespace(is_complete=False)
    watch: Any = SimpleNamespace(rest=lambda: rested.append(True))
    exchange: Any = SimpleNamespace(is_cut=False)
    monkeypatch.setattr(pipeline, "stream", events)
    await asgi._send_events(exchange, result, send, watch)
    assert [(message["body"], message["more_body"]) for message in sent] == [(b"first", True), (b"last", False)]
    assert rested == [True]


async def test_a_stream_that_breaks_ends_with_its_error_and_then_the_body(monkeypatch: pytest.MonkeyPatch):
    async def events(exchange: object) -> AsyncIterator[bytes]:
        yield b"first"
        yield b"error"

    sent = list[Event]()

    async def send(message: Event) -> None:
        sent.append(message)

    monkeypatch.setattr(pipeline, "stream", events)
    nothing: Any = SimpleNamespace(is_complete=False, is_cut=False)
    await asgi._send_events(nothing, nothing, send, nothing)
    assert [(message["body"], message.get("more_body")) for message in sent] == [
        (b"first", True),
        (b"error", True),
        (b"", None),
    ]
