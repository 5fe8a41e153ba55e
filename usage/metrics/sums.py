"""The counters and histograms of one process, and their sum over several. Pure: no clock, no file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.ledger import Attempt, Trace
from engine.outcomes import Outcome
from engine.upstreams.tokens import Usage
from usage.metrics import declared
from usage.metrics.declared import BY_NAME, FIRST_TOKEN_SECONDS, OTHER, SECONDS, Metric

Labels = tuple[str, ...]
Numbers = dict[Labels, float]
# Of a histogram: the values per bucket (the last: beyond all), then their sum.
Buckets = dict[Labels, list[float]]
NO_ERROR, CANCELLED = "none", "cancelled"
# Beyond the limit there is one more series for each last label; the values of those come from lists, but better safe.
MOST_OTHERS = 100


class Countable(Protocol):
    """What is counted of a finished request: the part of the gateway's that the log gets, too."""

    trace: Trace
    last: Attempt
    usage: Usage | None
    duration_ms: float
    outcome: Outcome

    @property
    def cost_usd(self) -> float | None: ...


@dataclass(slots=True)
class Sums:
    """Adds up. `most` is the limit of series per metric: further ones count as `other`.

    Labels come from the configuration and from lists of ours, never from what a client sent.
    """

    most: int = 500
    counters: dict[str, Numbers] = field(default_factory=dict)
    histograms: dict[str, Buckets] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for metric in BY_NAME.values():
            if metric.kind == "counter":
                self.counters.setdefault(metric.name, dict.fromkeys(metric.from_start, 0.0))
            elif metric.kind == "histogram":
                self.histograms.setdefault(metric.name, {})

    def add(self, metric: Metric, labels: Labels = (), amount: float = 1.0) -> None:
        """Adds to a counter."""
        numbers = self.counters[metric.name]
        if labels in numbers:
            numbers[labels] += amount
        else:
            labels = self._bounded(numbers, labels)
            numbers[labels] = numbers.get(labels, 0.0) + amount

    def observe(self, metric: Metric, bounds: tuple[float, ...], labels: Labels, value: float) -> None:
        """Adds a value to a histogram."""
        known = self.histograms[metric.name]
        if (buckets := known.get(labels)) is None:
            labels = self._bounded(known, labels)
            buckets = known.setdefault(labels, [0.0] * (len(bounds) + 2))
        buckets[bisect_left(bounds, value)] += 1
        buckets[-1] += value

    def count(self, request: Countable) -> None:
        """A finished request. It waits for this, so what most requests don't have is looked at once."""
        trace, last, outcome = request.trace, request.last, request.outcome.value
        place = (trace.model_group, last.provider, last.model)
        ended = (*place, outcome)
        self.add(declared.REQUESTS, ended)
        self.observe(declared.REQUEST_SECONDS, SECONDS, ended, request.duration_ms / 1000)
        if last.first_token_ms is not None:
            self.observe(declared.FIRST_TOKEN, FIRST_TOKEN_SECONDS, place, last.first_token_ms / 1000)
        if (usage := request.usage) is not None:
            self.add(declared.TOKENS, (*place, "input"), usage.input_tokens)
            self.add(declared.TOKENS, (*place, "output"), usage.output_tokens)
            if (cost_usd := request.cost_usd) is not None:
                self.add(declared.COST, place, cost_usd)
            else:
                self.add(declared.UNPRICED, place)
        elif request.outcome is Outcome.ANSWERED:
            self.add(declared.UNPRICED, place)
        for attempt in trace.attempts:
            self.add(declared.ATTEMPTS, (attempt.provider, attempt.model, _error_class(attempt)))
        if trace.skipped or len(trace.attempts) > 1:
            self._count_detours(trace)

    def count_proof(self, request: Countable) -> None:
        """A test request to a standby: no traffic, but it costs."""
        last = request.last
        result = "proven" if request.outcome is Outcome.ANSWERED else "failed"
        self.add(declared.STANDBY_PROOFS, (last.provider, last.model, result))
        if request.usage is not None:
            self._count_usage(("", last.provider, last.model), request.usage, request.cost_usd)

    def _count_usage(self, place: Labels, usage: Usage, cost_usd: float | None) -> None:
        self.add(declared.TOKENS, (*place, "input"), usage.input_tokens)
        self.add(declared.TOKENS, (*place, "output"), usage.output_tokens)
        if cost_usd is not None:
            self.add(declared.COST, place, cost_usd)

    def _count_detours(self, trace: Trace) -> None:
        group = (trace.model_group,)
        if fallbacks := trace.fallbacks:
            self.add(declared.FALLBACKS, group, fallbacks)
        if retries := trace.retries:
            self.add(declared.RETRIES, group, retries)
        for skip in trace.skipped:
            if skip.is_skip:
                self.add(declared.SKIPS, (trace.model_group, skip.reason.value))

    def _bounded(self, known: dict[Labels, Any], labels: Labels) -> Labels:
        """The labels of a series that is new, or of the one for all further ones."""
        if len(known) < self.most or not labels:
            return labels
        others = (OTHER,) * len(labels)
        return others if len(known) >= self.most + MOST_OTHERS else (*others[1:], labels[-1])

    def merge(self, other: Sums) -> None:
        """Adds the sums of another process."""
        for name, numbers in other.counters.items():
            mine = self.counters.setdefault(name, {})
            for labels, amount in numbers.items():
                mine[labels] = mine.get(labels, 0.0) + amount
        for name, found in other.histograms.items():
            known = self.histograms.setdefault(name, {})
            for labels, buckets in found.items():
                before = known.get(labels)
                known[labels] = [a + b for a, b in zip(before, buckets, strict=True)] if before else list(buckets)

    def copy(self) -> Sums:
        """As they are now."""
        copied = Sums(most=self.most)
        for name, rows in self.histograms.items():
            copied.histograms[name] = {labels: list(row) for labels, row in rows.items()}
        copied.counters = {name: dict(rows) for name, rows in self.counters.items()}
        return copied

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"counters": _listed(self.counters), "histograms": _listed(self.histograms)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Sums:
        """What `to_json` gave; what another release counted, and this one does not know, is left out."""
        counters, histograms = _named(found["counters"]), _named(found["histograms"])
        sums = cls(counters={name: rows for name, rows in counters.items() if _is(name, "counter", rows)})
        sums.histograms |= {name: rows for name, rows in histograms.items() if _is(name, "histogram", rows)}
        return sums


def _error_class(attempt: Attempt) -> str:
    if attempt.status == "success":
        return NO_ERROR
    return (attempt.error_class or CANCELLED) if attempt.status == "error" else CANCELLED


def _is(name: str, kind: str, rows: dict[Labels, Any]) -> bool:
    metric = BY_NAME.get(name)
    if metric is None or metric.kind != kind or any(len(labels) != len(metric.labels) for labels in rows):
        return False
    return kind != "histogram" or all(len(row) == len(metric.buckets) + 2 for row in rows.values())


def _listed(found: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [[list(labels), value] for labels, value in rows.items()] for name, rows in found.items()}


def _named(found: dict[str, Iterable[Any]]) -> dict[str, Any]:
    return {name: {tuple(labels): value for labels, value in rows} for name, rows in found.items()}
