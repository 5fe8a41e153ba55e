"""The recent speed of deployments: the newest records -> latency profiles for rehearsals."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.rehearsal.profiles import DEFAULT_PROFILE, Profile
from usage.models import RequestRecord

NEWEST = 500
# A faster answer never crossed a network: it is from a mock test.
SHORTEST_MS = 1.0
FASTEST_TOKENS_PER_S = 1_000_000.0
MOST_JITTER = 3.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a deployment, in milliseconds; `first_token_ms` is only known for streams."""

    duration_ms: float
    first_token_ms: float | None
    output_tokens: int

    def split(self) -> tuple[float, float]:
        """Time to the first token in milliseconds, and tokens per second after it.

        A whole answer doesn't show the border between the two: its tokens are assumed to have the default speed, but to
        take at most half of the time.
        """
        if self.first_token_ms is not None and self.duration_ms > self.first_token_ms:
            first_ms = self.first_token_ms
        else:
            usual_ms = self.output_tokens / DEFAULT_PROFILE.tokens_per_s * 1000
            first_ms = self.duration_ms - min(usual_ms, self.duration_ms / 2)
        speed = self.output_tokens / (self.duration_ms - first_ms) * 1000
        return first_ms, min(speed, FASTEST_TOKENS_PER_S)


def recent_profiles() -> dict[str, Profile]:
    """The profiles from the newest requests, by deployment id; one query of at most NEWEST rows."""
    rows = RequestRecord.objects.order_by("-started_at").values_list("attempts", "output_tokens", "is_stream")
    return profiles_of(rows[:NEWEST])


def profiles_of(records: Iterable[tuple[list[dict[str, Any]], int | None, bool]]) -> dict[str, Profile]:
    """Profiles by deployment id, from records as `(attempts, output_tokens, is_stream)`: medians of the successes.

    Streams have more information than whole answers: if there are any, only they count.
    """
    samples: dict[str, list[Sample]] = defaultdict(list)
    for attempts, output_tokens, is_stream in records:
        for attempt in attempts:
            if sample := _sample(attempt, output_tokens, is_stream):
                samples[attempt["deployment_id"]].append(sample)
    return {name: _profile(found) for name, found in samples.items()}


def _sample(attempt: Mapping[str, Any], output_tokens: int | None, is_stream: bool) -> Sample | None:
    duration_ms = attempt.get("duration_ms") or 0.0
    if attempt.get("status") != "success" or duration_ms < SHORTEST_MS or not output_tokens:
        return None
    return Sample(duration_ms, attempt.get("first_token_ms") if is_stream else None, output_tokens)


def _profile(samples: list[Sample]) -> Profile:
    parts = [sample.split() for sample in [s for s in samples if s.first_token_ms is not None] or samples]
    firsts_ms = [first_ms for first_ms, _ in parts]
    return Profile(
        first_token_ms=round(statistics.median(firsts_ms), 3),
        tokens_per_s=round(max(0.001, statistics.median(speed for _, speed in parts)), 3),
        jitter=_jitter(firsts_ms),
        source="measured",
    )


def _jitter(values: list[float]) -> float:
    """The spread as a share of the mean; the default with too few values."""
    mean = statistics.fmean(values)
    if len(values) < 5 or not mean:
        return DEFAULT_PROFILE.jitter
    return min(round(statistics.pstdev(values) / mean, 3), MOST_JITTER)
