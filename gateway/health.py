"""Can this process serve? What `/readyz` answers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from channels.layers import get_channel_layer
from pydantic_core import to_json

from gateway.live import Live

TIMEOUT_S = 2.0


async def readiness(live: Live) -> tuple[int, bytes]:
    """200 when database, channel layer and routers are usable, else 503 that names those that are not."""
    names = {"database": live.refresh, "channel_layer": _channel_layer, "routers": lambda: _routers(live)}
    failing = {name: why for name, check in names.items() if (why := await _why_not(check))}
    body = {"status": "unavailable" if failing else "ready", "groups": len(live.routing), "failing": failing}
    return (503 if failing else 200), to_json(body)


async def _why_not(check: Callable[[], Awaitable[None]]) -> str | None:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await check()
    except TimeoutError:
        return f"no answer within {TIMEOUT_S:g} s"
    except Exception as error:  # whatever it is, the answer is "not ready"
        return type(error).__name__
    return None


async def _channel_layer() -> None:
    layer = get_channel_layer()
    name = f"readyz.{uuid.uuid4().hex}"
    await layer.send(name, {"type": "ready"})
    await layer.receive(name)


async def _routers(live: Live) -> None:
    if not live.is_fresh:
        raise RuntimeError("the configuration is not loaded")
