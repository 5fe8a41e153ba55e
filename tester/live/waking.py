"""Waiting for news, up to a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(wake: asyncio.Event, due_s: float | None, clock: Callable[[], float]) -> None:
    """Returns when woken, or at the moment (on the event loop's clock); None means no time limit."""
    delay = None if due_s is None else due_s - clock()
    try:
        async with asyncio.timeout(delay):
            await wake.wait()
    except TimeoutError:
        return
