"""Work that a server does again and again beside serving."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


async def run_every(work: Callable[[], Awaitable[None]], *, every_s: float, failing: str) -> None:
    """Does the work every so many seconds, until cancelled; `failing` is what the log says of a turn that failed."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
        except Exception as error:  # a database that is away, say: serving goes on, and the next turn tries again
            log.warning(failing, error=str(error))
