"""Traces -> numbers: the counters of a rehearsal, and its result and frames as JSON.

Names are those of the REST API. `request_count` of a deployment counts attempts, `success_count` the requests
it answered, `percent_of_total` its share of all answered requests.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine.ledger import Attempt, Hedge, Skip, Trace
from engine.outcomes import Outcome
from engine.rehearsal.last_seconds import Counted, Counts, LastSeconds, Lately, Row, SortedTimes
from engine.spec import DeploymentSpec, GroupSpec
from engine.upstreams.call import Usage

Flow = tuple[str | None, str, str]
PRIMARY = "primary"


@dataclass(slots=True)
class DeploymentCount:
    """The counters of one deployment. `primary` is how many requests it was asked first and alone."""

    spec: DeploymentSpec
    attempts: int = 0
    primary: int = 0
    successes: int = 0
    failures: int = 0
    lost_hedges: int = 0
    in_flight: int = 0
    latency_sum_ms: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, attempt: Attempt) -> None:
        if attempt.hedge == Hedge.LOST:  # neither a success nor a failure
            self.lost_hedges += 1
            return
        self.attempts += 1
        if attempt.status == "success":
            self.successes += 1
            self.latency_sum_ms += attempt.duration_ms or 0.0
        else:
            self.failures += 1
            self.errors[attempt.error_class or attempt.status] += 1

    @property
    def avg_latency_ms(self) -> float:
        return round(self.latency_sum_ms / self.successes, 3) if self.successes else 0.0


class Tally:
    """Counts finished requests of one rehearsal that has `expected` of them."""

    def __init__(
        self, specs: tuple[GroupSpec, ...], expected: int, *, has_caches: bool = False, has_clients: bool = False
    ) -> None:
        """`has_caches`: what is read from prompt caches is known; `has_clients`: callers may ask again, or leave."""
        self._expected, self._has_caches, self._has_clients = expected, has_caches, has_clients
        self.left, self.repeats, self.gateway_ms = 0, 0, 0.0
        rows = {d.deployment_id: d for spec in reversed(specs) for d in reversed(spec.deployments)}
        self.deployments = {name: DeploymentCount(rows[name]) for name in reversed(rows)}
        self.started = self.succeeded = self.failed = self.refused = self.fallbacks = self.untried = self.rescued = (
            self.hedged
        ) = 0
        self.cost_usd = 0.0
        self.read_tokens = self.cached_tokens = 0
        self._latencies_ms, self._first_tokens_ms = array("d"), array("d")
        self._latency_sum_ms = 0.0
        self._flows: Counter[Flow] = Counter()
        self._causes: Counter[str] = Counter()
        self._skips = {name: Counter[str]() for name in self.deployments}
        self._last_seconds = LastSeconds()
        self._sorted_ms, self._sorted_first_ms = SortedTimes(), SortedTimes()

    @property
    def finished(self) -> int:
        """The number of requests that have ended, in any way."""
        return self.succeeded + self.failed + self.refused + self.left

    def count_repeat(self) -> None:
        """A caller asks again: one request more than there would have been."""
        self.repeats += 1
        self._expected += 1

    def add(
        self, trace: Trace, *, duration_ms: float, error: str | None, usage: Usage | None, outcome: Outcome
    ) -> float:
        """Counts one finished request, with the class of its error if it has one; returns its cost in US dollars.

        A stream that broke has a cost too.
        """
        for attempt in trace.attempts:
            count = self.deployments[attempt.deployment_id]
            count.add(attempt)
        if trace.skipped:
            self._add_skips(trace.skipped)
        if len(trace.attempts) == 1 and not attempt.fallback_depth:
            self._add_primary(count)
        else:
            self._add_detour(trace)
        if outcome is Outcome.REFUSED:
            self.refused += 1
            return 0.0
        cost = self.cost_of(trace, usage)
        self.cost_usd += cost
        if usage is not None:
            self.read_tokens += usage.input_tokens
            self.cached_tokens += usage.cached_tokens
        if outcome is Outcome.LEFT:
            self.left += 1
            return cost
        if error is not None:
            self.failed += 1
            self._causes[error] += 1
            return cost
        self.succeeded += 1
        if len(trace.attempts) > 1:
            self.rescued += any(attempt.rescue for attempt in trace.attempts)
            self.hedged += trace.is_hedged
        self._latencies_ms.append(duration_ms)
        self._latency_sum_ms += duration_ms
        return cost

    def add_at_once(self, count: DeploymentCount, duration_ms: float, cost_usd: float) -> None:
        """Counts a request that was answered by the first deployment it asked."""
        count.attempts += 1
        count.successes += 1
        count.latency_sum_ms += duration_ms - self.gateway_ms
        self._add_primary(count)
        self.succeeded += 1
        self._latencies_ms.append(duration_ms)
        self._latency_sum_ms += duration_ms
        self.cost_usd += cost_usd

    def add_first_token(self, waited_ms: float) -> None:
        """Counts how long the caller of an answered stream waited for its first token, through all attempts."""
        self._first_tokens_ms.append(waited_ms)

    def _add_primary(self, count: DeploymentCount) -> None:
        if not count.primary:
            self._flows[None, count.spec.deployment_id, PRIMARY] += 0  # its place among the flows
        count.primary += 1

    def _add_detour(self, trace: Trace) -> None:
        """A request that its first deployment did not answer, at once and alone."""
        self.fallbacks += trace.has_fallen_back
        self.untried += not trace.attempts
        for flow in _flows(trace):
            self._flows[flow] += 1

    def _add_skips(self, skipped: Sequence[Skip]) -> None:
        for skip in skipped:
            if skip.is_skip:
                self._skips[skip.deployment_id][skip.reason.value] += 1

    def _flow_steps(self) -> list[dict[str, Any]]:
        return [
            _flow_step(flow, count + (self.deployments[flow[1]].primary if flow[2] == PRIMARY else 0))
            for flow, count in self._flows.items()
        ]

    def cost_of(self, trace: Trace, usage: Usage | None) -> float:
        if usage is None or trace.last is None:
            return 0.0
        if len(trace.attempts) > 1 and (parts := [one.part for one in trace.attempts if one.part is not None]):
            return sum(cost or 0.0 for _, _, cost in parts)
        spec = self.deployments[trace.last.deployment_id].spec
        return usage.cost_usd(spec) or 0.0

    def result(self, *, seed: int, duration_ms: float) -> dict[str, Any]:
        """RoutingGroupSimulationResult, without the id of the run."""
        ordered, first_tokens = self._ordered_ms, self._ordered_first_ms
        return {
            "total_requests": self.finished,
            "successful_requests": self.succeeded,
            "failed_requests": self.failed,
            "refused_requests": self.refused,
            **({"left_requests": self.left, "repeated_requests": self.repeats} if self._has_clients else {}),
            "failures_by_cause": dict(self._causes.most_common()),
            "skipped": {name: dict(reasons.most_common()) for name, reasons in self._skips.items() if reasons},
            "untried_requests": self.untried,
            "avg_latency_ms": round(sum(ordered) / len(ordered), 3) if ordered else 0.0,
            "fallback_count": self.fallbacks,
            "rescued_requests": self.rescued,
            "hedged_requests": self.hedged,
            "traffic_distribution": [self._traffic(count) for count in self.deployments.values()],
            "flow_data": self._flow_steps(),
            "seed": seed,
            "virtual_duration_ms": round(duration_ms, 3),
            **{f"latency_p{p}_ms": percentile(ordered, p) for p in (50, 95, 99)},
            **{f"ttft_p{p}_ms": percentile(first_tokens, p) for p in (50, 95, 99)},
            "cost_usd": round(self.cost_usd, 9),
            "cached_share": self._cached_share,
        }

    @property
    def _cached_share(self) -> float | None:
        """Of all input tokens those that were read from prompt caches; None where that is not known."""
        return round(self.cached_tokens / self.read_tokens, 6) if self._has_caches and self.read_tokens else None

    def _traffic(self, count: DeploymentCount) -> dict[str, Any]:
        return {
            "deployment_id": count.spec.deployment_id,
            "deployment_name": count.spec.name,
            "provider": count.spec.provider,
            "request_count": count.attempts,
            "success_count": count.successes,
            "failure_count": count.failures,
            "lost_hedges": count.lost_hedges,
            "avg_latency_ms": count.avg_latency_ms,
            "percent_of_total": round(100 * count.successes / self.succeeded, 3) if self.succeeded else 0.0,
            "priority": count.spec.priority,
            "weight": count.spec.weight,
            "errors": dict(count.errors),
        }

    def frame(
        self,
        *,
        at_ms: float,
        cooldowns_s: Mapping[str, float],
        last: list[dict[str, Any]],
        last_fallback: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The state at one moment, with the traces of the requests that ended last, and of the last that fell back."""
        lately = self._lately(at_ms, cooldowns_s)
        return {
            "type": "frame",
            "at_ms": round(at_ms, 3),
            "requests": self._requests_json(lately),
            "deployments": {
                name: _deployment_json(count, cooldowns_s.get(name, 0.0), lately)
                for name, count in self.deployments.items()
            },
            "flow_data": self._flow_steps(),
            "last_traces": last,
            "last_fallback": last_fallback,
        }

    def _requests_json(self, lately: Lately) -> dict[str, Any]:
        ordered = self._ordered_ms
        return {
            "expected": self._expected,
            "started": self.started,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "refused": self.refused,
            **({"left": self.left} if self._has_clients else {}),
            "in_flight": self.started - self.finished,
            "fallbacks": self.fallbacks,
            "untried": self.untried,
            "avg_latency_ms": round(self._latency_sum_ms / self.succeeded, 3) if self.succeeded else 0.0,
            "latency_p50_ms": percentile(ordered, 50),
            "latency_p95_ms": percentile(ordered, 95),
            "ttft_p95_ms": percentile(self._ordered_first_ms, 95),
            "cost_usd": round(self.cost_usd, 9),
            "causes": dict(self._causes),
            "flow_s": round(lately.flow_s, 3),
            "flowing": lately.finished,
            "flowing_failed": lately.failed,
        }

    @property
    def _ordered_ms(self) -> list[float]:
        return self._sorted_ms.up_to_date(self._latencies_ms)

    @property
    def _ordered_first_ms(self) -> list[float]:
        return self._sorted_first_ms.up_to_date(self._first_tokens_ms)

    def _lately(self, at_ms: float, cooldowns_s: Mapping[str, float]) -> Lately:
        rows = self.deployments.items()
        counts = {name: Counts(count.attempts, count.failures, count.successes) for name, count in rows}
        return self._last_seconds.look(Counted(at_ms, counts, self.finished, self.failed), cooldowns_s)


def _deployment_json(count: DeploymentCount, left_s: float, lately: Lately) -> dict[str, Any]:
    name = count.spec.deployment_id
    return {
        "request_count": count.attempts,
        "success_count": count.successes,
        "failure_count": count.failures,
        "in_flight": count.in_flight,
        "avg_latency_ms": count.avg_latency_ms,
        "cooldown_left_s": round(left_s, 3),
        "errors": dict(count.errors),
        "recent_request_count": lately.recent[name].attempts,
        "recent_failure_count": lately.recent[name].failures,
        "flowing_count": lately.flowing[name].successes,
        **_failing_json(lately.rows.get(name)),
    }


def _failing_json(row: Row | None) -> dict[str, Any]:
    """Failures without an answer since, if there are any."""
    if row is None:
        return {}
    return {"failing_since_ms": row.since_ms, "failing_count": row.failures, "failing_cooled": row.has_cooled}


def percentile(ordered: list[float], percent: int) -> float | None:
    """The nearest-rank percentile of sorted values; None for none."""
    if not ordered:
        return None
    return round(ordered[max(0, -(-percent * len(ordered) // 100) - 1)], 3)


def _flows(trace: Trace) -> list[Flow]:
    """The first attempt of a request, and each move to another tier or group."""
    if not trace.attempts:
        return []
    moves = [
        (before.deployment_id, after.deployment_id, before.moved_on_because or "fallback_error")
        for before, after in pairwise(trace.attempts)
        if before.place != after.place
    ]
    return [(None, trace.attempts[0].deployment_id, _why_first(trace)), *moves]


def _why_first(trace: Trace) -> str:
    """`primary`, or the reason why the first attempt was in a later tier: no deployment before it was asked."""
    if not trace.attempts[0].fallback_depth:
        return PRIMARY
    return next((skip.moved_on_because for skip in trace.skipped), "fallback_error")


def _flow_step(flow: Flow, count: int) -> dict[str, Any]:
    before, after, reason = flow
    return {"from_deployment": before, "to_deployment": after, "request_count": count, "reason": reason}
