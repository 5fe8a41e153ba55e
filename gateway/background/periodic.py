"""Periodic work of a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain, repeat

import structlog

log = structlog.get_logger(__name__)


async def run_every(
    work: Callable[[], Awaitable[None]], *, every_s: float, failing: str, first_s: float | None = None
) -> None:
    """Does the work every `every_s` seconds until cancelled, for the first time after `first_s`; `failing` is the
    message of failures, once per error."""
    said = ""
    for pause_s in chain([every_s if first_s is None else first_s], repeat(every_s)):
        await asyncio.sleep(pause_s)
        try:
            await work()
            said = ""
        except Exception as error:  # for example, the database is away: serving goes on, and the next turn tries again
            if (why := str(error)) != said:
                log.warning(failing, error=why)
            said = why
