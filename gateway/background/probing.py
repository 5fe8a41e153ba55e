"""Probes providers in the background, each by one process at a time, and raises an alert when one stays down.

A probe bypasses the routers: it is not traffic and does not count in statistics of groups.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog

from engine.probes import asking
from engine.probes.spoken import with_spoken
from gateway.background.periodic import run_every
from providers.health import probe_schedule
from providers.health.probe_schedule import Claim
from usage import alerting
from usage.models import AlertKind

log = structlog.get_logger(__name__)

TICK_S = 5.0


class Prober:
    """The prober of one process. `interval_s` is the interval per provider; 0 switches probing off."""

    def __init__(
        self,
        in_database_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
        *,
        interval_s: float,
        rng: random.Random | None = None,
    ) -> None:
        self._in_database_thread = in_database_thread
        self._interval_s = interval_s
        self._rng = rng or random.Random()  # noqa: S311  # jitter is no secret

    async def run(self) -> None:
        """Probes due providers until cancelled; returns at once when probing is off."""
        if self._interval_s > 0:
            every_s = min(TICK_S, self._interval_s)
            await run_every(self.turn, every_s=every_s, failing="providers not probed")

    async def turn(self) -> None:
        """Probes the providers that are due now, all at once, then settles the alerts."""
        claim = partial(probe_schedule.claim_due, interval_s=self._interval_s, rng=self._rng)
        claims: list[Claim] = await self._in_database_thread(claim)
        for error in await asyncio.gather(*(self._probe(claim) for claim in claims), return_exceptions=True):
            if error is not None:
                log.warning("a provider was not probed", error=str(error))
        await self._in_database_thread(settle_alerts)

    async def _probe(self, claim: Claim) -> None:
        found = claim.finding
        if claim.target is not None:
            found = await asking.probe(claim.target)
            found = await with_spoken(found, claim.target) if claim.asks_dialects else found
        if found is not None:
            again_in = probe_schedule.spread(self._interval_s, self._rng)
            record = partial(probe_schedule.record, provider_id=claim.provider_id, finding=found, again_in=again_in)
            await self._in_database_thread(record)


def settle_alerts() -> None:
    """Keeps an alert for each provider that failed too often in a row, and for no other."""
    alerting.settle([AlertKind.PROVIDER_DOWN])
