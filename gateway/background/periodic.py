"""Periodic work of a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


async def run_every(work: Callable[[], Awaitable[None]], *, every_s: float, failing: str) -> None:
    """Does the work every `every_s` seconds until cancelled; `failing` is the message of failures, once per error."""
    said = ""
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
            said = ""
        except Exception as error:  # for example, the database is away: serving goes on, and the next turn tries again
            if (why := str(error)) != said:
                log.warning(failing, error=why)
            said = why
