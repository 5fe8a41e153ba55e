"""Requests and tokens a minute of deployments, counted together by all processes, by the clock of the store.

A process takes leases of several requests at once, so that most requests wait for nothing. A lease is at most an eighth
of what is left of the limit, so that near the limit each request is counted by itself; and a process that finds no room
while others hold leases gets back what they have not used. So N a minute serves N, however many processes there are.
Only the unused lease of a process that died is lost, for the rest of its minute.

Tokens are counted when they are known: requests in flight may go over, the next is refused. With a limit of tokens each
request is asked for.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.core.state import Health, Target
from engine.shared.messages import News, packed

LEASE, SHARE = 20, 8
# How long to wait for leases that others give back.
PAUSES_S = (0.005, 0.02, 0.05)
# A count is: its minute, the requests and tokens taken, how many of the requests are leased, and by whom. The lease of
# the caller (ARGV 1) is over: of that in the minute ARGV 2 it gives ARGV 3 back. ARGV 4: tokens used. 5: requests
# wanted. 6, 7: the limits, 0 is none. 8: a lease is at most one such part of what is left. 9, 10: the channel, and what
# is said there when there is no room while others hold leases. The answer: how many it got, the minute, the seconds
# left of it, the tokens, and how many others have leased.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local minute = math.floor(now / 60)
local mine = 'leased:' .. ARGV[1]
local row = redis.call('HMGET', KEYS[1], 'minute', 'requests', 'tokens', 'leased', mine)
if tonumber(row[1]) ~= minute then
  redis.call('DEL', KEYS[1])
  row = {}
end
local requests, tokens, leased = tonumber(row[2] or 0), tonumber(row[3] or 0), tonumber(row[4] or 0)
local held = tonumber(row[5] or 0)
if tonumber(ARGV[2]) == minute then requests = requests - math.min(held, tonumber(ARGV[3])) end
leased = leased - held
tokens = tokens + tonumber(ARGV[4])
local got, rpm, tpm = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if rpm > 0 and got > 0 then
  local left = rpm - requests
  got = math.max(0, math.min(got, left, math.max(1, math.floor(left / tonumber(ARGV[8])))))
end
local has_tokens = tpm == 0 or tokens < tpm
if not has_tokens then got = 0 end
held = math.max(0, got - 1)
redis.call('HSET', KEYS[1], 'minute', minute, 'requests', requests + got, 'tokens', tokens,
  'leased', leased + held, mine, held)
redis.call('EXPIRE', KEYS[1], 120)
if tonumber(ARGV[5]) > 0 and got == 0 and has_tokens and leased > 0 then redis.call('PUBLISH', ARGV[9], ARGV[10]) end
return {got, minute, tostring((minute + 1) * 60 - now), tokens, has_tokens and leased or 0}
"""

Script = Callable[..., Any]


@dataclass(slots=True)
class Count:
    """What this process knows of one deployment's count: its lease, and tokens that it has not told yet.

    `minute` is the store's, `core_minute` that of the core's own count at that time; `failures` are questions that
    nobody answered.
    """

    health: Health
    minute: int = 0
    core_minute: int = -1
    ends_s: float = 0.0
    lease: int = 0
    has_tpm: bool = False
    untold: int = 0
    is_full: bool = False
    failures: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limits:
    """The counts of one process. `script` runs SCRIPT; its errors reach the caller."""

    def __init__(self, process: str, script: Script, *, prefix: str, channel: str, lease: int = LEASE) -> None:
        self._process, self._script, self._lease = process, script, lease
        self._prefix, self._channel = prefix, channel
        self._counts: dict[str, Count] = {}

    async def take(self, target: Target) -> bool:
        """Counts one request; whether there was room."""
        count = self._count(target)
        if _takes_from_lease(count):
            return True
        failures = count.failures
        async with count.lock:
            if _takes_from_lease(count):
                return True
            if count.failures > failures:  # one after another, all would wait for a store that is away
                raise TimeoutError("the store did not answer the request before")
            if count.is_full and _now() < count.ends_s:
                return False
            return await self._lease_more(count, target)

    def used(self, health: Health, tokens: int) -> None:
        """Tokens to tell with the next news, where they are limited."""
        count = self._counts.get(health.key)
        if count is not None and count.has_tpm:
            count.untold += tokens

    async def tell(self) -> None:
        """Tells the tokens that were used."""
        for key, count in list(self._counts.items()):
            if count.untold:
                await self._ask(key, count)

    async def give_back(self, key: str) -> None:
        """What is left of a lease, for others."""
        count = self._counts.get(key)
        if count is None or count.lock.locked():  # a question under way gives it back too
            return
        async with count.lock:
            await self._ask(key, count)

    async def give_all_back(self) -> None:
        """What is left of all leases."""
        for key in [key for key, count in self._counts.items() if count.lease]:
            await self.give_back(key)

    def _count(self, target: Target) -> Count:
        count = self._counts.get(target.key)
        if count is None or count.health is not target.health:
            count = self._counts[target.key] = Count(target.health)
        count.has_tpm = target.tpm is not None
        return count

    async def _lease_more(self, count: Count, target: Target) -> bool:
        want = 1 if target.tpm is not None else self._lease
        got = leased = 0
        for pause_s in (0.0, *PAUSES_S):
            if pause_s:
                await asyncio.sleep(pause_s)
            got, leased = await self._ask(target.key, count, want, target.rpm or 0, target.tpm or 0)
            if got or not leased:
                break
        count.lease, count.is_full = max(0, got - 1), not got
        return bool(got)

    async def _ask(self, key: str, count: Count, want: int = 0, rpm: int = 0, tpm: int = 0) -> tuple[int, int]:
        """What was got, and what others have leased. The lease is over, and the store knows what was used of it."""
        back, count.lease = count.lease, 0
        told, count.untold = count.untold, 0
        asked_s = _now()
        said = packed(News(self._process, wants=key))
        words = (self._process, count.minute, back, told, want, rpm, tpm, SHARE, self._channel, said)
        try:
            answer = await self._script(keys=[f"{self._prefix}:used:{key}"], args=words)
        except BaseException as error:
            count.untold += told
            count.failures += isinstance(error, Exception)
            raise
        got, minute, left_s, tokens, leased = answer
        # A lease must not outlive its minute, and the core's count must not end before it.
        count.ends_s = asked_s + float(left_s)
        _align(count, minute, _now() + float(left_s), tokens)
        return got, leased


def _takes_from_lease(count: Count) -> bool:
    if not count.lease or _now() >= count.ends_s:
        return False
    count.lease -= 1
    return True


def _align(count: Count, minute: int, ends_s: float, tokens: int) -> None:
    """The core's count begins and ends with the store's minute, and has the tokens of all."""
    health = count.health
    if minute != count.minute and health.minute == count.core_minute:
        health.ends_s = -math.inf
    health.roll(_now())
    health.ends_s, count.minute, count.core_minute = ends_s, minute, health.minute
    if count.has_tpm:
        health.tokens = tokens + count.untold


def _now() -> float:
    return asyncio.get_running_loop().time()
