"""The simulator's side of upstreams with finite capacity: attempts there end when the others let them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from engine.drivers.effects import Effect, timed_out
from engine.drivers.rehearsed_requests import Place, Request
from engine.faults.conditions import Conditions
from engine.faults.fates import Fate, Refusal
from engine.rehearsal.stations import Station, Then

FULL = Refusal(429, "Rehearsed: all of its slots are taken.")


class RunHooks(Protocol):
    """What it needs of the run: its clock and heap, and what becomes of attempts."""

    now: float
    overtaken: int

    def at(self, when: float, happen: Callable[[Any], None], about: Any) -> None: ...
    def first_token(self, request: Request) -> None: ...
    def answered(self, request: Request) -> None: ...
    def failed(self, request: Request) -> None: ...
    def cut_off(self, request: Request) -> None: ...
    def then_whole(self, request: Request, when: float, happen: Callable[[Request], None]) -> None: ...


class Timer:
    """A call that may be cancelled: then its event is one that nothing comes of."""

    __slots__ = ("_run", "_then")

    def __init__(self, run: RunHooks, then: Then) -> None:
        self._run = run
        self._then: Then | None = then

    def cancel(self) -> None:
        """It will not be called."""
        if self._then is not None:
            self._then = None
            self._run.overtaken += 1

    def fire(self) -> None:
        """Its moment has come."""
        if self._then is None:
            self._run.overtaken -= 1
        else:
            then, self._then = self._then, None
            then()


class RunClock:
    """The clock of a run, for its stations."""

    def __init__(self, run: RunHooks) -> None:
        self._run = run

    def time(self) -> float:
        """Seconds of the run."""
        return self._run.now

    def call_at(self, when: float, then: Then) -> Timer:
        """Calls it at this second."""
        timer = Timer(self._run, then)
        self._run.at(when, Timer.fire, timer)
        return timer


class Stations:
    """Those of one run, by deployment."""

    def __init__(self, run: RunHooks, conditions: Mapping[str, Conditions]) -> None:
        self._run, self._clock = run, RunClock(run)
        self.by_id = {name: Station(self._clock) for name, place in conditions.items() if place.has_capacity}

    def has_entered(self, request: Request, place: Place, fate: Fate) -> bool:
        """Whether an attempt is served there, or waits; else it is refused."""
        run, station = self._run, self.by_id[place.row.deployment_id]
        capacity = place.conditions.capacity(run.now)
        cached = 0 if request.talk is None else request.talk.cached
        begins = partial(self._begins, request)
        if station.is_full(capacity) or capacity.prefill_tokens_per_s or capacity.decode_tokens_per_s:
            place.conditions.strain(capacity)
        if capacity.prefill_tokens_per_s:
            place.conditions.spare_reading(fate, fate.input_tokens - cached)
        if (service := station.enter(capacity, fate.input_tokens - cached, fate.first_token_s, begins)) is None:
            return False
        request.service = service
        late = timed_out(place.row, place.limit_is_of, place.limit_s)
        self._expires(request, run.now + place.limit_s, late)
        return True

    def _begins(self, request: Request) -> None:
        if request.place.is_stream:
            self._run.first_token(request)
        else:
            self._write(request, 1.0, 0.0, self._run.answered)

    def go_on(self, request: Request, share: float, pause_s: float, happen: Callable[[Request], None]) -> None:
        """A stream has begun: this happens after such a share of its tokens, and a pause."""
        place, whole_s = request.place, request.ask.began_s + request.place.whole_s
        request.expires.cancel()
        if place.is_collected:
            self._expires(request, whole_s, timed_out(place.row, "no answer", place.whole_s))
        else:
            self._expires(request, request.deadline_s, None)
        self._write(request, share, pause_s, happen)

    def _write(self, request: Request, share: float, pause_s: float, happen: Callable[[Request], None]) -> None:
        assert request.service is not None  # noqa: S101  # its answer has begun
        fate = request.fate
        written = partial(self._written, request, pause_s, happen)
        request.service.write(fate.output_tokens * share, fate.output_s * share, written)

    def _written(self, request: Request, pause_s: float, happen: Callable[[Request], None]) -> None:
        request.expires.cancel()
        if pause_s:
            self._run.then_whole(request, self._run.now + pause_s, happen)
        else:
            happen(request)

    def _expires(self, request: Request, when: float, effect: Effect | None) -> None:
        """It ends then at the latest: by the limit of the attempt, or with the time of the whole request."""
        if when >= request.deadline_s:
            when, effect = request.deadline_s, None
        request.expires = self._clock.call_at(when, partial(self._expire, request, effect))

    def _expire(self, request: Request, effect: Effect | None) -> None:
        if effect is None:
            self._run.cut_off(request)
        else:
            request.effect = effect
            self._run.failed(request)


def leave(request: Request) -> None:
    """The attempt has ended: its place at the station is free."""
    if (service := request.service) is not None:
        request.service = None
        request.expires.cancel()
        service.leave()
