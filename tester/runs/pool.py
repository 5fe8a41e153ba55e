"""The worker processes of this server: started on first use, kept warm, lent to one run at a time."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import structlog
from django.conf import settings

from tester.exceptions import RunBroken
from tester.runs.workers import WorkerProcess

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.25
Ticket = tuple[bool, int]  # whether its holder is patient, and its number


class Pool:
    """At most `size()` workers. First come, first served, except that who is patient lets all others go first, and
    leaves one worker to them where there are several.

    A dead worker is replaced when one is needed.
    """

    def __init__(self, size: Callable[[], int], start: Callable[[], WorkerProcess] = WorkerProcess) -> None:
        self._size, self._start = size, start
        self._idle: list[WorkerProcess] = []
        self._lent: set[WorkerProcess] = set()
        self._patient: set[WorkerProcess] = set()
        self._queue: list[Ticket] = []
        self._numbers = count()
        self._changed = threading.Condition()

    @contextmanager
    def lend(self, *, while_waiting: Callable[[], None], is_patient: bool = False) -> Iterator[WorkerProcess]:
        """A worker for one run. `while_waiting` is called a few times a second and may raise to leave the queue.

        A worker whose run ended with an exception, or that was killed, is not used again.
        """
        worker = self._take(while_waiting, is_patient=is_patient)
        try:
            yield worker
        except BaseException:
            worker.kill()
            raise
        finally:
            self._give_back(worker)

    def warm(self) -> None:
        """Starts the first worker in advance; does not wait for it."""
        with self._changed:
            if self._idle or self._lent or self._size() < 1:
                return
            try:
                self._idle.append(self._started())
            except RunBroken as broken:  # the next user of the pool gets the error
                log.warning("no rehearsal process could be warmed up", error=str(broken))

    def close(self) -> None:
        """Ends all workers."""
        with self._changed:
            for worker in (*self._idle, *self._lent):
                worker.kill()
            self._idle.clear()

    def _take(self, while_waiting: Callable[[], None], *, is_patient: bool) -> WorkerProcess:
        with self._changed:
            ticket = is_patient, next(self._numbers)
            self._queue.append(ticket)
        try:
            while (worker := self._next_for(ticket)) is None:
                while_waiting()
            return worker
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _next_for(self, ticket: Ticket) -> WorkerProcess | None:
        """A worker if it is this ticket's turn, else None after a short wait."""
        with self._changed:
            if self._is_turn(ticket) and (worker := self._free()) is not None:
                self._lent.add(worker)
                if ticket[0]:
                    self._patient.add(worker)
                return worker
            self._changed.wait(LOOK_EVERY_S)
        return None

    def _is_turn(self, ticket: Ticket) -> bool:
        is_patient, _ = ticket
        has_room = not is_patient or len(self._patient) < max(1, self._size() - 1)
        return has_room and min(self._queue) == ticket

    def _free(self) -> WorkerProcess | None:
        worker = self._warm()
        if worker is None and len(self._lent) < max(1, self._size()):
            worker = self._started()
        # Starts the next worker while this one works, because a start takes seconds.
        if worker is not None and not self._idle and len(self._lent) + 1 < self._size():
            self._idle.append(self._started())
        return worker

    def _warm(self) -> WorkerProcess | None:
        while self._idle:
            if (worker := self._idle.pop()).is_usable:
                return worker
            log.warning("an idle rehearsal process had died", pid=worker.pid)
        return None

    def _started(self) -> WorkerProcess:
        try:
            return self._start()
        except OSError as error:
            raise RunBroken(f"The rehearsal process could not be started: {error.strerror}.") from error

    def _give_back(self, worker: WorkerProcess) -> None:
        with self._changed:
            self._lent.discard(worker)
            self._patient.discard(worker)
            if worker.is_usable:
                self._idle.append(worker)
            self._changed.notify_all()


pool = Pool(lambda: settings.REHEARSAL_WORKERS)
atexit.register(pool.close)
