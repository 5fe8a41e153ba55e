"""The rehearsal's driver of the routing core: a heap of events. No event loop, no wall clock, no LiteLLM.

The journeys are those that the gateway drives; only here nobody waits. Events of one moment come in the order in
which they were made, so that a seed gives the same bytes in any process.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from engine.core import attempt_course
from engine.core.actions import Action, Ask, GiveUp
from engine.core.journey import Journey
from engine.core.queues import Queued
from engine.core.rescue import ANOTHER_ANSWER
from engine.drivers.effects import Effect, broken, effect_of, timed_out
from engine.drivers.endings import PassedOver, failure_of
from engine.drivers.rehearsed_arrivals import OpenLoop
from engine.drivers.rehearsed_conversations import caches_of
from engine.drivers.rehearsed_prices import Prices
from engine.drivers.rehearsed_processes import RehearsedProcess, processes_of
from engine.drivers.rehearsed_requests import Place, Request, places_of
from engine.drivers.rehearsed_rescues import Rescues, differs_at, usage, usage_of
from engine.drivers.rehearsed_stations import FULL, Stations, leave
from engine.exceptions import DeadlineExceeded, RequestFailed
from engine.faults.conditions import conditions_of
from engine.faults.fates import Fate, Told
from engine.faults.rescues import DIFFERS_AFTER_TOKENS
from engine.ledger import AttemptStatus, Trace
from engine.outcomes import Outcome, outcome_of
from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit, Recording, Stopped
from engine.rehearsal.workload import Arrival
from engine.upstreams.tokens import Usage

# A run whose clock has gone this far is stuck in something that will not end.
LIMIT_S = 30 * 24 * 3600.0
# Somebody who cancels is heard after so many events at the latest.
EVENTS_PER_LOOK = 1024


def simulate(job: Job, *, emit: Emit, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Runs a job to its end and emits what `rehearsal.rehearse` does; the same seed gives the same bytes.

    Raises errors of the engine itself; failed requests are part of the result.
    """
    from engine.drivers.rehearsed_hedges import simulation_of  # what it gives builds on this module

    simulation = simulation_of(job)(job, emit, should_stop)
    kind = "done"
    try:
        simulation.run()
    except Stopped:
        kind = "cancelled"
    simulation.end(kind)


class Simulation:
    """The state of one run."""

    def __init__(self, job: Job, emit: Emit, should_stop: Callable[[], bool]) -> None:
        self._job, self._should_stop = job, should_stop
        self._recording = Recording(job, emit)
        self._tally = self._recording.tally
        self._conditions = conditions_of(job.specs, job.scenario, job.profiles, job.seed)
        self._rng = random.Random(f"{job.seed}:routing")  # noqa: S311  # no secret is drawn from it
        workload = random.Random(f"{job.seed}:workload")  # noqa: S311
        self._arrivals: Iterator[tuple[int, Arrival]] = enumerate(job.workload.schedule(workload))
        self._is_stream = job.workload.is_stream
        self._limit_s = self._patience_s = min(job.deadline_s, job.spec.retry.total_s)
        self._processes = processes_of(job, self._rng, caches_of(job))
        first = self._processes.all[0]
        self._lone = self._processes.lone
        self._passed_over = PassedOver(first.groups, first.group)
        # Where deployments are left out from the start, every request tells of them.
        self._is_plain = self._limit_s > 0 and not self._passed_over.has_left_out
        self._stations = Stations(self, self._conditions)
        groups = [group for process in self._processes.all for group in process.groups.values()]
        counts = self._tally.deployments
        # For whole answers, and for streams.
        given = {"gateway_ms": job.gateway_ms}
        self._places = tuple(places_of(groups, self._conditions, counts, is_stream=k, **given) for k in (False, True))
        self._gateway_s = job.gateway_ms / 1000
        self._rescues = Rescues(job, self._places, self._passed_over, self._ask)
        self._prices = Prices(self, job, self._places)
        self._effects: dict[tuple[str, Told], Effect] = {}
        self.heap: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._events = 0
        self.overtaken = 0  # ends of waits in the heap, of requests that were woken before
        self.now = 0.0

    def run(self) -> None:
        """Until every request has ended; raises Stopped."""
        self._prices.await_changes()
        self.at(0.0, self._frame, None)
        if self._job.workload.kind == "closed":
            for n in range(self._job.workload.concurrency):
                self.at(0.0, self._next, ClientRetries(f"{self._job.seed}:client:{n}"))
        else:
            OpenLoop(self, self._arrivals).await_next()
        heap = self.heap
        while True:
            for _ in range(EVENTS_PER_LOOK):
                if len(heap) - self.overtaken <= 1 and heap[0][0] > self.now:  # the next frame is always among them
                    return
                self.now, _, happen, about = heappop(heap)
                happen(about)
            self._look()

    def at(self, when: float, happen: Callable[[Any], None], about: Any) -> None:
        self._events = events = self._events + 1
        heappush(self.heap, (when, events, happen, about))

    def _look(self) -> None:
        if self._should_stop():
            raise Stopped
        if self.now > LIMIT_S:
            raise RuntimeError("The rehearsal ran for 30 virtual days without an end.")

    def _frame(self, _: None) -> None:
        self._recording.emit_frame(self.now * 1000, self._processes.cooldowns_s(self.now))
        self.at(self.now + self._recording.next_frame_s, self._frame, None)

    def end(self, kind: str) -> None:
        """Says how the run ended; requests that are still on their way were left."""
        for count in self._tally.deployments.values():
            count.in_flight = 0
        struck = frozenset(number for place in self._conditions.values() for number in place.struck)
        struck |= self._prices.struck
        self._recording.end(kind, self.now * 1000, self._processes.cooldowns_s(self.now), struck)

    # Who comes

    def _next(self, client: ClientRetries, wait_s: float = 0.0) -> None:
        """A client of the closed loop takes the next request, at once or after a wait."""
        if (arrival := next(self._arrivals, None)) is None:
            return
        if wait_s:
            self.at(self.now + wait_s, self.begin_one, (arrival, client))
        else:
            self.begin(arrival, client)

    def begin_one(self, about: tuple[tuple[int, Arrival], ClientRetries | None]) -> None:
        self.begin(*about)

    def begin(self, arrival: tuple[int, Arrival], client: ClientRetries | None) -> None:
        if self._should_stop():
            raise Stopped
        now, (index, (_, input_tokens, output_tokens, conversation, is_stream, _)) = self.now, arrival
        self._tally.started += 1
        if is_stream is None:
            is_stream = self._is_stream
        request = Request(index, input_tokens, output_tokens, client, now, now + self._patience_s, is_stream)
        process = self._lone or self._processes.of(client)
        if conversation and process.talks is not None:
            talk = request.talk = process.talks.begin(conversation, now)
            self._do(request, self._set_out(request, process).begin(now, talk.bound))
        elif self._is_plain and (ask := process.first_asks[is_stream].ask(now, prompt_tokens=input_tokens)) is not None:
            self._ask(request, ask)
        else:
            self._do(request, self._set_out(request, process).begin(now))

    def _set_out(self, request: Request, process: RehearsedProcess) -> Journey:
        request.trace, request.failures = Trace(str(request.index), process.group.name), []
        journey = request.journey = Journey(
            process.groups,
            process.group,
            self._rng,
            deadline_s=request.began_s + self._limit_s,
            prompt_tokens=request.input_tokens,
            is_stream=request.is_stream,
            request_id=request.trace.call_id,
        )
        return journey

    def _journey_of(self, request: Request) -> Journey:
        """Its journey, which begins with the attempt under way where it has none yet."""
        if (journey := request.journey) is None:
            journey = self._set_out(request, self._lone or self._processes.of_group(request.ask.visit.group))
            journey.goes_on_from(request.ask)
        return journey

    # What a journey wants

    def _do(self, request: Request, action: Action) -> None:
        if isinstance(action, Ask):
            self._ask(request, action)
        elif isinstance(action, GiveUp):
            self._give_up(request, action)
        elif action.queued is None:
            self.at(min(self.now + action.seconds, request.deadline_s), self._waited, request)
        else:
            self._queue(request, action.queued, self.now + action.seconds)

    def _queue(self, request: Request, queued: Queued, until_s: float) -> None:
        """It waits for a place until then, or until it may be its turn."""
        waiting = [request]

        def wake() -> None:
            if waiting:
                self.overtaken += 1
                self.at(self.now, self._waited, waiting.pop())

        queued.wake = wake
        self.at(min(until_s, request.deadline_s), self._turn, waiting)

    def _turn(self, waiting: list[Request]) -> None:
        """The wait in a queue is over, unless the request was woken before."""
        if waiting:
            self._waited(waiting.pop())
        else:
            self.overtaken -= 1

    def _waited(self, request: Request) -> None:
        journey = self._journey_of(request)
        if self.now < request.deadline_s:
            self._do(request, journey.woke(self.now))
            return
        journey.leave_queue()
        self._run_out(request, has_begun=False)

    def _ask(self, request: Request, ask: Ask, fate: Fate | None = None) -> None:
        now, place = self.now, self._places[request.is_stream][ask.target]
        request.ask, request.place, request.first_token_s = ask, place, None
        place.count.in_flight += 1
        if fate is None:
            fate = place.conditions.fate(now, request.input_tokens, request.output_tokens, is_stream=place.is_stream)
        if request.talk is not None:
            request.talk.talks.ask(request.talk, ask, now, fate, place.conditions)
        if fate.is_filtered and fate.heed_filter(is_left=bool(ask.visit.group.content)):
            self._journey_of(request)  # its answer is not as long as others
        request.fate, news_s = fate, fate.news_s
        if place.has_capacity and fate.trouble is None:
            if self._stations.has_entered(request, place, fate):
                return
            fate.trouble = FULL
            news_s = fate.news_s
        if news_s >= place.limit_s:
            request.effect = timed_out(place.row, place.limit_is_of, place.limit_s)
            self._then(request, now + place.limit_s, self.failed)
        elif fate.trouble is None:
            self._then(request, now + news_s, self.first_token if place.is_stream else self.answered)
        else:
            request.effect = self._effect(place, fate.trouble)
            self._then(request, now + news_s, self.failed)

    def _then(self, request: Request, when: float, happen: Callable[[Request], None]) -> None:
        """What comes of an attempt, unless the request's time is up before."""
        if when >= request.deadline_s:
            when, happen = request.deadline_s, self.cut_off
        self._events = events = self._events + 1
        heappush(self.heap, (when, events, happen, request))

    def _effect(self, place: Place, trouble: Any) -> Effect:
        key = place.row.deployment_id, trouble
        if (effect := self._effects.get(key)) is None:
            effect = self._effects[key] = effect_of(place.row, trouble, is_stream=place.is_stream)
        return effect

    # What becomes of an attempt

    def first_token(self, request: Request) -> None:
        now, fate, place, breaks = self.now, request.fate, request.place, self._broke
        request.first_token_s = now
        if place.is_collected:
            breaks = self.failed
        else:
            attempt_course.started(request.ask, now)
            request.deadline_s = request.began_s + self._job.deadline_s
            if request.talk is not None:
                request.talk.talks.bind(request.talk, request.ask, now)
        fate.heed_idle_limit(place.idle_s)
        share, pause_s, happen = 1.0, 0.0, self.answered
        if request.rescued is not None and (differs := differs_at(request)) is not None:
            share, happen = differs, self._differed
        elif fate.breaks_at is not None:
            share, happen = fate.breaks_at, breaks
            if fate.is_stalled:
                pause_s, request.effect = place.idle_s, timed_out(place.row, "the stream went silent", place.idle_s)
            else:
                request.effect = broken(place.row, fate)
        if request.service is None:
            self.then_whole(request, now + fate.output_s * share + pause_s, happen)
        else:
            self._stations.go_on(request, share, pause_s, happen)

    def then_whole(self, request: Request, when: float, happen: Callable[[Request], None]) -> None:
        """What becomes of a stream; of one that is collected only within the time of a whole answer."""
        place, began_s = request.place, request.ask.began_s
        if place.is_collected and when - began_s >= place.whole_s:
            request.effect = timed_out(place.row, "no answer", place.whole_s)
            when, happen = began_s + place.whole_s, self.failed
        self._then(request, when, happen)

    def answered(self, request: Request) -> None:
        now, ask, first_s, fate = self.now, request.ask, request.first_token_s, request.fate
        total = fate.input_tokens + fate.output_tokens
        first_token_s = None if first_s is None or not request.is_stream else first_s - ask.began_s
        attempt_course.answered(ask, now, first_token_s, fate.output_tokens, total)
        if request.journey is not None:
            self._close(request, "success")
            is_whole, written = request.rescued is None, fate.output_tokens
            spent = usage(fate.input_tokens, written) if is_whole else usage_of(request, written)
            if request.talk is not None:
                spent = request.talk.talks.answered(request.talk, ask, now, spent)
            self._finish(request, Outcome.ANSWERED, usage=spent)
            return
        if request.service is not None:
            leave(request)
        place, request.ended_s = request.place, now
        cost_usd = request.input_tokens * place.input_usd + request.output_tokens * place.output_usd
        request.cost_usd = cost_usd
        place.count.in_flight -= 1
        self._recording.finish_at_once(request, place.count, now * 1000 - request.began_s * 1000, cost_usd)
        if request.client is not None:
            self._next(request.client, request.client.wait_s(None) + self._gateway_s)

    def failed(self, request: Request) -> None:
        effect, journey = request.effect, self._journey_of(request)
        self._close(request, "error", effect)
        if (rescued := request.rescued) is not None:
            journey.broke(request.ask, self.now, effect.failure)
            if not self._rescues.goes_on_elsewhere(request, rescued, self.now):
                self._end_broken(request, usage_of(request), rescued.effect)
            return
        request.failures.append(effect)
        self._do(request, journey.failed(request.ask, self.now, effect.failure))

    def _broke(self, request: Request) -> None:
        """A stream whose caller has a part of it."""
        effect, journey = request.effect, self._journey_of(request)
        self._close(request, "error", effect)
        journey.broke(request.ask, self.now, effect.failure)
        if self._rescues.has_gone_on(request, effect, self.now):
            return
        if request.rescued is None:
            self._end_broken(request, usage(request.fate.input_tokens, request.fate.said_tokens), effect)
        else:
            self._end_broken(request, usage_of(request), request.rescued.effect)

    def _differed(self, request: Request) -> None:
        """A stream that was to rescue another one is another answer."""
        self._close(request, "cancelled")
        request.trace.attempts[-1].error_message = ANOTHER_ANSWER
        self._journey_of(request).left(request.ask)
        assert request.rescued is not None  # noqa: S101  # it would not differ from anything
        self._end_broken(request, usage_of(request, DIFFERS_AFTER_TOKENS), request.rescued.effect)

    def _end_broken(self, request: Request, spent: Usage, effect: Effect) -> None:
        self._finish(request, Outcome.FAILED, effect.error_class, usage=spent)

    def cut_off(self, request: Request) -> None:
        """The request's time is up with an attempt under way."""
        journey = self._journey_of(request)
        self._close(request, "cancelled")
        journey.ran_out(request.ask, self.now)
        self._run_out(request, has_begun=request.ask.has_started or request.rescued is not None)

    def _close(self, request: Request, status: AttemptStatus, effect: Effect | None = None) -> None:
        if request.service is not None:
            leave(request)
        request.place.count.in_flight -= 1
        request.trace.begin(request.attempt(self.now, status, effect))

    # How a request ends

    def _run_out(self, request: Request, *, has_begun: bool) -> None:
        failure = None if has_begun else DeadlineExceeded(self._limit_s)
        self._finish(request, Outcome.FAILED, "DeadlineExceeded", failure=failure)

    def _give_up(self, request: Request, end: GiveUp) -> None:
        journey = self._journey_of(request)
        failure = failure_of(journey, journey.visits[0].group, request.trace, request.failures, end, self.now)
        outcome = outcome_of(failure.status, was_routed=True, code=failure.code or "")
        self._finish(request, outcome, failure.error_class, failure=failure)

    def _finish(
        self,
        request: Request,
        outcome: Outcome,
        error: str | None = None,
        *,
        usage: Usage | None = None,
        failure: RequestFailed | None = None,
    ) -> None:
        trace, journey, began_s = request.trace, self._journey_of(request), request.began_s
        is_given_up = failure is not None and not isinstance(failure, DeadlineExceeded)
        if request.rescued is None:
            trace.skipped = self._passed_over.skips_of(journey, trace, is_given_up=is_given_up)
        duration_ms = self.now * 1000 - began_s * 1000
        self._recording.finish(request.index, trace, began_s * 1000, duration_ms, outcome, error, usage, failure)
        self._is_over(request, failure)

    def _is_over(self, request: Request, failure: RequestFailed | None) -> None:
        if request.client is not None:
            self._next(request.client, request.client.wait_s(failure) + self._gateway_s)
