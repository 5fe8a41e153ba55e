"""Upstreams of finite capacity, on a clock that is moved by hand."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest

from engine.rehearsal.capacity import Capacity
from engine.rehearsal.stations import Service, Station, Then

TOKENS, ALONE_S = 100, 1.0


class Call:
    def __init__(self, then: Then) -> None:
        self.then: Then | None = then

    def cancel(self) -> None:
        self.then = None


class ByHand:
    """A clock that jumps from one call to the next."""

    def __init__(self) -> None:
        self.now, self._calls, self._number = 0.0, list[tuple[float, int, Call]](), 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, then: Then) -> Call:
        self._number += 1
        heappush(self._calls, (when, self._number, call := Call(then)))
        return call

    def run(self, until_s: float = 1000.0) -> None:
        while self._calls and self._calls[0][0] <= until_s:
            when, _, call = heappop(self._calls)
            if call.then is not None:
                self.now = when
                call.then()
        self.now = until_s


class Bench:
    """Requests at one station, and when each has ended."""

    def __init__(self, capacity: Capacity) -> None:
        self.clock, self.capacity = ByHand(), capacity
        self.station = Station(self.clock)
        self.ended: dict[str, float] = {}
        self.begun: dict[str, float] = {}
        self.services: dict[str, Service] = {}

    def ask(self, name: str, at_s: float = 0.0, *, read: int = 0) -> None:
        self.clock.call_at(at_s, lambda: self._enter(name, read))

    def leave(self, name: str, at_s: float) -> None:
        self.clock.call_at(
            at_s, self.services[name].leave if name in self.services else lambda: self.services[name].leave()
        )

    def _enter(self, name: str, read: int) -> None:
        service = self.station.enter(self.capacity, read, 0.5, lambda: self._begins(name))
        if service is None:
            self.ended[name] = -1.0
        else:
            self.services[name] = service

    def _begins(self, name: str) -> None:
        self.begun[name] = self.clock.now
        self.services[name].write(TOKENS, ALONE_S, lambda: self._ends(name))

    def _ends(self, name: str) -> None:
        self.ended[name] = self.clock.now
        self.services[name].leave()


def test_beyond_the_slots_without_a_queue_requests_are_refused():
    bench = Bench(Capacity(2))
    for name in "abc":
        bench.ask(name)
    bench.ask("d", 1.6)
    bench.clock.run()
    assert bench.ended == {"c": -1.0, "a": 1.5, "b": 1.5, "d": pytest.approx(3.1)}


def test_a_queue_is_served_in_turn_and_has_an_end():
    bench = Bench(Capacity(1, queue=2))
    for name in "abcd":
        bench.ask(name)
    bench.clock.run()
    assert bench.ended == {"d": -1.0, "a": 1.5, "b": 3.0, "c": 4.5}


def test_who_waits_no_more_leaves_its_place_to_the_next():
    bench = Bench(Capacity(1, queue=5))
    for name in "abc":
        bench.ask(name)
    bench.leave("b", 1.0)
    bench.clock.run()
    assert bench.ended == {"a": 1.5, "c": 3.0}


def test_the_speed_of_writing_is_shared():
    bench = Bench(Capacity(10, decode_tokens_per_s=100))
    bench.ask("a")
    bench.ask("b", 0.5)
    bench.clock.run()
    # Alone from 0.5 to 1.0 s, then at half the speed until `a` has its last 50 tokens.
    assert bench.ended == {"a": pytest.approx(2.0), "b": pytest.approx(2.5)}


def test_a_speed_that_is_more_than_all_want_slows_nobody_down():
    bench = Bench(Capacity(10, decode_tokens_per_s=1000))
    for name in "abc":
        bench.ask(name)
    bench.clock.run()
    assert set(bench.ended.values()) == {1.5}


def test_prompts_are_read_at_a_shared_speed_before_the_first_token():
    bench = Bench(Capacity(10, prefill_tokens_per_s=1000))
    bench.ask("a", read=1000)
    bench.ask("b", read=2000)
    bench.clock.run()
    assert bench.begun == {"a": pytest.approx(2.5), "b": pytest.approx(3.5)}


def test_one_that_leaves_in_the_middle_gives_its_share_to_the_others():
    bench = Bench(Capacity(10, decode_tokens_per_s=100))
    bench.ask("a")
    bench.ask("b")
    bench.leave("b", 1.5)
    bench.clock.run()
    # Half speed for a second, then all of it.
    assert bench.ended == {"a": pytest.approx(2.0)}


def test_a_hundred_requests_take_as_long_as_their_tokens_at_the_shared_speed():
    bench = Bench(Capacity(100, decode_tokens_per_s=500))
    for number in range(100):
        bench.ask(f"{number}", number * 0.001)
    bench.clock.run()
    assert max(bench.ended.values()) == pytest.approx(0.5 + 100 * TOKENS / 500, rel=0.01)
