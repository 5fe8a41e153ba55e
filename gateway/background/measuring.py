"""What this process counted, told to the others of its machine every second; and the port of its own for `/metrics`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import connection

from engine.core.state import DEPLOYMENT
from gateway.background.periodic import run_every
from usage.metrics import declared
from usage.metrics.between_processes import Gauges, SharedSums, Snapshot
from usage.metrics.declared import Metric
from usage.metrics.summing import rehearsals_running, sums
from usage.request_log.recorder import recorder

if TYPE_CHECKING:
    from gateway.live import Live

log = structlog.get_logger(__name__)

TELLS_S = 1.0
# Of several workers one has the port; where it ends, another takes it within this time.
LISTENS_S = 2.0
CLOSED, TRYING, OPEN = 0.0, 1.0, 2.0
Value = tuple[tuple[str, ...], float]


class Measuring:
    """The metrics of one process."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._shared = SharedSums(settings.DATA_DIR / "metrics")
        self._has_joined = False
        self._port: Any = None

    async def run(self) -> None:
        """Tells until cancelled."""
        await run_every(self.tell, every_s=TELLS_S, failing="metrics not shared")

    async def tell(self) -> None:
        """Tells the others what was counted so far; raises OSError where the folder can't be written."""
        await asyncio.to_thread(self._tell, self._snapshot())

    async def text(self, accept: str) -> tuple[str, bytes]:
        """The content type and the metrics of all processes; raises OSError."""
        await self.tell()
        return await asyncio.to_thread(_text, self._shared, accept)

    async def listen(self) -> None:
        """Serves the port of its own, if there is one."""
        if settings.METRICS_PORT:
            await self._listen()
            await run_every(self._listen, every_s=LISTENS_S, failing="no port for metrics")

    async def stop(self) -> None:
        """Tells for the last time, and lets go of the port."""
        if self._port is not None:
            port, self._port = self._port, None
            await asyncio.to_thread(port.shutdown)
            port.server_close()
        try:
            await self.tell()
        except OSError as error:
            log.warning("metrics not shared", error=str(error))
        self._shared.leave()
        self._has_joined = False

    async def _listen(self) -> None:
        if self._port is None:
            self._port = await asyncio.to_thread(_serve, self._shared)

    def _tell(self, snapshot: Snapshot) -> None:
        if not self._has_joined:
            self._shared.join()
            self._has_joined = True
        self._shared.tell(snapshot)

    def _snapshot(self) -> Snapshot:
        """On the event loop, which counts."""
        return Snapshot(sums.copy(), self._gauges(), time.time())

    def _gauges(self) -> Gauges:
        live = self._live
        single: dict[Metric, float] = {
            declared.REHEARSING: rehearsals_running(),
            declared.IN_FLIGHT: live.in_flight,
            declared.LOG_QUEUE: recorder.waiting,
            declared.VERSION: live.config.version,
            declared.CONFIG_AGE: max(0.0, time.time() - live.refreshed_s),
        }
        rows = {metric.name: [((), float(value))] for metric, value in single.items()}
        return {**rows, declared.BREAKERS.name: list(_breakers(live)), **_pool()}


def _breakers(live: Live) -> Iterator[Value]:
    """Those that are not closed, and the closed ones of deployments as far as the limit of series allows."""
    found: dict[tuple[str, ...], float] = {}
    for breaker in live.routing.open_breakers():
        name = breaker.deployment.name if breaker.name.startswith(DEPLOYMENT) else ""
        labels, state = (name, breaker.deployment.provider), TRYING if breaker.is_half_open else OPEN
        found[labels] = max(state, found.get(labels, CLOSED))
    for group in live.routing:
        for row in group.spec.deployments:
            if len(found) >= settings.METRICS_MAX_SERIES:
                return iter(found.items())
            found.setdefault((row.name, row.provider), CLOSED)
    return iter(found.items())


def _pool() -> Gauges:
    """The use of PostgreSQL's connections; nothing with SQLite."""
    pool: Any = getattr(connection, "pool", None)
    if pool is None:
        return {}
    said = pool.get_stats()
    idle, size = said.get("pool_available", 0), said.get("pool_size", 0)
    return {
        declared.POOL.name: [(("used",), float(size - idle)), (("idle",), float(idle))],
        declared.POOL_MOST.name: [((), float(said.get("pool_max", 0)))],
        declared.POOL_WAITING.name: [((), float(said.get("requests_waiting", 0)))],
    }


def _text(shared: SharedSums, accept: str) -> tuple[str, bytes]:
    from usage.metrics.exposition import text_of  # only where it is asked for

    return text_of(*shared.read(), now_s=time.time(), accept=accept)


def _serve(shared: SharedSums) -> Any:
    """The server at the port of its own; None while another worker has it."""
    from prometheus_client import start_http_server

    from usage.metrics.exposition import Newest

    try:
        return start_http_server(settings.METRICS_PORT, settings.METRICS_HOST, Newest(shared, time.time))[0]
    except OSError:
        return None
