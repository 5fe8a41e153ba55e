"""A caller who hangs up ends the work for them; nobody looks at those who are answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from gateway import asgi

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
    serving = asyncio.create_task(asgi._unless_caller_leaves(until_cancelled(log), caller.receive))
    caller.leaves.set()
    await asyncio.wait_for(serving, 5)
    assert (log, caller.seen.is_set(), serving.cancelling()) == (["cancelled"], True, 0)


async def test_a_server_that_stops_cancels_the_work_and_is_not_told_otherwise():
    caller, log = Caller(), list[str]()
    serving = asyncio.create_task(asgi._unless_caller_leaves(until_cancelled(log), caller.receive))
    await asyncio.wait_for(caller.seen.wait(), 5)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(serving, 5)
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
        await asgi._unless_caller_leaves(work(), caller.receive)
    assert asyncio.current_task().cancelling() == 0


async def test_nobody_looks_at_a_caller_who_is_answered_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asgi, "LOOKS_AFTER_S", 60.0)
    caller, tasks = Caller(), asyncio.all_tasks()
    await asgi._unless_caller_leaves(asyncio.sleep(0), caller.receive)
    assert (caller.seen.is_set(), asyncio.all_tasks()) == (False, tasks)
