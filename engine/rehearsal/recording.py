"""What a rehearsal has to say while it runs: traces of requests that have ended, frames, and at last its result.

Whoever drives it tells what happens and when; the messages are dicts, one JSON line each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.exceptions import RequestFailed
from engine.faults.unstruck import faults_not_struck
from engine.ledger import Trace
from engine.outcomes import Outcome
from engine.rehearsal.jobs import FRAMES_PER_INTERVAL, Job
from engine.rehearsal.results import DeploymentCount, Tally
from engine.rehearsal.trace_lines import TraceLines
from engine.rehearsal.trace_rows import trace_json
from engine.upstreams.tokens import Usage

Emit = Callable[[dict[str, Any]], None]

TRACES_PER_MESSAGE = 500
LAST_TRACES = 5


class Stopped(Exception):
    """The run was asked to stop."""


@dataclass(slots=True, eq=False)
class Finished:
    """A request that has ended. `began_ms` is on the run's clock; without an error `usage` is that of the answer.

    `kept` is its row once somebody has looked at it.
    """

    number: int
    trace: Trace
    began_ms: float
    duration_ms: float
    outcome: Outcome
    error: str | None
    usage: Usage | None
    cost_usd: float
    failure: RequestFailed | None
    kept: dict[str, Any] | None = None

    def row(self, zero_s: float) -> dict[str, Any]:
        """As JSON; the run's clock began at `zero_s`."""
        if self.kept is not None:
            return self.kept
        row = self.kept = trace_json(
            self.number, self.trace, self.began_ms, self.duration_ms, self.usage, self.error, self.cost_usd, zero_s
        )
        row["outcome"] = self.outcome.value
        if self.failure is not None:
            row["told"] = _told(self.failure)
        return row

    def tell(self, traces: TraceLines, zero_s: float) -> None:
        """Adds its trace to a message."""
        traces.add(self.row(zero_s))


class Ended(Protocol):
    """A request that has ended, for those who look at it later."""

    def row(self, zero_s: float) -> dict[str, Any]: ...
    def tell(self, traces: TraceLines, zero_s: float) -> None: ...


class AnsweredAtOnce(Ended, Protocol):
    """One that the first deployment it asked has answered."""

    @property
    def first_token_ms(self) -> float | None: ...


class Recording:
    """Of one run. Moments of attempts and skips are seconds since `zero_s`."""

    def __init__(self, job: Job, emit: Emit, *, zero_s: float = 0.0) -> None:
        self._job, self._emit, self._zero_s = job, emit, zero_s
        self._keeps_traces, self._is_stream = job.keeps_traces, job.workload.is_stream
        traffic = job.workload
        known = {"has_caches": traffic.has_conversations, "has_clients": traffic.clients is not None}
        self.tally = Tally(job.specs, traffic.num_requests, **known)
        self.tally.gateway_ms = self._gateway_ms = job.gateway_ms
        self.told: dict[str, Any] = {}  # what the result has besides
        self._waiting: list[Ended] = []
        self._last: deque[Ended] = deque(maxlen=LAST_TRACES)
        self._last_fallback: Ended | None = None
        self._frames = 0

    def finish(
        self,
        index: int,
        trace: Trace,
        began_ms: float,
        duration_ms: float,
        outcome: Outcome,
        error: str | None = None,
        usage: Usage | None = None,
        failure: RequestFailed | None = None,
    ) -> None:
        """Counts a request that has ended, and keeps its trace until there are enough for a message.

        `failure` is what the caller was told who had no answer at all. The gateway's own time comes to `duration_ms`.
        """
        fallbacks, duration_ms = self.tally.fallbacks, duration_ms + self._gateway_ms
        cost = self.tally.add(trace, duration_ms=duration_ms, error=error, usage=usage, outcome=outcome)
        finished = Finished(index, trace, began_ms, duration_ms, outcome, error, usage, cost, failure)
        if self._is_stream and outcome is Outcome.ANSWERED:
            self._add_first_token(trace, began_ms)
        if self.tally.fallbacks > fallbacks:
            self._last_fallback = finished
        self._keep(finished)

    def _add_first_token(self, trace: Trace, began_ms: float) -> None:
        """The first token of all attempts: where a stream broke and was rescued, the caller had it long before."""
        for attempt in trace.attempts:
            if attempt.first_token_ms is not None:
                began_after_ms = (attempt.started_at - self._zero_s) * 1000 - began_ms
                self.tally.add_first_token(began_after_ms + attempt.first_token_ms + self._gateway_ms)
                return

    def finish_at_once(
        self, ended: AnsweredAtOnce, count: DeploymentCount, duration_ms: float, cost_usd: float
    ) -> None:
        """The same for one that the first deployment it asked has answered."""
        self.tally.add_at_once(count, duration_ms + self._gateway_ms, cost_usd)
        if self._is_stream and (first_token_ms := ended.first_token_ms) is not None:
            self.tally.add_first_token(first_token_ms + self._gateway_ms)
        self._keep(ended)

    def _keep(self, ended: Ended) -> None:
        self._last.append(ended)
        if self._keeps_traces:
            self._waiting.append(ended)
            if len(self._waiting) >= TRACES_PER_MESSAGE:
                self.emit_traces()

    def emit_traces(self) -> None:
        """The traces that wait, in the order in which their requests ended."""
        if self._waiting:
            first = self.tally.finished - len(self._waiting)
            traces = TraceLines()
            for one in self._waiting:
                one.tell(traces, self._zero_s)
            self._emit(traces.message(first))
            self._waiting = []

    def emit_frame(self, at_ms: float, cooldowns_s: Mapping[str, float]) -> None:
        """The state at this moment; `cooldowns_s` are the seconds left of those that cool down."""
        fallback = None if self._last_fallback is None else self._last_fallback.row(self._zero_s)
        last = [one.row(self._zero_s) for one in self._last]
        self._emit(self.tally.frame(at_ms=at_ms, cooldowns_s=cooldowns_s, last=last, last_fallback=fallback))
        self._frames += 1

    @property
    def next_frame_s(self) -> float:
        """Seconds from the last frame to the next one."""
        return self._job.frame_every_s * 2.0 ** (self._frames // FRAMES_PER_INTERVAL)

    def end(self, kind: str, at_ms: float, cooldowns_s: Mapping[str, float], struck: Collection[int]) -> None:
        """The last frame, the last traces, and `done` or `cancelled` with the RoutingGroupSimulationResult.

        `struck` are the numbers of the scenario's faults that have struck.
        """
        self.emit_frame(at_ms, cooldowns_s)
        self.emit_traces()
        result = self.tally.result(seed=self._job.seed, duration_ms=at_ms)
        missed = faults_not_struck(self._job, struck, duration_ms=at_ms)
        self._emit({"type": kind, "result": {**result, "faults_not_struck": missed, **self.told}})


def _told(failure: RequestFailed) -> dict[str, Any]:
    """What the caller is told beside the class of the error."""
    return {
        "status": failure.status,
        "code": failure.code,
        "retry_after_s": failure.retry_after_s,
        "is_hopeless": failure.is_hopeless,
    }
