"""Writes who owns which stored response, before the caller has the end of the answer.

All processes then know the id as soon as the caller does. While the database is away, answers do not wait for it: the
rows are written when it is back, or lost with the process. Nobody can read a response without a row.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

import structlog
from django.db import DatabaseError, connections

from usage import stored_responses
from usage.models import StoredResponse

log = structlog.get_logger(__name__)

# The longest that an answer waits for the database.
WAITS_S = 2.0
RETRY_S = 1.0
BATCH = 200
PENDING_LIMIT = 10_000


@dataclass(eq=False, slots=True)
class _Pending:
    row: StoredResponse
    items: Sequence[str]
    tried: asyncio.Event = field(default_factory=asyncio.Event)


class Keeper:
    """The queue of one event loop, written by a thread of its own: rows that come together are one transaction."""

    def __init__(self) -> None:
        self._pending: deque[_Pending] = deque(maxlen=PENDING_LIMIT)
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stored-responses")

    async def keep(self, row: StoredResponse, items: Sequence[str]) -> None:
        """Returns when it is written, or when the database does not answer; it is written later then."""
        self._pending.append(mine := _Pending(row, items))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        with suppress(TimeoutError):
            async with asyncio.timeout(WAITS_S):
                await mine.tried.wait()

    async def stop(self) -> None:
        """Writes the rest, if the database takes it at once."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        loop = asyncio.get_running_loop()
        if rest := list(self._pending):
            with suppress(DatabaseError):
                await loop.run_in_executor(self._thread, _write, rest)
        await loop.run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=False)

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := list(islice(self._pending, BATCH)):
            try:
                await loop.run_in_executor(self._thread, _write, batch)
            except DatabaseError as error:
                log.warning("owners of stored responses not written yet", waiting=len(self._pending), error=str(error))
                for one in self._pending:
                    one.tried.set()
                await asyncio.sleep(RETRY_S)
            else:
                for one in batch:
                    one.tried.set()
                    if self._pending and self._pending[0] is one:  # else it was dropped, because there are too many
                        self._pending.popleft()


def _write(batch: Sequence[_Pending]) -> None:
    try:
        stored_responses.keep((one.row, one.items) for one in batch)
    except DatabaseError:
        connections.close_all()
        raise
