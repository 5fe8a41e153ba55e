"""The simulator's side of hedges: two attempts of one request on the heap, of which the first to begin wins.

The core decides when that happens, and whom it asks, as in the gateway (`hedging.py`). Only runs with a group that
hedges are of this kind: all others pay nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

from engine.core.actions import Ask, Step
from engine.core.hedging import Race
from engine.drivers.effects import Effect
from engine.drivers.rehearsed_requests import Request
from engine.drivers.rehearsed_rescues import usage
from engine.drivers.rehearsed_stations import leave
from engine.drivers.simulation import Simulation
from engine.exceptions import RequestFailed
from engine.faults.fates import Fate
from engine.ledger import Attempt, AttemptStatus, Hedge
from engine.outcomes import Outcome
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit
from engine.upstreams.tokens import Usage


def simulation_of(job: Job) -> type[Simulation]:
    """What runs a job."""
    kinds: list[type[Simulation]] = [HedgingSimulation] if any(spec.hedge for spec in job.specs) else []
    # Only runs that have clients, or call a name, know of them.
    if job.workload.clients is not None:
        from engine.drivers.rehearsed_clients import ClientSimulation

        kinds.append(ClientSimulation)
    if job.called is not None:
        from engine.drivers.rehearsed_calls import CallSimulation

        kinds.append(CallSimulation)
    if len(kinds) > 1:
        return type("SimulationOfSeveralKinds", tuple(kinds), {})
    return kinds[0] if kinds else Simulation


class HedgingSimulation(Simulation):
    """A run in which a second candidate may be asked beside a slow one: as a second `Request` with the same journey."""

    def __init__(self, job: Job, emit: Emit, should_stop: Callable[[], bool]) -> None:
        super().__init__(job, emit, should_stop)
        self._is_plain = False  # only a journey hedges
        self._due: dict[Request, Ask] = {}  # they are asked beside, unless they begin before
        self._beside: dict[Request, Request] = {}  # each of the two that run at once, by the other
        self._lost: set[Request] = set()  # what comes of them is still in the heap
        self._noted: dict[Request, Attempt] = {}  # in the ledger since they began

    def _ask(self, request: Request, ask: Ask, fate: Fate | None = None) -> None:
        super()._ask(request, ask, fate)
        if fate is not None or ask.visit.group.hedging is None:
            return
        if (delay_s := self._race(request).delay_s(ask)) is not None:
            self._due[request] = ask
            self.at(self.now + delay_s, self._hedge, (request, ask))

    def _race(self, request: Request) -> Race:
        return self._journey_of(request).race(request.ask)

    def _hedge(self, about: tuple[Request, Ask]) -> None:
        request, slow = about
        if self._due.get(request) is not slow:
            self.overtaken -= 1
            return
        del self._due[request]
        if (ask := self._journey_of(request).hedge(slow, self.now)) is None:
            return
        other = copy(request)
        other.talk, other.service = copy(request.talk), None
        self._beside[request], self._beside[other] = other, request
        self._note(request, "")
        super()._ask(other, ask)
        self._note(other, Hedge.HEDGED.value)

    def _note(self, request: Request, hedge: str) -> None:
        """Two that run at once are in the ledger in the order in which they began."""
        attempt = request.attempt(self.now, "pending")
        attempt.duration_ms, attempt.hedge = None, hedge
        self._noted[request] = request.trace.begin(attempt)

    def _close(self, request: Request, status: AttemptStatus, effect: Effect | None = None) -> None:
        if (noted := self._noted.pop(request, None)) is None:
            super()._close(request, status, effect)
            return
        if request.service is not None:
            leave(request)
        request.place.count.in_flight -= 1
        made = request.attempt(self.now, status, effect)
        made.hedge, made.moved_on_because = noted.hedge, noted.moved_on_because
        attempts = request.trace.attempts
        attempts[next(n for n, one in enumerate(attempts) if one is noted)] = made

    # What becomes of an attempt

    def first_token(self, request: Request) -> None:
        if self._has_lost(request):
            return
        if not request.place.is_collected:
            self._has_begun(request)
        super().first_token(request)

    def answered(self, request: Request) -> None:
        if not self._has_lost(request):
            self._has_begun(request)
            super().answered(request)

    def failed(self, request: Request) -> None:
        if self._has_lost(request):
            return
        self._is_not_due(request)
        if self._alone(request) is None:
            super().failed(request)
            return
        self._close(request, "error", request.effect)
        request.failures.append(request.effect)
        self._race(request).ended(request.ask)
        self._journey_of(request).failed_beside(request.ask, self.now, request.effect.failure)

    def cut_off(self, request: Request) -> None:
        if self._has_lost(request):
            return
        self._is_not_due(request)
        if (other := self._alone(request)) is None:
            super().cut_off(request)
            return
        first, second = (other, request) if request.ask.step is Step.HEDGE else (request, other)
        self._skip(other)
        self._lose(second)
        self._journey_of(second).left(second.ask)
        super().cut_off(first)

    def _has_begun(self, request: Request) -> None:
        """It has won, if another one runs beside it."""
        self._is_not_due(request)
        if (other := self._alone(request)) is None:
            return
        race = self._race(request)
        self._skip(other)
        race.won(request.ask, self.now)
        self._lose(other)
        race.lost(other.ask, self.now, other.input_tokens)

    def _lose(self, request: Request) -> None:
        """It is closed: its provider has read the prompt."""
        self._noted[request].hedge = Hedge.LOST.value
        attempts, noted = request.trace.attempts, self._noted[request]
        number = next(n for n, one in enumerate(attempts) if one is noted)
        self._close(request, "cancelled")
        read = request.input_tokens
        attempts[number].part = read, 0, request.place.row.cost_usd(input_tokens=read, output_tokens=0)

    # What is still in the heap

    def _is_not_due(self, request: Request) -> None:
        if self._due.pop(request, None) is not None:
            self.overtaken += 1

    def _alone(self, request: Request) -> Request | None:
        """From now on it runs alone; the one that ran beside it."""
        if (other := self._beside.pop(request, None)) is not None:
            del self._beside[other]
        return other

    def _skip(self, request: Request) -> None:
        if request.service is not None:
            return  # it leaves its station, which forgets it
        self._lost.add(request)
        self.overtaken += 1

    def _has_lost(self, request: Request) -> bool:
        if request not in self._lost:
            return False
        self._lost.discard(request)
        self.overtaken -= 1
        return True

    # How a request ends

    def _finish(
        self,
        request: Request,
        outcome: Outcome,
        error: str | None = None,
        *,
        usage: Usage | None = None,
        failure: RequestFailed | None = None,
    ) -> None:
        if usage is not None and request.rescued is None and request.trace.is_hedged:
            usage = _with_lost(request, usage)
        super()._finish(request, outcome, error, usage=usage, failure=failure)


def _with_lost(request: Request, spent: Usage) -> Usage:
    """The tokens of both attempts: those of the winner are a part now, too."""
    last, (read, written) = request.trace.last, request.trace.lost_tokens
    if last is not None:
        row = request.place.row
        usd = row.cost_usd(input_tokens=spent.input_tokens, output_tokens=spent.output_tokens)
        last.part = spent.input_tokens, spent.output_tokens, usd
    return usage(spent.input_tokens + read, spent.output_tokens + written)
