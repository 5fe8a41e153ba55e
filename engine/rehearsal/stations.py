"""An upstream of finite capacity: who is served, who waits, and how fast.

Whoever drives it passes in the clock and timers: a rehearsal's heap of events, or an event loop. Times are seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

from engine.rehearsal.capacity import UNLIMITED, Capacity

Then = Callable[[], None]
# What floats lose on the way must not leave a job unfinished at the moment of its end.
SLACK_S = 1e-9


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """A driver's clock."""

    def time(self) -> float: ...
    def call_at(self, when: float, then: Then) -> Timer: ...


class Job:
    """Work at a speed that it shares with others: `rate` tokens a second where it is alone."""

    __slots__ = ("_at", "ends", "is_over", "number", "rate", "then")

    def __init__(self, at: Shared, ends: float, number: int, rate: float, then: Then) -> None:
        self._at, self.ends, self.number, self.rate, self.then = at, ends, number, rate, then
        self.is_over = False

    def cancel(self) -> None:
        """It is not needed any more."""
        self._at.remove(self)

    def __lt__(self, other: Job) -> bool:
        return (self.ends, self.number) < (other.ends, other.number)


class Shared:
    """Jobs that are done at the same time. Where all of them want more than `total`, each gets the same share of what
    it wants: all are slowed down by one factor, so that their progress is one number."""

    __slots__ = ("_at_s", "_clock", "_done", "_factor", "_heap", "_number", "_timer", "_wanted", "total")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.total: float | None = None
        self._heap: list[Job] = []
        self._done, self._at_s, self._factor, self._wanted, self._number = 0.0, 0.0, 1.0, 0.0, 0
        self._timer: Timer | None = None

    def add(self, alone_s: float, rate: float, then: Then) -> Job:
        """A job that takes so many seconds where it is alone; calls `then` at its end."""
        self._advance()
        self._number += 1
        job = Job(self, self._done + alone_s, self._number, rate, then)
        self._wanted += rate
        heappush(self._heap, job)
        self._go_on()
        return job

    def remove(self, job: Job) -> None:
        """It is not needed any more."""
        if not job.is_over:
            self._advance()
            self._end(job)
            self._go_on()

    def _end(self, job: Job) -> None:
        job.is_over = True
        self._wanted -= job.rate

    def _advance(self) -> None:
        now = self._clock.time()
        self._done += (now - self._at_s) * self._factor
        self._at_s = now

    def _go_on(self) -> None:
        """With the speed that follows from who is there."""
        while self._heap and self._heap[0].is_over:
            heappop(self._heap)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._heap:
            self._wanted = 0.0
            return
        self._factor = 1.0 if self.total is None else min(1.0, self.total / self._wanted)
        left_s = max(0.0, self._heap[0].ends - self._done) / self._factor
        self._timer = self._clock.call_at(self._at_s + left_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._advance()
        ended = []
        while self._heap and (self._heap[0].is_over or self._heap[0].ends <= self._done + SLACK_S):
            if not (job := heappop(self._heap)).is_over:
                self._end(job)
                ended.append(job)
        self._go_on()
        for job in ended:
            job.then()


class Service:
    """One request at a station, from its arrival until `leave`."""

    __slots__ = ("_begins", "_first_token_s", "_read_tokens", "_station", "_under_way", "is_served")

    def __init__(self, station: Station, read_tokens: int, first_token_s: float, begins: Then) -> None:
        self._station, self._begins, self._first_token_s = station, begins, first_token_s
        self._read_tokens = read_tokens
        self._under_way: Timer | None = None
        self.is_served = False

    def start(self) -> None:
        """It has a slot: its prompt is read first."""
        self.is_served = True
        if (speed := self._station.capacity.prefill_tokens_per_s) and self._read_tokens:
            self._under_way = self._station.reading.add(self._read_tokens / speed, speed, self._has_read)
        else:
            self._has_read()

    def _has_read(self) -> None:
        clock = self._station.clock
        self._under_way = clock.call_at(clock.time() + self._first_token_s, self._has_begun)

    def _has_begun(self) -> None:
        self._under_way = None
        self._begins()

    def write(self, tokens: float, alone_s: float, then: Then) -> None:
        """Its answer is written: so many tokens, in `alone_s` where nobody else is served."""
        if alone_s <= 0:
            then()
            return
        self._under_way = self._station.writing.add(alone_s, tokens / alone_s, then)

    def leave(self) -> None:
        """It has ended, or its caller waits no more; its slot is the next one's."""
        if self._under_way is not None:
            self._under_way.cancel()
        self._station.left(self)


class Station:
    """One upstream."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.capacity = clock, UNLIMITED
        self.reading, self.writing = Shared(clock), Shared(clock)
        self._waiting: deque[Service] = deque()
        self._served = 0

    def enter(self, capacity: Capacity, read_tokens: int, first_token_s: float, begins: Then) -> Service | None:
        """One more request, by the `capacity` of this moment; None where it is refused.

        Calls `begins` when its first token is there, which takes `first_token_s` beside the wait and the reading.
        """
        self.reading.total, self.writing.total = capacity.prefill_tokens_per_s, capacity.decode_tokens_per_s
        self.capacity, is_full = capacity, self.is_full(capacity)
        if is_full and len(self._waiting) >= (capacity.queue or 0):
            return None
        service = Service(self, read_tokens, first_token_s, begins)
        if is_full:
            self._waiting.append(service)
        else:
            self._start(service)
        return service

    def is_full(self, capacity: Capacity) -> bool:
        """Whether one more has to wait, or is refused."""
        return self._served >= capacity.slots

    def left(self, service: Service) -> None:
        """A request is gone."""
        if not service.is_served:
            self._waiting.remove(service)
            return
        self._served -= 1
        while self._waiting and self._served < self.capacity.slots:
            self._start(self._waiting.popleft())

    def _start(self, service: Service) -> None:
        self._served += 1
        service.start()
