"""`python -m bench.shared_state`: what a process pays for the state it shares over Valkey, and how old that is.

Staleness is from a change in one store until another one sees it. A take is one request of a group with limits a
minute, on the core and the store alone: by leases, and each by itself.
"""

from __future__ import annotations

import asyncio
import time
from random import Random

from engine.core.actions import Ask
from engine.shared.limits import LEASE
from tests.engine.shared.stores import Process, processes
from tests.services import valkey

CHANGES, TAKES, AT_ONCE = 200, 4000, 16


async def _staleness(url: str) -> str:
    ages, rng = list[float](), Random(1)
    async with processes(url) as (one, other):
        for change in range(1, CHANGES + 1):
            await asyncio.sleep(0.03 + 0.05 * rng.random())
            one.a.in_flight, began = change, time.monotonic()
            while other.a.away < change:  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
            ages.append(1000 * (time.monotonic() - began))
    ages.sort()
    return f"staleness p50 {ages[len(ages) // 2]:.1f} ms, p99 {ages[int(len(ages) * 0.99)]:.1f} ms"


async def _takes(url: str, lease: int) -> str:
    async with processes(url, 1, rows={"a": {"rpm": 10_000_000}}) as (one,):
        one.store._limits._lease = lease
        cpu = time.process_time()
        await asyncio.gather(*(_some(one, TAKES // AT_ONCE) for _ in range(AT_ONCE)))
        return f"take, lease {lease}: {1000 * (time.process_time() - cpu) / TAKES:.3f} ms CPU"


async def _some(one: Process, times: int) -> None:
    for _ in range(times):
        journey, ask = one.begin()
        assert isinstance(ask, Ask)
        assert await one.store.take(ask)
        journey.left(ask)


def main() -> None:
    with valkey() as url:
        for work in (_staleness(url), _takes(url, 1), _takes(url, LEASE)):
            print(asyncio.run(work))


if __name__ == "__main__":
    main()
