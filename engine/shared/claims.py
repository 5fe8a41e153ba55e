"""One probe for all processes: who may ask a deployment, or a provider's key, that comes back.

A claim is a key that lives for a few seconds and is renewed while the probe runs, so that one of a process that dies
ends soon. After the probe it stays for a moment, until all have heard how it ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from engine.core.actions import Ask
from engine.core.breaker import Breaker
from engine.core.state import DEPLOYMENT, KEY

CLAIMED_MS, RENEWED_S, LINGERS_MS = 5000, 1.0, 250
# Who was refused asks again after so long at most: nobody tells that a probe ended without a verdict.
ASKS_AGAIN_S = 1.0
# Claims for ARGV 1 the probe, for ARGV 2 ms; 0, or the ms that another one's claim still lives.
CLAIM = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 0 end
return redis.call('PTTL', KEYS[1])
"""
# Lets a claim of ARGV 1 live for ARGV 2 ms more.
KEEP = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"


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
            if ticket > 0 and not await self._try(name, breaker, ticket):
                return False
        return True

    async def tend(self) -> None:
        """Renews the claims of probes that run, and lets those go that are over."""
        now = asyncio.get_running_loop().time()
        for name, claim in list(self._claims.items()):
            is_over = not claim.breaker.is_probed_by(claim.ticket)
            if is_over or now - claim.renewed_s > RENEWED_S:
                claim.renewed_s = now
                lives_ms = LINGERS_MS if is_over else CLAIMED_MS
                await self._keep(keys=[self._key(name)], args=[self._process, lives_ms])
            if is_over and self._claims.get(name) is claim:
                del self._claims[name]

    async def _try(self, name: str, breaker: Breaker, ticket: int) -> bool:
        left_ms = await self._claim(keys=[self._key(name)], args=[self._process, CLAIMED_MS])
        now = asyncio.get_running_loop().time()
        if left_ms:
            breaker.elsewhere_s = now + min(max(left_ms / 1000, 0.0), ASKS_AGAIN_S)
            return False
        self._claims[name] = ProbeClaim(breaker, ticket, now)
        return True

    def _key(self, name: str) -> str:
        return f"{self._prefix}:probe:{name}"
