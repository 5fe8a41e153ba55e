"""Finished request -> row, off the path of requests: in batches, twice a second, by a separate process.

After a normal stop nothing is lost, and after a kill nothing that was answered: until a row is in the tables, a server
has it on disk too (`crash_files.py`).
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice

import structlog
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone

from usage.metrics.declared import LOG_LOST
from usage.metrics.summing import sums
from usage.models import RequestRecord
from usage.request_log.crash_files import CrashFiles, recover
from usage.request_log.finished import record_of
from usage.request_log.journal import write
from usage.request_log.key_use import KeyUse
from usage.request_log.packing import Packed, Unwritten, Wire, entries_of, entry_of
from usage.request_log.writer_process import WriterGone, WriterProcess

log = structlog.get_logger(__name__)

FLUSH_INTERVAL_S = 0.5
# How often a process looks for what others have left behind.
RECOVER_INTERVAL_S = 30.0
# The pause after a process that did not start; until there is another one, this process writes the log.
RETRY_AFTER_S = 10.0
BATCH = 1000
# The longest queue while the database is away; beyond it the oldest entries are dropped, with a log line.
PENDING_LIMIT = 100_000


class Recorder:
    """The queue between requests and the tables, for one process."""

    def __init__(self) -> None:
        self._pending: deque[Unwritten] = deque()
        self._key_use = KeyUse()
        self._lock = threading.Lock()
        self._lost = 0
        self._process: WriterProcess | None = None
        self._next_start = 0.0
        self._files = CrashFiles(settings.DATA_DIR / "unwritten")

    def put(self, request: Unwritten) -> None:
        """Queues a finished request and its charge for the next batch; never waits."""
        if len(self._pending) >= PENDING_LIMIT:
            self._pending.popleft()
            self._lost += 1
            sums.add(LOG_LOST)
        if not self._files.is_open:
            self._pending.append(request)
            return
        # In this order: what the writer has taken from the queue may be in the files still, but never the other way.
        self._pending.append(packed := Packed(request.call_id, request.wire()))
        self._files.keep(packed.packed)

    def foresee(self, request: Unwritten) -> None:
        """Keeps a request on disk that is about to end; it is queued when it has ended."""
        self._files.keep(request.wire())

    @property
    def is_on_disk(self) -> bool:
        """Whether what is queued is on disk too."""
        return self._files.is_open

    @property
    def waiting(self) -> int:
        """How many are not in the tables yet."""
        return len(self._pending)

    def find(self, call_id: str) -> RequestRecord | None:
        """A queued request that is not in the table yet."""
        return next((record_of(entry_of(r.wire()).request) for r in tuple(self._pending) if r.call_id == call_id), None)

    async def run(self) -> None:
        """Writes batches until cancelled."""
        last_look = 0.0
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="recorder") as thread:
            try:
                await loop.run_in_executor(thread, self._open_files)
                while True:
                    if not last_look or loop.time() - last_look > RECOVER_INTERVAL_S:
                        last_look = loop.time()
                        await loop.run_in_executor(thread, self._lasting, self._recover)
                    await asyncio.sleep(FLUSH_INTERVAL_S)
                    if self._pending:
                        await loop.run_in_executor(thread, self._lasting, self._work)
            finally:
                thread.submit(connections.close_all)

    def _lasting(self, work: Callable[[], None]) -> None:
        """Whatever fails in one turn, there is a next one: nobody else writes what this process has queued."""
        try:
            work()
        except Exception as error:
            log.warning("requests not recorded yet", waiting=len(self._pending), error=type(error).__name__)

    def _open_files(self) -> None:
        try:
            self._files.open()
        except OSError as error:
            log.warning("finished requests are in memory only, a kill would lose them", why=str(error))

    def _recover(self) -> None:
        """Writes what killed processes of this machine have left."""
        oldest = timezone.now() - timedelta(hours=settings.ATTEMPTS_RETENTION_HOURS)
        try:
            if count := recover(self._files.folder, write, oldest_s=oldest.timestamp()):
                log.warning("requests of a process that was killed are in the log now", count=count)
        except (DatabaseError, OSError) as error:
            log.warning("requests of a process that was killed are not recorded yet", error=str(error))
            connections.close_all()

    def _work(self) -> None:
        self._flush()
        # Only now, because a server without requests needs none.
        if self._process is None and time.monotonic() >= self._next_start:
            try:
                self._process = WriterProcess()
            except OSError as error:
                log.warning("no process for the log, it is written here", error=str(error))

    def flush(self) -> None:
        """Writes everything in the queue, and closes the process and the thread's connection."""
        try:
            self._flush()
        finally:
            self._files.close(is_written=not self._pending)
            connections.close_all()
            if self._process:
                self._process.end()
                self._process = None

    def _flush(self) -> None:
        """An entry leaves the queue only after it is in the tables.

        The connection stays open: closing the last one to a SQLite file takes as long as writing the batch.
        """
        if not self._pending and not self._lost:
            return
        with self._lock:
            try:
                self._files.turn()
                while batch := list(islice(self._pending, BATCH)):
                    self._write(list(_wires(batch)))
                    self._forget(batch)
                self._files.forget()
                self._report_lost()
            except DatabaseError as error:
                log.warning("requests not recorded yet", waiting=len(self._pending), error=str(error))
                connections.close_all()

    def _write(self, batch: list[Wire]) -> None:
        """By the process; in this one until it is ready, and after it is gone: rows that it has written are not counted
        twice."""
        try:
            if self._process and self._process.is_ready:
                self._process.write(batch)
                return
        except WriterGone as error:
            log.warning("the process that writes the log is gone, it is written here for the moment", error=str(error))
            self._let_go()
        entries = entries_of(batch)
        write(entries)
        self._key_use.note(entry.request.key_id for entry in entries)

    def _let_go(self) -> None:
        if self._process:
            if not self._process.has_begun:
                self._next_start = time.monotonic() + RETRY_AFTER_S
            self._process.kill()
            self._process = None

    def _forget(self, batch: list[Unwritten]) -> None:
        """Removes written entries from the queue, except those that `put` has dropped in the meantime."""
        written = {id(request) for request in batch}
        while self._pending and id(self._pending[0]) in written:
            self._pending.popleft()

    def _report_lost(self) -> None:
        if self._lost:
            log.error("requests lost, the database was away too long", count=self._lost)
            self._lost = 0


def _wires(batch: Iterable[Unwritten]) -> Iterator[Wire]:
    """The tuples, without any that can't be made, which would otherwise block all later ones for ever."""
    for request in batch:
        try:
            yield request.wire()
        except Exception:
            log.exception("a request can't be recorded", call_id=request.call_id)


recorder = Recorder()
atexit.register(recorder.flush)
