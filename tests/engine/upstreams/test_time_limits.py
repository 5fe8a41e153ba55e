from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from engine.upstreams.time_limits import KEPT, time_limits, within


@dataclass
class Noted:
    """A limit that notes when it expires."""

    due_s: float
    expired: list[float]
    is_open: bool = field(default=False, init=False)

    def expire(self) -> None:
        self.expired.append(self.due_s)


async def _never() -> None:
    await asyncio.get_running_loop().create_future()


async def test_work_that_takes_too_long_ends_with_a_timeout():
    with pytest.raises(TimeoutError), within(0.01):
        await _never()
    assert asyncio.current_task().cancelling() == 0


async def test_work_that_is_in_time_is_left_alone_and_so_is_what_follows():
    with within(0.2):
        await asyncio.sleep(0)
    await asyncio.sleep(0.25)


async def test_the_inner_of_two_limits_ends_only_what_is_inside():
    with within(10):
        with pytest.raises(TimeoutError), within(0.01):
            await _never()
        await asyncio.sleep(0)


async def test_the_outer_of_two_limits_ends_both_even_at_the_same_moment():
    async def work() -> None:
        with within(0.01):
            await _never()
        pytest.fail("the outer limit did not count")

    with pytest.raises(TimeoutError), within(0.01):
        await work()
    assert asyncio.current_task().cancelling() == 0


async def test_a_task_that_is_cancelled_is_cancelled_and_not_late():
    async def work() -> None:
        with within(10):
            await _never()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_is_cancelled_when_its_time_is_up_is_cancelled():
    async def work() -> None:
        with within(0.01):
            try:
                await _never()
            except asyncio.CancelledError:
                asyncio.current_task().cancel()
                raise

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_error_at_the_end_of_the_time_stays_what_it_is():
    async def work() -> None:
        try:
            await _never()
        except asyncio.CancelledError:
            raise ZeroDivisionError from None

    with pytest.raises(ZeroDivisionError), within(0.01):
        await work()
    assert asyncio.current_task().cancelling() == 0


async def test_limits_expire_in_the_order_of_their_times_and_dropped_ones_never():
    limits, now = time_limits(), asyncio.get_running_loop().time()
    expired: list[float] = []
    added = [Noted(now + due, expired) for due in (0.03, 0.01, 0.02, 0.04)]
    for limit in added:
        limits.add(limit)
    limits.drop(added[2])
    await asyncio.sleep(0.06)
    assert expired == [added[1].due_s, added[0].due_s, added[3].due_s]


async def test_dropped_limits_take_no_memory_for_long():
    limits = time_limits()
    for _ in range(5 * KEPT):
        with within(1000):
            pass
    assert len(limits._heap) <= KEPT


async def test_each_loop_has_limits_of_its_own():
    theirs = await asyncio.to_thread(asyncio.run, _own())
    assert theirs is not time_limits()
    assert time_limits() is time_limits()


async def _own() -> object:
    return time_limits()
