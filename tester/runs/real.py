"""A run with real requests: the same engine in a thread of this server, in real time, with the interface of a worker.

It stays in this process because it needs the providers' keys, which never go over a pipe.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from engine.rehearsal.event_loop import rehearse
from engine.rehearsal.jobs import Job
from engine.upstreams.connections import close_session
from engine.upstreams.sentences import sentence_of
from tester.runs.workers import Message

log = structlog.get_logger(__name__)


class RealRun:
    """Runs one job against the real upstreams. `name` separates its routers from the serving ones."""

    is_warm = True

    def __init__(self, job: Job, *, name: str) -> None:
        specs = tuple(replace(spec, group_id=f"{name}.{spec.group_id}") for spec in job.specs)
        self._job = replace(job, specs=specs)
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._is_cancelled = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._work, name="real-rehearsal", daemon=True)

    def start(self) -> None:
        """Starts sending."""
        self._thread.start()

    def cancel(self) -> None:
        """Stops sending new requests."""
        self._is_cancelled.set()

    def kill(self) -> None:
        """Also abandons the requests in flight."""
        self._is_cancelled.set()
        with suppress(RuntimeError):  # it has ended in the meantime
            self._loop.call_soon_threadsafe(self._leave)

    def receive(self, timeout_s: float) -> list[Message]:
        """Its messages so far, after at most `timeout_s`."""
        messages: list[Message] = []
        with suppress(queue.Empty):
            messages.append(self._messages.get(timeout=timeout_s))
            while True:
                messages.append(self._messages.get_nowait())
        return messages

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._task = self._loop.create_task(self._rehearse())
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            self._messages.put({"type": "cancelled", "result": None})
        except Exception as error:
            log.exception("a run with real requests broke")
            self._messages.put({"type": "failed", "error": f"The run broke. {sentence_of(error)}"})
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _rehearse(self) -> None:
        def emit(message: dict[str, Any]) -> None:
            self._messages.put(message)

        try:
            await rehearse(self._job, emit=emit, should_stop=self._is_cancelled.is_set)
        finally:
            await close_session()

    def _leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
