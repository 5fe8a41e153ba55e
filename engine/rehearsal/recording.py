"""What a rehearsal has to say while it runs: traces of requests that have ended, frames, and at last its result.

Whoever drives it tells what happens and when; the messages are dicts, one JSON line each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.exceptions import RequestFailed
from engine.faults.unstruck import faults_not_struck
from engine.ledger import Trace
from engine.outcomes import Outcome
from engine.rehearsal.jobs import FRAMES_PER_INTERVAL, Job
from engine.rehearsal.results import Tally, trace_json
from engine.upstreams.tokens import Usage

Emit = Callable[[dict[str, Any]], None]

TRACES_PER_MESSAGE = 500
LAST_TRACES = 5


class Stopped(Exception):
    """The run was asked to stop."""


@dataclass(slots=True, eq=False)
class Finished:
    """A request that has ended. `began_ms` is on the run's clock; without an error `usage` is that of the answer.

    `row` is its row once somebody has looked at it.
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
    row: dict[str, Any] | None = None


class Recording:
    """Of one run. Moments of attempts and skips are seconds since `zero_s`."""

    def __init__(self, job: Job, emit: Emit, *, zero_s: float = 0.0) -> None:
        self._job, self._emit, self._zero_s = job, emit, zero_s
        self.tally = Tally(job.specs, job.workload.num_requests)
        self._waiting: list[Finished] = []
        self._last: deque[Finished] = deque(maxlen=LAST_TRACES)
        self._last_fallback: Finished | None = None
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

        `failure` is what the caller was told who had no answer at all.
        """
        fallbacks = self.tally.fallbacks
        cost = self.tally.add(trace, duration_ms=duration_ms, error=error, usage=usage, outcome=outcome)
        finished = Finished(index, trace, began_ms, duration_ms, outcome, error, usage, cost, failure)
        self._last.append(finished)
        if self.tally.fallbacks > fallbacks:
            self._last_fallback = finished
        if self._job.keeps_traces:
            self._waiting.append(finished)
            if len(self._waiting) >= TRACES_PER_MESSAGE:
                self.emit_traces()

    def emit_traces(self) -> None:
        """The traces that wait, in the order in which their requests ended."""
        if self._waiting:
            first = self.tally.finished - len(self._waiting)
            self._emit({"type": "traces", "first": first, "traces": [self._row(one) for one in self._waiting]})
            self._waiting = []

    def emit_frame(self, at_ms: float, cooldowns_s: Mapping[str, float]) -> None:
        """The state at this moment; `cooldowns_s` are the seconds left of those that cool down."""
        fallback = None if self._last_fallback is None else self._row(self._last_fallback)
        last = [self._row(one) for one in self._last]
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
        self._emit({"type": kind, "result": {**result, "faults_not_struck": missed}})

    def _row(self, one: Finished) -> dict[str, Any]:
        if one.row is not None:
            return one.row
        row = one.row = trace_json(
            one.number, one.trace, one.began_ms, one.duration_ms, one.usage, one.error, one.cost_usd, self._zero_s
        )
        row["outcome"] = one.outcome.value
        if one.failure is not None:
            row["told"] = _told(one.failure)
        return row


def _told(failure: RequestFailed) -> dict[str, Any]:
    """What the caller is told beside the class of the error."""
    return {
        "status": failure.status,
        "code": failure.code,
        "retry_after_s": failure.retry_after_s,
        "is_hopeless": failure.is_hopeless,
    }
