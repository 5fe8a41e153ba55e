"""Asks deployments without traffic for one token, each by one process at a time, so that a dead fallback is found
before the outage.

The request is no traffic: it is in the log with the endpoint `probe` and no group, and only its cost is summed up.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from engine.spec import DeploymentSpec, GroupSpec
from gateway.background.periodic import run_every
from gateway.background.proof_requests import ask_deployment
from usage import alerting
from usage.health import standby_proofs
from usage.health.standby_proofs import DueStandby
from usage.models import AlertKind

if TYPE_CHECKING:
    from gateway.live import Live

log = structlog.get_logger(__name__)

TICK_S = 15.0
Place = tuple[GroupSpec, DeploymentSpec]


@dataclass(slots=True)
class StandbyProver:
    """The prover of one process. `after_s` is how long a deployment may answer nothing; 0 switches it off."""

    live: Live
    after_s: float
    rng: random.Random = field(default_factory=random.Random)
    _version: int = -1

    async def run(self) -> None:
        """Asks due deployments until cancelled; returns at once when it is off."""
        if self.after_s > 0:
            await run_every(self.turn, every_s=min(TICK_S, self.after_s), failing="standbys not proven")

    async def turn(self) -> None:
        """Asks those that are due now, all at once, then settles the alerts."""
        config = self.live.config
        places = places_in(config.specs)
        if config.version != self._version:
            enlist = partial(standby_proofs.enlist, places.keys(), after_s=self.after_s, rng=self.rng)
            await self.live.read(enlist)
            self._version = config.version
        claim = partial(standby_proofs.claim_due, places.keys(), after_s=self.after_s, rng=self.rng)
        due = await self.live.read(claim)
        for error in await asyncio.gather(*(self._prove(one, places) for one in due), return_exceptions=True):
            if error is not None:
                log.warning("a standby was not asked", error=str(error))
        if due:
            await self.live.read(partial(alerting.settle, [AlertKind.STANDBY_DEAD]))

    async def _prove(self, due: DueStandby, places: dict[str, Place]) -> None:
        spec, deployment = places[due.deployment_id]
        result = await ask_deployment(spec, deployment, due, rng=self.rng)
        record = partial(standby_proofs.record, due.deployment_id, result, after_s=self.after_s, rng=self.rng)
        await self.live.read(record)
        if result.error:
            log.warning("a standby did not answer", deployment=deployment.name, group=spec.name, error=result.error)


def places_in(specs: Iterable[GroupSpec]) -> dict[str, Place]:
    """Each deployment of these groups by its id, in the first group by name that has it."""
    found: dict[str, Place] = {}
    for spec in sorted(specs, key=lambda spec: spec.name):
        for deployment in spec.deployments:
            found.setdefault(deployment.deployment_id, (spec, deployment))
    return found
