"""Both sides of a comparison under each of its seeds, in a worker of the pool, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from access.models import Actor
from engine.rehearsal.jobs import Job
from engine.rehearsal.metric_differences import MetricDifference, differences_of
from engine.rehearsal.ranges import metrics_of, ranges_of, results_of
from tester import rules
from tester.comparing.planning import ComparisonPlan
from tester.exceptions import RunBroken
from tester.runs.pool import pool
from tester.runs.storage import server_is_ending
from tester.runs.workers import WorkerProcess

# What somebody who waits for an answer waits for, and what a person at a terminal does.
ANSWER_WITHIN_S, COMMAND_WITHIN_S = 60.0, 3600.0
LISTEN_S = 0.1
TOO_LONG = "No result within {:g} s. Give fewer requests or seeds, or try again when fewer rehearsals are under way."
OURS = "Something in the rehearsal itself went wrong: {}. The server's log has the details."
ENDING = "The server is stopping. Try again in a moment."

Result = dict[str, Any]
Check = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The results of both sides with each seed, and their differences."""

    plan: ComparisonPlan
    a: Sequence[Result]
    b: Sequence[Result]

    @property
    def differences(self) -> list[MetricDifference]:
        """Of each metric."""
        return differences_of(*([metrics_of(result) for result in side] for side in (self.a, self.b)))

    def to_json(self) -> dict[str, Any]:
        """The answer of the API: of each side the result of the first seed, with its ranges over all of them."""
        return {
            "a": _with_ranges(self.a),
            "b": _with_ranges(self.b),
            "differences": [one.to_json() for one in self.differences],
            "names": dict(zip(("a", "b"), self.plan.names, strict=True)),
            "seeds": self.plan.seeds,
            "notes": self.plan.notes,
        }


def compare(
    *,
    by: Actor,
    plan: ComparisonPlan,
    within_s: float = ANSWER_WITHIN_S,
    on_result: Callable[[int], None] = lambda done: None,
) -> Comparison:
    """Rehearses both sides with each seed; waits for it. Raises RunBroken.

    `on_result` is told how many of the rehearsals are done.
    """
    rules.check_can_rehearse(by)
    check = partial(_check_patience, time.monotonic() + within_s, within_s)
    sides: list[list[Result]] = [[], []]
    with pool.lend(while_waiting=check) as worker:
        perform = partial(_performed, worker, check)
        for results, job in zip(sides, (plan.a, plan.b), strict=True):
            for result in results_of(job, plan.seeds, perform):
                results.append(result)
                on_result(sum(map(len, sides)))
    return Comparison(plan, *sides)


def _performed(worker: WorkerProcess, check: Check, job: Job) -> Result:
    worker.run(job.to_json())
    while True:
        for message in worker.receive(LISTEN_S):
            if message["type"] == "done":
                result: Result = message["result"]
                return result
            if message["type"] == "failed":
                raise RunBroken(OURS.format(message["error"]))
        check()


def _check_patience(deadline: float, within_s: float) -> None:
    if server_is_ending.is_set():
        raise RunBroken(ENDING)
    if time.monotonic() > deadline:
        raise RunBroken(TOO_LONG.format(within_s))


def _with_ranges(results: Sequence[Result]) -> Result:
    ranges = ranges_of(metrics_of(result) for result in results)
    return {**results[0], "ranges": {name: list(one) for name, one in ranges.items()}}
