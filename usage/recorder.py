"""Finished request -> row, off the request path: batches, a few times a second, in a thread.

Stopped properly, nothing is lost; killed, at most what finished since the last batch.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, DataError, connections
from django.db.transaction import atomic
from django.utils import timezone

from engine.ledger import Trace
from usage.models import RequestRecord

log = structlog.get_logger(__name__)

FLUSH_INTERVAL_S = 0.25
PURGE_INTERVAL_S = 600.0
BATCH = 500
# What waits for a database that is away; beyond it the oldest go, and the log says so.
PENDING_LIMIT = 100_000
# What an upstream counted or said may fit no column: a number beyond it, text that PostgreSQL refuses.
UNSTORABLE = (DataError, OverflowError, ValueError)


def attempts_of(trace: Trace) -> list[dict[str, object]]:
    """The attempts as the REST API and the table hold them."""
    return [
        {**asdict(attempt), "started_at": datetime.fromtimestamp(attempt.started_at, UTC).isoformat()}
        for attempt in trace.attempts
    ]


class Recorder:
    """The queue between requests and the table, for one process."""

    def __init__(self) -> None:
        self._pending: deque[RequestRecord] = deque()
        self._lock = threading.Lock()
        self._lost = 0

    def put(self, record: RequestRecord) -> None:
        """Keeps a finished request for the next batch; never waits."""
        if len(self._pending) >= PENDING_LIMIT:
            self._pending.popleft()
            self._lost += 1
        self._pending.append(record)

    def find(self, call_id: str) -> RequestRecord | None:
        """A request that is not in the table yet."""
        return next((r for r in tuple(self._pending) if r.call_id == call_id), None)

    async def run(self) -> None:
        """Writes batches and forgets old rows, until cancelled."""
        last_purge = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            if self._pending:
                await asyncio.to_thread(self.flush)
            if loop.time() - last_purge > PURGE_INTERVAL_S:
                last_purge = loop.time()
                await asyncio.to_thread(purge)

    def flush(self) -> None:
        """Writes everything that waits. A row leaves the queue only after it is in the table."""
        if not self._pending and not self._lost:
            return
        with self._lock:
            try:
                while batch := [r for r, _ in zip(tuple(self._pending), range(BATCH), strict=False)]:
                    _write(batch)
                    for _ in batch:
                        self._pending.popleft()
                self._report_lost()
            except DatabaseError as error:
                log.warning("requests not recorded yet", waiting=len(self._pending), error=str(error))
            finally:
                connections.close_all()

    def _report_lost(self) -> None:
        if self._lost:
            log.error("requests lost, the database was away too long", count=self._lost)
            self._lost = 0


@atomic
def _write(batch: Sequence[RequestRecord]) -> None:
    """Writes a batch; without a row that no database takes, which would otherwise hold up all after it for ever."""
    try:
        with atomic():
            RequestRecord.objects.bulk_create(batch, ignore_conflicts=True)
    except UNSTORABLE as error:
        if len(batch) == 1:
            log.error("a request can't be recorded", call_id=batch[0].call_id, error=str(error)[:200])
            return
        for row in batch:
            _write([row])


def purge() -> None:
    """Deletes the records that are older than ATTEMPTS_RETENTION_HOURS."""
    oldest = timezone.now() - timedelta(hours=settings.ATTEMPTS_RETENTION_HOURS)
    try:
        RequestRecord.objects.filter(started_at__lt=oldest).delete()
    except DatabaseError as error:
        log.warning("old requests not deleted", error=str(error))
    finally:
        connections.close_all()


recorder = Recorder()
atexit.register(recorder.flush)
