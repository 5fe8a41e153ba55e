"""The end of a process: what is under way may finish for a while, then it ends in words of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

import structlog

log = structlog.get_logger(__name__)

POLL_S = 0.05
# After the end of what is under way: for its last words, and its row in the log.
LAST_WORDS_S = 5.0


class ServerStops(Exception):
    """The process ends before this request has."""


class Stopping:
    """The end of one process."""

    def __init__(self) -> None:
        self._open: set[ends_with_process] = set()
        self.is_near = self._has_begun = self.has_come = False

    async def give_notice(self, notice_s: float, *, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """For so many seconds it still serves all that comes, and says at `/readyz` that nothing more should come.

        A balancer that has heard it sends nothing into connections that are being closed. Over at once when it becomes
        urgent.
        """
        self.is_near = True
        loop = asyncio.get_running_loop()
        due_s = loop.time() + notice_s
        while loop.time() < due_s and not is_urgent():  # noqa: ASYNC110  # seldom enough
            await asyncio.sleep(POLL_S)

    def begin(self, grace_s: float) -> None:
        """In so many seconds what is still under way ends. Once, on the server's event loop."""
        if not self._has_begun:
            self.is_near = self._has_begun = True
            asyncio.get_running_loop().call_later(grace_s, self.come)

    def come(self) -> None:
        """It ends now."""
        self.has_come = True
        if self._open:
            log.warning("requests ended with the server", count=len(self._open))
        for one in list(self._open):
            one.expire()

    async def finish(self, is_idle: Callable[[], bool], grace_s: float) -> None:
        """Begins, and waits until nothing is under way; for a moment longer than the grace at most."""
        self.begin(grace_s)
        loop = asyncio.get_running_loop()
        due_s = loop.time() + grace_s + LAST_WORDS_S
        while not is_idle() and loop.time() < due_s:  # noqa: ASYNC110  # it is counted, on the path of requests
            await asyncio.sleep(POLL_S)

    def add(self, one: ends_with_process) -> None:
        if self.has_come:
            raise ServerStops
        self._open.add(one)

    def drop(self, one: ends_with_process) -> None:
        self._open.discard(one)


ending = Stopping()


class ends_with_process:  # reads as what it does, like `within`
    """What the task does inside ends with ServerStops if the process ends before; costs less than a timer."""

    __slots__ = ("_cancelling", "_ending", "_is_over", "_task")

    def __init__(self, of: Stopping = ending) -> None:
        self._ending = of

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine runs in a task
        self._task, self._cancelling, self._is_over = task, task.cancelling(), False
        self._ending.add(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ending.drop(self)
        # Cancelled by somebody else, too: then that counts.
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ServerStops from error

    def expire(self) -> None:
        """The process ends."""
        self._is_over = True
        self._task.cancel()
