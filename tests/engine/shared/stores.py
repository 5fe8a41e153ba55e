"""Processes that share their state, as far as the engine goes: each a store of its own on one real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random
from typing import Any

from engine.core.actions import Ask
from engine.core.breaker import State
from engine.core.journey import Journey
from engine.core.state import Group, Health, RoutingState
from engine.shared.store import StoreLink
from engine.shared.valkey import ValkeyStore
from tests.engine.core import working


class Process:
    """One process: its state, one group `g` over it, and its store, which runs."""

    def __init__(self, url: str, name: str, installation: str = "", **fields: Any) -> None:
        self.state = RoutingState()
        self.group: Group = working.group(*fields.pop("tiers", ("a",)), state=self.state, **fields)
        self.store = ValkeyStore(url, process=name, installation=installation)
        self.store.attach(self.state)

    @property
    def a(self) -> Health:
        return self.state.healths()["a"]

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def is_a(self) -> State:
        """What the breaker of `a` says now."""
        return self.a.breaker.state(self.now)

    def begin(self) -> tuple[Journey, Any]:
        """A request, and the first action of its journey."""
        journey = Journey({"g": self.group}, self.group, Random(1), deadline_s=1e9)
        return journey, journey.begin(self.now)

    async def ask(self) -> bool:
        """Whether one request more is let through, as the driver asks for it; it ends at once."""
        journey, action = self.begin()
        if not isinstance(action, Ask):
            return False
        if not await self.store.take(action):
            journey.refused(action, self.now)
            return False
        journey.answered(action, self.now, 0.0, 0, 0)
        return True


@asynccontextmanager
async def processes(url: str, count: int = 2, **fields: Any) -> AsyncIterator[list[Process]]:
    """So many processes that have met; they stop in the end."""
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(process(url, f"p{number}", **fields)) for number in range(count)]
        yield found


@asynccontextmanager
async def process(url: str, name: str, **fields: Any) -> AsyncIterator[Process]:
    """One process that has met the others."""
    one = Process(url, name, **fields)
    task = asyncio.create_task(one.store.run())
    try:
        async with asyncio.timeout(20):
            await one.store.met()
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def becomes(read: Callable[[], Any], wanted: Any, within_s: float = 10) -> None:
    """Fails unless what is read becomes what is wanted."""
    try:
        async with asyncio.timeout(within_s):
            while read() != wanted:  # noqa: ASYNC110  # it is another task that changes it
                await asyncio.sleep(0.005)
    except TimeoutError:
        assert read() == wanted


async def are_linked(found: list[Process], link: StoreLink) -> None:
    for one in found:
        await becomes(partial(getattr, one.store, "link"), link)


async def all_of(work: list[Awaitable[bool]]) -> int:
    """How many of them are true."""
    return sum(await asyncio.gather(*work))
