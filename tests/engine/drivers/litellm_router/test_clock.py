import asyncio
import time
from datetime import UTC, datetime

import pytest

from engine.drivers.litellm_router import clock
from tests.pace import Stopwatch


def test_hours_pass_in_no_time_on_every_clock():
    async def wait() -> tuple[float, float, datetime]:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time(), time.time(), datetime.now(UTC)

    watch = Stopwatch()
    loop_s, wall_s, now = clock.run(wait())
    assert watch.elapsed_s < 2
    assert loop_s == 3600
    assert wall_s == clock.EPOCH.timestamp() + 3600
    assert now == datetime(2026, 1, 1, 1, tzinfo=UTC)


def test_the_wall_clock_is_put_back():
    before = time.time()
    clock.run(asyncio.sleep(10**6))
    assert abs(time.time() - before) < 5


def test_timers_fire_in_order_and_at_their_time():
    seen: list[tuple[str, float]] = []

    async def one(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def all_of_them() -> None:
        await asyncio.gather(one("c", 0.3), one("a", 0.1), one("b", 0.1), one("d", 7))

    clock.run(all_of_them())
    assert seen == [("a", 0.1), ("b", 0.1), ("c", 0.3), ("d", 7.0)]


def test_timeouts_are_virtual():
    async def hang() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert clock.run(hang()) == 60


def test_waiting_for_nothing_is_an_error_not_a_hang():
    async def stuck() -> None:
        await asyncio.Event().wait()

    with pytest.raises(clock.ClockStopped, match="never come"):
        clock.run(stuck())


def test_a_run_without_end_is_stopped():
    async def forever() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(24 * 3600)

    with pytest.raises(clock.ClockStopped, match="virtual days"):
        clock.run(forever())


def test_executors_run_inline():
    async def work() -> int:
        return await asyncio.to_thread(lambda: 7)

    assert clock.run(work()) == 7


def test_errors_come_out_and_leave_no_task_behind():
    async def fail() -> None:
        asyncio.create_task(asyncio.sleep(1000))  # noqa: RUF006
        raise LookupError("told to")

    with pytest.raises(LookupError):
        clock.run(fail())
