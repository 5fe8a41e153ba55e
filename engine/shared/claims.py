"""One probe for all processes: who may ask a deployment, or a provider's key, that comes back.

A claim is a key that lives as long as its probe bars others: for a few seconds, renewed while it does, so that one of a
process that dies ends soon. After the probe it stays for a moment, until all have heard how it ended. It is taken from
a probe that has run for a while where nobody else could serve a request.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from engine.core.actions import Ask
from engine.core.breaker import Breaker
from engine.core.probes import Probes
from engine.core.state import DEPLOYMENT, KEY

CLAIMED_MS, RENEWED_S, LINGERS_MS = 5000, 1.0, 250
# Who was refused asks again after so long at most: nobody tells that a probe ended without a verdict.
ASKS_AGAIN_S = 1.0
# Claims for ARGV 1 the probe, for ARGV 2 ms, also from one that is ARGV 3 ms old (below 0: from none). Gives nothing,
# or the ms that another one's claim still lives, and its age in ms.
CLAIM = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'by', 'at')
if held[1] and held[1] ~= ARGV[1] then
  local age, most = now - held[2], tonumber(ARGV[3])
  if most < 0 or age < most then return {redis.call('PTTL', KEYS[1]), age} end
end
redis.call('HSET', KEYS[1], 'by', ARGV[1], 'at', now)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {}
"""
# Lets a claim of ARGV 1 live for ARGV 2 ms more.
KEEP = """
if redis.call('HGET', KEYS[1], 'by') == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""


@dataclass(slots=True)
class ProbeClaim:
    """A probe of this process, and when its claim was last renewed."""

    breaker: Breaker
    ticket: int
    renewed_s: float


class Claims:
    """The probes of one process. `redis` has the scripts; its errors reach the caller."""

    def __init__(self, process: str, redis: Any, *, prefix: str) -> None:
        self._process, self._prefix = process, prefix
        self._claim, self._keep = redis.register_script(CLAIM), redis.register_script(KEEP)
        self._claims: dict[str, ProbeClaim] = {}

    async def claim(self, ask: Ask) -> bool:
        """Whether this attempt may probe what it is a probe of; if not, the breaker knows that another one does."""
        health = ask.target.health
        for name, breaker, ticket in (
            (DEPLOYMENT + health.key, health.breaker, ask.ticket),
            (KEY + health.provider.key, health.provider.breaker, ask.key_ticket),
        ):
            if ticket > 0 and not await self._try(name, breaker, ticket, ask.visit.group.last_s):
                return False
        return True

    async def tend(self) -> None:
        """Renews the claims of probes that run, and lets those go that are over."""
        now = asyncio.get_running_loop().time()
        for name, claim in list(self._claims.items()):
            probes = claim.breaker.probes
            is_over = not probes.has(claim.ticket)
            if is_over or now - claim.renewed_s > RENEWED_S:
                claim.renewed_s = now
                lives_ms = LINGERS_MS if is_over else _lives_ms(probes, now)
                await self._keep(keys=[self._key(name)], args=[self._process, lives_ms])
            if (is_over or now >= probes.bar_until_s()) and self._claims.get(name) is claim:
                del self._claims[name]

    async def _try(self, name: str, breaker: Breaker, ticket: int, last_s: float) -> bool:
        now, probes = asyncio.get_running_loop().time(), breaker.probes
        # Let through although another process's probe is known of: nobody else can serve this request.
        oldest_ms = round(1000 * last_s) if now < probes.elsewhere_s else -1
        held = await self._claim(keys=[self._key(name)], args=[self._process, _lives_ms(probes, now), oldest_ms])
        now = asyncio.get_running_loop().time()
        if held:
            left_ms, age_ms = held
            probes.begun_elsewhere(now, age_ms / 1000, min(max(left_ms / 1000, 0.0), ASKS_AGAIN_S))
            return False
        probes.elsewhere_s = 0.0
        self._claims[name] = ProbeClaim(breaker, ticket, now)
        return True

    def _key(self, name: str) -> str:
        return f"{self._prefix}:probing:{name}"


def _lives_ms(probes: Probes, now: float) -> int:
    """As long as it bars others, or until it is renewed; never for ever, and never for nothing."""
    return max(1, min(CLAIMED_MS, round(1000 * (probes.bar_until_s() - now))))
