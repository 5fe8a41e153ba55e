"""The pool: kept warm, one run each, first come first served, and the dead replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from tester.exceptions import RunBroken, RunCancelled
from tester.runs.pool import Pool
from tester.runs.workers import WorkerProcess
from tests.tester.performers import ECHO, performer


@pytest.fixture
def make_pool() -> Iterator[Callable[[int], Pool]]:
    pools: list[Pool] = []

    def make(size: int) -> Pool:
        pools.append(Pool(lambda: size, lambda: performer(ECHO)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def nothing() -> None:
    """The action of a caller that only waits."""


def borrowed_pid(pool: Pool) -> int:
    with pool.lend(while_waiting=nothing) as worker:
        return worker.pid


def test_a_worker_is_used_again(make_pool):
    pool = make_pool(1)
    assert borrowed_pid(pool) == borrowed_pid(pool)


def test_a_spare_is_warmed_at_first_use_and_never_more_than_the_setting(make_pool):
    pool = make_pool(2)
    mine = psutil.Process()
    before = {child.pid for child in mine.children()}
    with pool.lend(while_waiting=nothing) as first:
        assert len({child.pid for child in mine.children()} - before) == 2
        with pool.lend(while_waiting=nothing) as second:
            assert first.pid != second.pid
            assert len({child.pid for child in mine.children()} - before) == 2


def test_the_first_is_warmed_before_it_is_needed_and_once(make_pool):
    pool, mine = make_pool(2), psutil.Process()
    before = {child.pid for child in mine.children()}
    pool.warm()
    pool.warm()
    (warm,) = {child.pid for child in mine.children()} - before
    with pool.lend(while_waiting=nothing) as worker:
        assert worker.pid == warm
        pool.warm()
        assert len({child.pid for child in mine.children()} - before) == 2


def test_what_cannot_be_warmed_up_disturbs_nobody():
    def fail() -> WorkerProcess:
        raise OSError(12, "Cannot allocate memory")

    pool = Pool(lambda: 1, fail)
    pool.warm()
    with pytest.raises(RunBroken, match="Cannot allocate memory"), pool.lend(while_waiting=nothing):
        pass


def test_one_that_died_while_idle_is_replaced(make_pool):
    pool = make_pool(1)
    pid = borrowed_pid(pool)
    psutil.Process(pid).kill()
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)
    assert borrowed_pid(pool) != pid


def test_one_whose_run_broke_is_not_used_again(make_pool):
    pool = make_pool(1)
    with pytest.raises(ZeroDivisionError), pool.lend(while_waiting=nothing) as worker:
        raise ZeroDivisionError
    assert not psutil.pid_exists(worker.pid)
    assert borrowed_pid(pool) != worker.pid


def test_who_came_first_is_served_first(make_pool):
    pool, served, threads = make_pool(1), [], []

    def wait_for_a_turn(number: int, has_queued: threading.Event) -> None:
        with pool.lend(while_waiting=has_queued.set):
            served.append(number)

    with pool.lend(while_waiting=nothing):
        for number in range(5):
            has_queued = threading.Event()
            threads.append(threading.Thread(target=wait_for_a_turn, args=(number, has_queued)))
            threads[-1].start()
            assert has_queued.wait(10)
    for thread in threads:
        thread.join(10)
    assert served == [0, 1, 2, 3, 4]


def test_who_leaves_the_queue_holds_up_nobody(make_pool):
    pool = make_pool(1)

    def leave() -> None:
        raise RunCancelled

    with pool.lend(while_waiting=nothing), pytest.raises(RunCancelled), pool.lend(while_waiting=leave):
        pass
    assert borrowed_pid(pool)


def test_closing_ends_them_all(make_pool):
    pool = make_pool(2)
    pid = borrowed_pid(pool)
    pool.close()
    assert not psutil.pid_exists(pid)


def test_who_is_patient_lets_those_who_come_later_go_first(make_pool):
    pool, order = make_pool(1), list[str]()
    is_waiting = {name: threading.Event() for name in ("patient", "other")}

    def borrow(name: str, is_patient: bool) -> None:
        with pool.lend(while_waiting=is_waiting[name].set, is_patient=is_patient):
            order.append(name)

    threads = [threading.Thread(target=borrow, args=about) for about in (("patient", True), ("other", False))]
    with pool.lend(while_waiting=nothing):
        for thread, waits in zip(threads, is_waiting.values(), strict=True):
            thread.start()
            assert waits.wait(20)
    for thread in threads:
        thread.join(20)
    assert order == ["other", "patient"]


def test_who_is_patient_leaves_a_worker_to_the_others(make_pool):
    pool, order = make_pool(2), list[str]()
    is_waiting = threading.Event()

    def borrow() -> None:
        with pool.lend(while_waiting=is_waiting.set, is_patient=True):
            order.append("second")

    thread = threading.Thread(target=borrow)
    with pool.lend(while_waiting=nothing, is_patient=True) as first:
        thread.start()
        assert is_waiting.wait(20)
        assert borrowed_pid(pool) != first.pid
        order.append("other")
    thread.join(20)
    assert order == ["other", "second"]
