"""The owners of stored responses: written before the answer ends, and without waiting long for a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from access.keys import MASTER
from engine.ledger import Trace
from engine.upstreams.call import Call
from gateway.keeping import keeper, owners
from gateway.keeping.keeper import Keeper
from gateway.live import Live
from gateway.openai import ApiError
from usage import stored_responses
from usage.models import StoredResponse


class Table:
    """What is written, or why not."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.batches = 0
        self.is_away = False

    def keep(self, rows: Any) -> None:
        if self.is_away:
            raise DatabaseError("away")
        self.batches += 1
        self.rows += [row.response_id for row, _ in rows]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    made = Table()
    monkeypatch.setattr(stored_responses, "keep", made.keep)
    return made


async def test_it_is_written_when_keeping_returns(table: Table):
    keeping = Keeper()
    await keeping.keep(StoredResponse(response_id="a"), ())
    assert table.rows == ["a"]
    await keeping.stop()


async def test_what_comes_together_is_written_together(table: Table):
    keeping, names = Keeper(), [str(number) for number in range(50)]
    await asyncio.gather(*(keeping.keep(StoredResponse(response_id=name), ()) for name in names))
    assert (sorted(table.rows), table.batches < 10) == (sorted(names), True)
    await keeping.stop()


async def test_a_database_that_is_away_holds_nobody_up_and_gets_all_when_it_is_back(table: Table, monkeypatch):
    monkeypatch.setattr(keeper, "RETRY_S", 0.01)
    keeping, table.is_away = Keeper(), True
    async with asyncio.timeout(keeper.WAITS_S):
        for name in "abc":
            await keeping.keep(StoredResponse(response_id=name), ())
    table.is_away = False
    await keeping.keep(StoredResponse(response_id="d"), ())
    async with asyncio.timeout(10):
        while len(table.rows) < 4:  # noqa: ASYNC110  # the thread that writes tells nobody
            await asyncio.sleep(0.01)
    assert table.rows == ["a", "b", "c", "d"]
    await keeping.stop()


async def test_what_is_left_is_written_at_the_end(table: Table):
    keeping, table.is_away = Keeper(), True
    await keeping.keep(StoredResponse(response_id="a"), ())
    table.is_away = False
    await keeping.stop()
    assert table.rows == ["a"]


async def _is_away(work: Callable[[], Any]) -> Any:
    raise DatabaseError("away")


async def test_nobody_knows_an_owner_while_the_database_is_away():
    live = Live(_is_away)
    call = Call("responses", {"model": "g", "input": "x", "previous_response_id": "resp_1"}, Trace("c", "g"))
    for asking in (owners.find(live, MASTER, "resp_1"), owners.source_of(live, MASTER, call)):
        with pytest.raises(ApiError) as caught:
            await asking
        assert (caught.value.status, caught.value.code) == (503, "database_away")
        assert dict(caught.value.headers)[b"retry-after"] == b"5"
