"""Sums of buckets -> what people read. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from engine.outcomes import success_rate
from usage.rollups.latency_levels import percentile_ms
from usage.rollups.tallies import BucketSums

Dimension = Literal["provider", "model", "group", "team", "key", "owner", "virtual_model"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests and what became of them.

    `successes` were answered, `failures` failed; `refused` and `left` are in neither (docs/GLOSSARY.md). `cost_usd` is
    what our own keys cost, `saved_usd` the list price of requests that people's own keys paid for; tokens are those of
    both. `p50_ms` and `p95_ms` are of successes, within 5 % (see `usage/rollups/latency_levels.py`), None without any
    or when not asked for; `first_token_ms` is a mean. `attempts` are those made at the providers and deployments in
    question, answered or failed, and `failed_attempts` the latter: of them also where another answered the request.
    """

    requests: int = 0
    successes: int = 0
    failures: int = 0
    refused: int = 0
    left: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    own_key_requests: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    first_token_ms: float | None = None
    attempts: int = 0
    failed_attempts: int = 0

    @property
    def total_tokens(self) -> int:
        """In and out; cached tokens are part of the input, reasoning of the output."""
        return self.input_tokens + self.output_tokens

    @property
    def success_rate(self) -> float | None:
        """The share, 0 to 1, of answered requests in answered and failed ones; None without any."""
        return success_rate(self.successes, self.failures)

    @property
    def attempt_success_rate(self) -> float | None:
        """The share, 0 to 1, of attempts that did not fail: how a provider or a deployment did; None without any."""
        return success_rate(self.attempts - self.failed_attempts, self.failed_attempts)


@dataclass(frozen=True, slots=True)
class UsageLine:
    """One provider, model, team …; `name` is the newest it had, `id` empty where the name is all there is."""

    name: str
    id: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Point:
    """The hour or day that begins at `start` (UTC)."""

    start: datetime
    totals: Totals


def totals_of(parts: Iterable[tuple[BucketSums, bool]], latencies: Mapping[int, int] | None = None) -> Totals:
    """Adds sums up, each with whether people's own keys paid for it; `latencies` are level -> count."""
    parts = list(parts)
    ours = _added_up(sums for sums, is_own_key in parts if not is_own_key)
    own = _added_up(sums for sums, is_own_key in parts if is_own_key)
    both = _added_up((ours, own))
    return Totals(
        requests=both.requests,
        successes=both.successes,
        failures=both.failures,
        refused=both.refused,
        left=both.left,
        input_tokens=both.input_tokens,
        output_tokens=both.output_tokens,
        cached_tokens=both.cached_tokens,
        reasoning_tokens=both.reasoning_tokens,
        cost_usd=ours.cost_usd,
        saved_usd=own.cost_usd,
        own_key_requests=own.requests,
        p50_ms=percentile_ms(latencies or {}, 0.5),
        p95_ms=percentile_ms(latencies or {}, 0.95),
        first_token_ms=both.first_token_ms / both.first_tokens if both.first_tokens else None,
        attempts=both.attempts,
        failed_attempts=both.failed_attempts,
    )


def _added_up(parts: Iterable[BucketSums]) -> BucketSums:
    """Column by column: a report adds up some thousands, several times."""
    rows = [part.values() for part in parts]
    return BucketSums(*map(sum, zip(*rows, strict=True)))


def added(counters: Iterable[Mapping[int, int]]) -> Counter[int]:
    """One histogram of several."""
    total = dict[int, int]()  # half the time of a Counter, which a whole report fills with some 100,000 counts
    for counts in counters:
        for level, count in counts.items():
            total[level] = total.get(level, 0) + count
    return Counter(total)
