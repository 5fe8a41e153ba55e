"""Writes a run while it lasts: traces, frames, the heartbeat; and reads requests to cancel it."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

from django.db.models import F, QuerySet
from django.db.transaction import atomic
from django.utils import timezone

from engine.rehearsal.ranges import metrics_of
from tester.exceptions import RunBroken
from tester.models import OPEN, Frame, Rehearsal, Run, RunStatus, TraceChunk
from tester.runs.workers import Message

OnFrame = Callable[[Message], None]

WRITE_EVERY_S = 0.2
LOOK_EVERY_S = 0.25
HEARTBEAT_EVERY_S = 3.0
MOST_FRAMES = 2_000
# Set when this server is asked to stop: not every server reaches the end of its main thread then.
server_is_ending = threading.Event()
ZLIB_LEVEL = 3


class RowLog:
    """Keeps the row of one rehearsal alive. Every loop that waits for it must call `tick`."""

    def __init__(self, row: Rehearsal) -> None:
        self._rows: QuerySet[Any] = type(row)._default_manager.filter(pk=row.pk)
        self._is_cancel_requested = False
        self._wrote_at = self._looked_at = -WRITE_EVERY_S
        self._beat_at = time.monotonic()

    def begin(self) -> None:
        """Records that it has a worker."""
        now = timezone.now()
        self._rows.update(status=RunStatus.RUNNING, started_at=now, heartbeat_at=now)

    def take(self, message: Message) -> None:
        """Keeps a message of the engine for the next write; here nothing."""

    def tick(self) -> None:
        """Writes pending messages and the heartbeat when they are due; raises RunBroken if this server is stopping."""
        if server_is_ending.is_set() or not threading.main_thread().is_alive():
            raise RunBroken("The server was stopped before the run had ended. Start it again.")
        now = time.monotonic()
        if now - self._wrote_at >= WRITE_EVERY_S:
            self._wrote_at = now
            self._write()
        if now - self._beat_at >= HEARTBEAT_EVERY_S:
            self._beat_at = now
            self._rows.update(heartbeat_at=timezone.now())

    @property
    def is_cancel_requested(self) -> bool:
        """Whether it was cancelled, in any process; called a few times a second."""
        now = time.monotonic()
        if not self._is_cancel_requested and now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._is_cancel_requested = not self._rows.filter(cancel_requested=False).exists()
        return self._is_cancel_requested

    def _write(self) -> None:
        """Writes what was kept; here nothing."""


class RunLog(RowLog):
    """Writes one run."""

    def __init__(self, run: Run, on_frame: OnFrame | None = None) -> None:
        super().__init__(run)
        self._has_seeds = run.seeds > 1
        self._chunks = Chunks(run)
        self._frames = Frames(run)
        self._on_frame = on_frame

    def take(self, message: Message) -> None:
        """Keeps a message of the engine for the next write."""
        if message["type"] == "traces":
            self._chunks.add(message)
        elif message["type"] == "frame":
            self._frames.add(message)
            if self._on_frame is not None:
                self._on_frame(message)

    def finish(self, status: RunStatus, *, result: dict[str, Any] | None, error: str) -> None:
        """Writes the pending messages and the outcome."""
        now = timezone.now()
        measured = [metrics_of(result)] if self._has_seeds and result and status == RunStatus.DONE else []
        with atomic():
            self._chunks.write()
            self._frames.write(is_last=True)
            self._rows.filter(status__in=OPEN).update(
                status=status, result=result, measured=measured, error=error, finished_at=now, heartbeat_at=now
            )

    def _write(self) -> None:
        self._chunks.write()
        self._frames.write()


class Chunks:
    """Writes traces to the table: one row per batch of the engine."""

    def __init__(self, run: Run) -> None:
        self._run_id = run.pk
        self._count = 0
        self._waiting: list[TraceChunk] = []

    def add(self, message: Message) -> None:
        data, count = zlib.compress(message["lines"].encode(), ZLIB_LEVEL), message["count"]
        chunk = TraceChunk(run_id=self._run_id, first=self._count, count=count, data=data, **message["contents"])
        self._waiting.append(chunk)
        self._count += count

    def write(self) -> None:
        if self._waiting:
            TraceChunk.objects.bulk_create(self._waiting)
            self._waiting = []


class Frames:
    """Writes frames to the table. When there are too many, every second one is deleted."""

    def __init__(self, run: Run) -> None:
        self._run_id = run.pk
        self._seen = self._kept = 0
        self._every = 1
        self._waiting: list[Frame] = []
        self._last: Frame | None = None

    def add(self, message: Message) -> None:
        data = {name: value for name, value in message.items() if name != "type"}
        self._last = Frame(run_id=self._run_id, n=self._seen, data=data)
        if self._seen % self._every == 0:
            self._waiting.append(self._last)
        self._seen += 1

    def write(self, *, is_last: bool = False) -> None:
        """Writes pending frames; the last frame is always kept."""
        if is_last and self._last is not None and (self._last.n % self._every):
            self._waiting.append(self._last)
        if not self._waiting:
            return
        Frame.objects.bulk_create(self._waiting)
        self._kept += len(self._waiting)
        self._waiting = []
        if self._kept > MOST_FRAMES and not is_last:
            self._thin_out()

    def _thin_out(self) -> None:
        self._every *= 2
        rows = Frame.objects.filter(run_id=self._run_id)
        rows.alias(rest=F("n") % self._every).exclude(rest=0).delete()
        self._kept = rows.count()
