"""Four processes on one real Valkey that share the places of a deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis.asyncio

from engine.core.actions import Ask
from engine.core.journey import Journey
from engine.shared import held_places
from tests.engine.shared.stores import Process, becomes, process, processes
from tests.services import valkey

THREE: dict[str, Any] = {"rows": {"a": {"max_parallel": 3}}}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture
async def url(server: str) -> str:
    """An empty database."""
    client = redis.asyncio.Redis.from_url(server)
    await client.flushall()
    await client.aclose()
    return server


async def enter(one: Process) -> tuple[Journey, Ask] | None:
    """A request that got a place, as the driver asks for it."""
    journey, action = one.begin()
    if not isinstance(action, Ask):
        return None
    if await one.store.enter(action):
        return journey, action
    journey.outrun(action, one.now)
    return None


async def test_four_processes_together_have_as_many_at_once_as_there_are_places(url):
    async with processes(url, 4, **THREE) as found:
        got = await asyncio.gather(*(enter(one) for one in found for _ in range(5)))
        inside = [place for place in got if place is not None]
        assert len(inside) == 3
        for journey, ask in inside:
            journey.left(ask)
        await becomes(lambda: [one.a.in_flight + one.a.away for one in found], [0] * 4)
        inside = []
        async with asyncio.timeout(30):
            while len(inside) < 3:
                got = await asyncio.gather(*(enter(one) for one in found for _ in range(5)))
                inside += [place for place in got if place is not None]
                await asyncio.sleep(0.01)
        assert len(inside) == 3


async def test_a_place_is_kept_as_long_as_its_request_runs(url, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_places, "HELD_MS", 1500)
    monkeypatch.setattr(held_places, "RENEWED_S", 0.1)
    async with processes(url, 2, rows={"a": {"max_parallel": 1}}) as (one, other):
        assert await enter(one) is not None
        await asyncio.sleep(1.8)
        other.a.away = 0
        assert await enter(other) is None


async def test_the_places_of_a_process_that_dies_are_free_soon(url, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_places, "HELD_MS", 300)
    async with process(url, "stays", rows={"a": {"max_parallel": 1}}) as one:
        async with process(url, "dies", rows={"a": {"max_parallel": 1}}) as other:
            assert await enter(other) is not None
        await becomes(lambda: one.a.away, 0)
        await asyncio.sleep(0.4)
        assert await enter(one) is not None


async def test_while_the_store_is_away_each_process_counts_by_itself(url):
    one = Process("redis://127.0.0.1:1/0", "alone", **THREE)
    got = [await enter(one) for _ in range(5)]
    assert len([place for place in got if place is not None]) == 3
