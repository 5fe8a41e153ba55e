"""The rehearsal's driver of the routing core: a heap of events. No event loop, no wall clock, no LiteLLM.

The journeys are those that the gateway drives; only here nobody waits. Events of one moment come in the order in
which they were made, so that a seed gives the same bytes in any process.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from engine.core.actions import Action, Ask, GiveUp
from engine.core.journey import Journey
from engine.core.queues import Queued
from engine.core.state import Group, Target
from engine.drivers.compiling import compiled_together
from engine.drivers.effects import Effect, effect_of, timed_out, unreachable
from engine.drivers.endings import PassedOver, failure_of
from engine.exceptions import DeadlineExceeded, RequestFailed
from engine.faults.conditions import Conditions, conditions_of
from engine.faults.fates import Broken, Fate, Refusal
from engine.ledger import Attempt, AttemptStatus, Trace
from engine.outcomes import Outcome, outcome_of
from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit, Recording, Stopped
from engine.rehearsal.results import DeploymentCount
from engine.rehearsal.workload import Arrival
from engine.spec import DeploymentSpec
from engine.upstreams.tokens import Usage

# A run whose clock has gone this far is stuck in something that will not end.
LIMIT_S = 30 * 24 * 3600.0
# Somebody who cancels is heard after so many events at the latest.
EVENTS_PER_LOOK = 1024


def simulate(job: Job, *, emit: Emit, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Runs a job to its end and emits what `rehearsal.rehearse` does; the same seed gives the same bytes.

    Raises errors of the engine itself; failed requests are part of the result.
    """
    simulation = Simulation(job, emit, should_stop)
    kind = "done"
    try:
        simulation.run()
    except Stopped:
        kind = "cancelled"
    simulation.end(kind)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A deployment in a group: what asking it takes and who counts it. Limits of one attempt are in seconds.

    `limit_s` is that of the answer, or of a stream's first token; `idle_s` that between two of its events. To the
    caller, a stream that `is_collected` is a whole answer, which may take `whole_s`.
    """

    row: DeploymentSpec
    group: str
    tier: int
    conditions: Conditions
    count: DeploymentCount
    limit_s: float
    limit_is_of: str
    idle_s: float
    is_stream: bool
    is_collected: bool
    whole_s: float


@dataclass(slots=True, eq=False)
class Request:
    """One request of a run: where it is on its way, and how the attempt under way will end."""

    index: int
    arrival: Arrival
    client: ClientRetries | None
    journey: Journey
    trace: Trace
    began_s: float
    deadline_s: float
    failures: list[Effect] = field(default_factory=list)
    place: Place = field(init=False)
    ask: Ask = field(init=False)
    fate: Fate = field(init=False)
    effect: Effect = field(init=False)


class Simulation:
    """The state of one run."""

    def __init__(self, job: Job, emit: Emit, should_stop: Callable[[], bool]) -> None:
        self._job, self._should_stop = job, should_stop
        self._recording = Recording(job, emit)
        self._conditions = conditions_of(job.specs, job.scenario, job.profiles, job.seed)
        self._groups = compiled_together(job.specs)
        self._group = self._groups[job.spec.name]
        self._rng = random.Random(f"{job.seed}:routing")  # noqa: S311  # no secret is drawn from it
        workload = random.Random(f"{job.seed}:workload")  # noqa: S311
        self._arrivals = enumerate(job.workload.schedule(workload))
        self._is_stream = job.workload.is_stream
        self._limit_s = min(job.deadline_s, job.spec.retry.total_s)
        self._passed_over = PassedOver(self._groups, self._group)
        self._places = {
            target: self._place(group, target) for group in self._groups.values() for target in group.targets()
        }
        self._effects: dict[tuple[str, Refusal | Broken], Effect] = {}
        self._heap: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._events = 0
        self._overtaken = 0  # ends of waits in the heap, of requests that were woken before
        self.now = 0.0

    def _place(self, group: Group, target: Target) -> Place:
        row, spec, policy = target.spec, group.spec, group.spec.retry
        is_stream = self._is_stream or spec.streams_upstream
        return Place(
            row,
            spec.name,
            spec.tier_of(row),
            self._conditions[row.deployment_id],
            self._recording.tally.deployments[row.deployment_id],
            policy.limit_s(is_stream=is_stream),
            "no first token" if is_stream else "no answer",
            policy.stream_idle_timeout_s,
            is_stream,
            is_stream and not self._is_stream,
            policy.timeout_s,
        )

    # The heap

    def run(self) -> None:
        """Until every request has ended; raises Stopped."""
        self._at(0.0, self._frame, None)
        if self._job.workload.kind == "closed":
            for n in range(self._job.workload.concurrency):
                self._at(0.0, self._next, ClientRetries(f"{self._job.seed}:client:{n}"))
        else:
            self._await_next()
        heap = self._heap
        while len(heap) - self._overtaken > 1 or heap[0][0] <= self.now:  # the next frame is always among them
            if not self._events % EVENTS_PER_LOOK:
                self._look()
            self.now, _, happen, about = heappop(heap)
            happen(about)

    def _at(self, when: float, happen: Callable[[Any], None], about: Any) -> None:
        self._events = events = self._events + 1
        heappush(self._heap, (when, events, happen, about))

    def _look(self) -> None:
        if self._should_stop():
            raise Stopped
        if self.now > LIMIT_S:
            raise RuntimeError("The rehearsal ran for 30 virtual days without an end.")

    def _frame(self, _: None) -> None:
        self._recording.emit_frame(self.now * 1000, self._cooldowns_s())
        self._at(self.now + self._recording.next_frame_s, self._frame, None)

    def end(self, kind: str) -> None:
        """Says how the run ended; requests that are still on their way were left."""
        for count in self._recording.tally.deployments.values():
            count.in_flight = 0
        struck = frozenset(number for place in self._conditions.values() for number in place.struck)
        self._recording.end(kind, self.now * 1000, self._cooldowns_s(), struck)

    def _cooldowns_s(self) -> dict[str, float]:
        now, cooldowns = self.now, {}
        for group in self._groups.values():
            for target in group.targets() if group.has_breakers else ():
                until_s = max(target.health.breaker.until_s, target.health.provider.breaker.until_s)
                if until_s > now:
                    cooldowns[target.key] = until_s - now
        return cooldowns

    # Who comes

    def _next(self, client: ClientRetries, wait_s: float = 0.0) -> None:
        """A client of the closed loop takes the next request, at once or after a wait."""
        if (arrival := next(self._arrivals, None)) is None:
            return
        if wait_s:
            self._at(self.now + wait_s, self._begin, (arrival, client))
        else:
            self._begin((arrival, client))

    def _await_next(self) -> None:
        """The open loop: the next request comes when it comes, whether or not earlier ones are answered."""
        if (arrival := next(self._arrivals, None)) is not None:
            self._at(max(self.now, arrival[1].at_s), self._come, arrival)

    def _come(self, arrival: tuple[int, Arrival]) -> None:
        """All that come at this moment; they begin after what else is due now."""
        due, following = [arrival], next(self._arrivals, None)
        while following is not None and following[1].at_s <= self.now:
            due.append(following)
            following = next(self._arrivals, None)
        if following is not None:
            self._at(following[1].at_s, self._come, following)
        if len(due) == 1 and self._heap[0][0] > self.now:
            self._begin((arrival, None))
            return
        for one in due:
            self._at(self.now, self._begin, (one, None))

    def _begin(self, about: tuple[tuple[int, Arrival], ClientRetries | None]) -> None:
        if self._should_stop():
            raise Stopped
        (index, arrival), client = about
        now, name = self.now, str(index)
        self._recording.tally.started += 1
        deadline_s = now + self._limit_s
        journey = Journey(
            self._groups,
            self._group,
            self._rng,
            deadline_s=deadline_s,
            prompt_tokens=arrival.input_tokens,
            is_stream=self._is_stream,
            request_id=name,
        )
        request = Request(index, arrival, client, journey, Trace(name, self._group.name), now, deadline_s)
        self._do(request, journey.begin(now))

    # What a journey wants

    def _do(self, request: Request, action: Action) -> None:
        if isinstance(action, Ask):
            self._ask(request, action)
        elif isinstance(action, GiveUp):
            self._give_up(request, action)
        elif action.queued is None:
            self._then(request, self.now + action.seconds, self._woke)
        else:
            self._queue(request, action.queued, self.now + action.seconds)

    def _queue(self, request: Request, queued: Queued, until_s: float) -> None:
        """It waits for a place until then, or until it may be its turn."""
        waiting = [request]

        def wake() -> None:
            if waiting:
                self._overtaken += 1
                self._at(self.now, self._turned, waiting.pop())

        queued.wake = wake
        self._at(min(until_s, request.deadline_s), self._turn, waiting)

    def _turn(self, waiting: list[Request]) -> None:
        """The wait in a queue is over, unless the request was woken before."""
        if waiting:
            self._turned(waiting.pop())
        else:
            self._overtaken -= 1

    def _turned(self, request: Request) -> None:
        (self._run_out if self.now >= request.deadline_s else self._woke)(request)

    def _then(self, request: Request, when: float, happen: Callable[[Request], None]) -> None:
        """What happens next to a request, unless its time is up before."""
        if when >= request.deadline_s:
            when, happen = request.deadline_s, self._run_out
        self._events = events = self._events + 1
        heappush(self._heap, (when, events, happen, request))

    def _ask(self, request: Request, ask: Ask) -> None:
        now, arrival, place = self.now, request.arrival, self._places[ask.target]
        row = place.row
        request.ask, request.place = ask, place
        request.trace.begin(Attempt(row.deployment_id, row.name, row.provider, place.group, place.tier, now, ask.depth))
        place.count.in_flight += 1
        fate = request.fate = place.conditions.fate(
            now, arrival.input_tokens, arrival.output_tokens, is_stream=place.is_stream
        )
        news_s = fate.news_s
        if news_s >= place.limit_s:
            request.effect = timed_out(row, place.limit_is_of, place.limit_s)
            self._then(request, now + place.limit_s, self._failed)
        elif fate.trouble is None:
            self._then(request, now + news_s, self._first_token if place.is_stream else self._answered)
        else:
            request.effect = self._effect(row, fate.trouble)
            self._then(request, now + news_s, self._failed)

    def _effect(self, row: DeploymentSpec, trouble: Any) -> Effect:
        key = row.deployment_id, trouble
        if (effect := self._effects.get(key)) is None:
            effect = self._effects[key] = effect_of(row, trouble)
        return effect

    # What becomes of an attempt

    def _first_token(self, request: Request) -> None:
        now, fate, ask = self.now, request.fate, request.ask
        attempt = request.trace.attempts[-1]
        attempt.first_token_ms = (now - attempt.started_at) * 1000
        row, idle_s, breaks = request.place.row, request.place.idle_s, self._broke
        if request.place.is_collected:
            breaks = self._failed
        else:
            request.journey.started(ask, now)
            request.deadline_s = request.began_s + self._job.deadline_s
        fate.heed_idle_limit(idle_s)
        if fate.breaks_at is None:
            self._then_whole(request, now + fate.output_s, self._answered)
        elif fate.is_stalled:
            request.effect = timed_out(row, "the stream went silent", idle_s)
            self._then_whole(request, now + fate.output_s * fate.breaks_at + idle_s, breaks)
        else:
            request.effect = unreachable(row, "the stream was cut before its end")
            self._then_whole(request, now + fate.output_s * fate.breaks_at, breaks)

    def _then_whole(self, request: Request, when: float, happen: Callable[[Request], None]) -> None:
        """What becomes of a stream; of one that is collected only within the time of a whole answer."""
        place, began_s = request.place, request.ask.began_s
        if place.is_collected and when - began_s >= place.whole_s:
            request.effect = timed_out(place.row, "no answer", place.whole_s)
            when, happen = began_s + place.whole_s, self._failed
        self._then(request, when, happen)

    def _answered(self, request: Request) -> None:
        arrival, attempt = request.arrival, self._close(request, "success")
        attempt.status_code = 200
        first_token_ms = attempt.first_token_ms or attempt.duration_ms or 0.0
        total = arrival.input_tokens + arrival.output_tokens
        request.journey.answered(request.ask, self.now, first_token_ms / 1000, arrival.output_tokens, total)
        self._finish(request, Outcome.ANSWERED, usage=Usage(arrival.input_tokens, arrival.output_tokens, total))

    def _failed(self, request: Request) -> None:
        effect = self._note(request)
        request.failures.append(effect)
        self._do(request, request.journey.failed(request.ask, self.now, effect.failure))

    def _broke(self, request: Request) -> None:
        effect = self._note(request)
        request.journey.broke(request.ask, self.now, effect.failure)
        self._finish(request, Outcome.FAILED, effect.error_class)

    def _note(self, request: Request) -> Effect:
        effect, attempt = request.effect, self._close(request, "error")
        attempt.error_class, attempt.error_message = effect.error_class, effect.message
        attempt.status_code = effect.status_code
        return effect

    def _close(self, request: Request, status: AttemptStatus) -> Attempt:
        attempt = request.trace.attempts[-1]
        attempt.status = status
        attempt.duration_ms = (self.now - attempt.started_at) * 1000
        request.place.count.in_flight -= 1
        return attempt

    # How a request ends

    def _woke(self, request: Request) -> None:
        self._do(request, request.journey.woke(self.now))

    def _run_out(self, request: Request) -> None:
        """Its deadline has come."""
        last = request.trace.last
        if last is not None and last.status == "pending":
            self._close(request, "cancelled")
            request.journey.ran_out(request.ask, self.now)
        request.journey.leave_queue()
        has_begun = last is not None and last.first_token_ms is not None
        failure = None if has_begun else DeadlineExceeded(self._limit_s)
        self._finish(request, Outcome.FAILED, "DeadlineExceeded", failure=failure)

    def _give_up(self, request: Request, end: GiveUp) -> None:
        failure = failure_of(request.journey, self._group, request.trace, request.failures, end, self.now)
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
        trace = request.trace
        trace.skipped = self._passed_over.skips_of(request.journey, trace, is_given_up=failure is not None)
        began_s = request.began_s
        duration_ms = self.now * 1000 - began_s * 1000
        self._recording.finish(request.index, trace, began_s * 1000, duration_ms, outcome, error, usage, failure)
        if request.client is not None:
            self._next(request.client, request.client.wait_s(failure))
