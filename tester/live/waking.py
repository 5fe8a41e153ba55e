"""Waiting for news, but not for longer than until a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(wake: asyncio.Event, due_s: float | None, clock: Callable[[], float]) -> None:
    """Returns when woken, or when the moment (on the clock of the event loop) has come; None never comes."""
    delay = None if due_s is None else due_s - clock()
    try:
        async with asyncio.timeout(delay):
            await wake.wait()
    except TimeoutError:
        return
