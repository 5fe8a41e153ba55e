"""Sums of buckets -> totals for people. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from engine.outcomes import success_rate
from usage.rollups.latency_levels import percentile_ms
from usage.rollups.tallies import COLUMN_OF_UNIT, BucketSums

Dimension = Literal["provider", "model", "group", "team", "key", "owner", "virtual_model"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests by outcome.

    `successes` were answered, `failures` failed; `refused` and `left` are in neither (docs/GLOSSARY.md). `cost_usd` is
    the cost of the console's provider keys, `saved_usd` the list price of requests with own keys; tokens count both.
    `p50_ms` and `p95_ms` are of successes, within 5 % (see `usage/rollups/latency_levels.py`), None without any or if
    not requested; `first_token_ms` is a mean. `attempts` at the providers and deployments in question were answered or
    failed; `failed_attempts` are the latter, even if another deployment answered the request. `searches`, `images`,
    `characters` and `seconds` (of sound) are charged besides tokens.
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
    searches: float = 0.0
    images: float = 0.0
    characters: float = 0.0
    seconds: float = 0.0

    @property
    def units(self) -> dict[str, float]:
        """What was charged besides tokens, by unit as in the log; without units that there are none of."""
        return {unit: count for unit, column in COLUMN_OF_UNIT.items() if (count := getattr(self, column))}

    @property
    def total_tokens(self) -> int:
        """Input and output; cached tokens are part of the input, reasoning tokens of the output."""
        return self.input_tokens + self.output_tokens

    @property
    def success_rate(self) -> float | None:
        """The share, 0 to 1, of answered requests in answered and failed ones; None without either."""
        return success_rate(self.successes, self.failures)

    @property
    def attempt_success_rate(self) -> float | None:
        """The share, 0 to 1, of attempts that did not fail, for a provider or a deployment; None without any."""
        return success_rate(self.attempts - self.failed_attempts, self.failed_attempts)


@dataclass(frozen=True, slots=True)
class UsageLine:
    """One provider, model, team …; `name` is its newest name, `id` is empty if there is only a name."""

    name: str
    id: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Point:
    """The hour or day that begins at `start` (UTC)."""

    start: datetime
    totals: Totals


def totals_of(parts: Iterable[tuple[BucketSums, bool]], latencies: Mapping[int, int] | None = None) -> Totals:
    """Adds up sums, each with whether own keys paid for it; `latencies` are level -> count."""
    parts = list(parts)
    ours = _added_up([sums for sums, is_own_key in parts if not is_own_key])
    own = _added_up([sums for sums, is_own_key in parts if is_own_key])
    both = _added_up([ours, own]) if any(is_own_key for _, is_own_key in parts) else ours
    ordered = dict(sorted(latencies.items())) if latencies else {}
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
        p50_ms=percentile_ms(ordered, 0.5) if ordered else None,
        p95_ms=percentile_ms(ordered, 0.95) if ordered else None,
        first_token_ms=both.first_token_ms / both.first_tokens if both.first_tokens else None,
        attempts=both.attempts,
        failed_attempts=both.failed_attempts,
        searches=both.searches,
        images=both.images,
        characters=both.characters,
        seconds=both.seconds,
    )


def _added_up(parts: Sequence[BucketSums]) -> BucketSums:
    """Column by column, because a report adds up thousands of rows several times; many lines have only one."""
    if len(parts) == 1:
        return parts[0]
    rows = [part.values() for part in parts]
    return BucketSums(*map(sum, zip(*rows, strict=True)))


def added(counters: Iterable[Mapping[int, int]]) -> Counter[int]:
    """Adds up several histograms."""
    total = dict[int, int]()  # half the time of a Counter, with about 100,000 counts in a whole report
    for counts in counters:
        for level, count in counts.items():
            total[level] = total.get(level, 0) + count
    return Counter(total)
