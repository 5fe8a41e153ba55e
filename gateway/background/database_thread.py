"""The gateway's one crossing to synchronous code: a thread of its own, so that slow pages do not delay it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from django.db import connection, connections

from lib.database_link import DatabaseAway, link

T = TypeVar("T")
Job = tuple[Callable[[], Any], "Future[Any]", Context]
# Who has waited so long for an answer asks whether there is a server at all, and how long that may take: two seconds
# in all. A server that is slow is waited for, one that is silent is not.
PATIENCE_S, ANSWERS_WITHIN_S = 0.5, 1.4


class DatabaseThread:
    """Runs work one after the other, on a connection that stays open: to open one takes eight times as long as to read
    the configuration's version."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] | None = None  # begun when it is needed, so that a fork has its own
        self._asking: asyncio.Task[bool] | None = None

    async def __call__(self, work: Callable[[], T]) -> T:
        """What the work returns; raises DatabaseAway within two seconds if the server does not answer."""
        if not link.may_be_asked:
            raise DatabaseAway
        jobs = self._jobs = self._jobs or _begin()
        answer = asyncio.wrap_future(_put(jobs, work))
        if not hasattr(connection, "ask"):  # a file is never away
            return await answer
        while not (await asyncio.wait({answer}, timeout=PATIENCE_S))[0]:
            if not await self._answers():
                answer.add_done_callback(_let_go)
                self._leave(jobs)
                raise DatabaseAway
        return answer.result()

    async def close(self) -> None:
        """Closes its connection."""
        if self._jobs is not None and link.may_be_asked:
            await asyncio.wrap_future(_put(self._jobs, connections.close_all))

    async def _answers(self) -> bool:
        """Whether the server lets us in; all who wait ask once."""
        if self._asking is None or self._asking.done() or self._asking.get_loop() is not asyncio.get_running_loop():
            self._asking = asyncio.create_task(_ask())
        return await asyncio.shield(self._asking)

    def _leave(self, jobs: SimpleQueue[Job | None]) -> None:
        """A thread that waits for a server that is silent would keep all others waiting, too, when it is back."""
        if jobs is self._jobs:
            self._jobs = None
            jobs.put(None)


def _let_go(answer: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more."""
    if not answer.cancelled():
        answer.exception()


async def _ask() -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await asyncio.to_thread(cast(Any, connections["default"]).ask)
    except (DatabaseAway, TimeoutError) as error:
        link.lost("no answer" if isinstance(error, TimeoutError) else error.__cause__ or error)
        return False
    return True


def _begin() -> SimpleQueue[Job | None]:
    """The queue of a new thread, which nobody waits for at the end of the process."""
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    threading.Thread(target=_work, args=(jobs,), name="gateway-database", daemon=True).start()
    return jobs


def _put(jobs: SimpleQueue[Job | None], work: Callable[[], T]) -> Future[T]:
    """With the context of who asks, so that what is logged has the call id of the request that it belongs to."""
    job: Future[T] = Future()
    jobs.put((work, job, copy_context()))
    return job


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (one := jobs.get()) is not None:
        work, job, context = one
        if not job.set_running_or_notify_cancel():
            continue
        try:
            result = context.run(_run, work)
        except BaseException as error:
            job.set_exception(error)
        else:
            job.set_result(result)
        del one, work, job, context  # not kept until the next one comes
    connections.close_all()


def _run(work: Callable[[], T]) -> T:
    _let_go_of_lost_connections()
    try:
        result = work()
    except BaseException:
        connections.close_all()
        raise
    link.answered()
    return result


def _let_go_of_lost_connections() -> None:
    """Of this thread, which `close_old_connections` would close for their age."""
    for one in connections.all(initialized_only=True):
        if one.connection is not None and not one.is_usable():
            one.close()


in_database_thread = DatabaseThread()
