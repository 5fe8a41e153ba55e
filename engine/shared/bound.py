"""Which deployment answered each conversation last, in the store of all processes: a key each, which expires."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any

from engine.core.bindings import MOST_CONVERSATIONS, Bindings

# Written at once; more would keep the store from its other commands.
MOST_AT_ONCE = 1000


class SharedBindings:
    """Those of one process and, by `redis`, of all; its errors reach the caller of `bound` and `tell`."""

    def __init__(self, redis: Any, *, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._own = Bindings()
        self._untold: dict[str, tuple[str, float]] = {}

    def remembered(self, conversation: str) -> str:
        """As this process knows it."""
        return self._own.get(conversation, asyncio.get_running_loop().time())

    async def bound(self, conversation: str) -> str:
        """As all processes know it; one round trip, unless this one has not told its own yet."""
        if (untold := self._untold.get(conversation)) is not None:
            return untold[0]
        found = await self._redis.get(self._key(conversation))
        return found.decode() if found else ""

    def bind(self, conversation: str, key: str, ttl_s: float) -> None:
        """Remembered here, and told to the others soon."""
        self._own.put(conversation, key, asyncio.get_running_loop().time() + ttl_s)
        if len(self._untold) < MOST_CONVERSATIONS or conversation in self._untold:
            self._untold[conversation] = key, ttl_s

    async def tell(self) -> None:
        """Writes what is new."""
        while batch := list(islice(self._untold.items(), MOST_AT_ONCE)):
            async with self._redis.pipeline(transaction=False) as commands:
                for conversation, (key, ttl_s) in batch:
                    commands.set(self._key(conversation), key, px=max(1, round(ttl_s * 1000)))
                await commands.execute()
            for conversation, told in batch:
                if self._untold.get(conversation) == told:
                    del self._untold[conversation]

    def _key(self, conversation: str) -> str:
        return f"{self._prefix}:conversation:{conversation}"
