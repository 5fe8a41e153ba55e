"""Places at deployments that take only so many requests at once, held by all processes together.

A place is a member of a sorted set that lives for a few seconds and is renewed while its request runs, so that those of
a process that dies are free soon.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import Any

from engine.core.actions import Ask

HELD_MS, RENEWED_S = 5000, 1.0
# Takes a place for ARGV 1, of ARGV 2 in all, for ARGV 3 ms; 0 when all are taken.
ENTER = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
# Keeps the places of ARGV 2 and more for ARGV 1 ms more, those that are still there.
KEEP = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[1]), ARGV[n]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""


class HeldPlaces:
    """The places of one process. `redis` has the scripts; its errors reach the caller of `enter` and `tend`."""

    def __init__(self, process: str, redis: Any, *, prefix: str) -> None:
        self._process, self._redis, self._prefix = process, redis, prefix
        self._enter, self._keep = redis.register_script(ENTER), redis.register_script(KEEP)
        self._numbers, self._renewed_s = count(), 0.0
        self._held: dict[str, set[str]] = {}  # by deployment
        self._gone: list[tuple[str, str]] = []

    async def enter(self, ask: Ask) -> bool:
        """Takes a place, which is free again when the attempt ends; whether there was one."""
        target, member = ask.target, f"{self._process}:{next(self._numbers)}"
        if not await self._enter(keys=[self._key(target.key)], args=[member, target.max_parallel or 0, HELD_MS]):
            # Others have more in flight than they have told of yet.
            health = target.health
            health.away = max(health.away, (target.max_parallel or 0) - health.in_flight + 1)
            return False
        self._held.setdefault(target.key, set()).add(member)
        ask.release = partial(self._leave, target.key, member)
        return True

    async def tend(self) -> None:
        """Lets places go whose attempts have ended, and renews the others."""
        now, gone, self._gone = asyncio.get_running_loop().time(), self._gone, []
        for key, member in gone:
            await self._redis.zrem(self._key(key), member)
        if now - self._renewed_s >= RENEWED_S:
            self._renewed_s = now
            for key, members in list(self._held.items()):
                await self._keep(keys=[self._key(key)], args=[HELD_MS, *members])

    def _leave(self, key: str, member: str) -> None:
        members = self._held.get(key, set())
        members.discard(member)
        if not members:
            self._held.pop(key, None)
        self._gone.append((key, member))

    def _key(self, key: str) -> str:
        return f"{self._prefix}:places:{key}"
