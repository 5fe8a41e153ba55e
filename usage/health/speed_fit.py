"""Answers that a deployment gave -> its profile: how long it takes to begin, to read a token and to write one. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.rehearsal.profiles import DEFAULT_PROFILE, Profile
from engine.rehearsal.quantiles import Samples

# With fewer answers there is no distribution, only a median.
ENOUGH = 20
FASTEST_TOKENS_PER_S, SLOWEST_TOKENS_PER_S = 1_000_000.0, 0.001
LONGEST_MS = 3_600_000.0
FASTEST_READING = 1_000_000_000.0
USUAL_TOKENS_PER_S = 60.0
MOST_JITTER = 3.0
# Standard deviations from chance: below, a time does not hang on a size.
CERTAIN = 3.0
# Quarters of all points between the two that a slope is taken from.
APART = (1, 2, 3)
ROUNDS = 2

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class MeasuredAnswer:
    """One answer. `input_tokens` are those that were read, without cached ones; `first_token_ms` is known of streams
    only; `at` is when it began, as ISO 8601."""

    duration_ms: float
    first_token_ms: float | None
    output_tokens: int
    input_tokens: int = 0
    at: str = ""

    @property
    def is_stream(self) -> bool:
        """Whether the answer shows when it began."""
        return self.first_token_ms is not None and self.duration_ms > self.first_token_ms

    def split(self) -> tuple[float, float]:
        """Milliseconds to the first token, and for the others.

        A whole answer doesn't show the border between the two: its tokens are assumed to have the usual speed, but to
        take at most half of the time.
        """
        if self.first_token_ms is not None and self.is_stream:
            return self.first_token_ms, self.duration_ms - self.first_token_ms
        usual_ms = self.output_tokens / USUAL_TOKENS_PER_S * 1000
        rest_ms = min(usual_ms, self.duration_ms / 2)
        return self.duration_ms - rest_ms, rest_ms


def profile_of(answers: Sequence[MeasuredAnswer]) -> Profile:
    """The profile from one answer or more, of which streams say more than whole answers."""
    streams = [answer for answer in answers if answer.is_stream]
    whole = [answer for answer in answers if not answer.is_stream]
    if not streams:
        return _dated(_of_whole(whole), whole)
    profile = _dated(_of_streams(streams), streams)
    return replace(profile, whole_answers=_dated(_of_whole(whole), whole)) if len(whole) >= ENOUGH else profile


def slope(points: Points) -> float:
    """By how much y grows with x, where both are certain to grow together; else 0.

    Medians of the slopes between distant points, which few outliers, or two modes, do not move.
    """
    if _certainty(points) < CERTAIN:
        return 0.0
    ordered = sorted(points)
    return max(0.0, statistics.median(one for share in APART for one in _slopes(ordered, len(ordered) * share // 4)))


def _certainty(points: Points) -> float:
    """By how many standard deviations the order of both agrees more than by chance (Spearman)."""
    first, second = (_ranks([point[n] for point in points]) for n in (0, 1))
    if len(set(first)) < 2 or len(set(second)) < 2:
        return 0.0
    return statistics.correlation(first, second) * math.sqrt(len(points) - 1)


def _ranks(values: Sequence[float]) -> list[float]:
    """The place of each in their order; equal ones share the middle of theirs."""
    last = {value: place for place, value in enumerate(sorted(values), start=1)}
    first = {value: place for place, value in enumerate(sorted(values, reverse=True), start=1)}
    return [(len(values) - first[value] + last[value]) / 2 for value in values]


def _slopes(ordered: Points, apart: int) -> list[float]:
    """Between points that are so many places apart."""
    pairs = zip(ordered, ordered[apart:], strict=False)
    return [(y - before) / (x - start) for (start, before), (x, y) in pairs if x > start]


def _of_streams(answers: Sequence[MeasuredAnswer]) -> Profile:
    if len(answers) < ENOUGH:
        return _of_few(answers)
    # The speed of short answers is that of the network.
    enough = statistics.median(answer.output_tokens for answer in answers) / 4
    long = [answer for answer in answers if answer.output_tokens >= enough]
    split = [(answer, *answer.split()) for answer in long]
    read_ms = slope([(answer.input_tokens, first_ms) for answer, first_ms, _ in split])
    pairs = [(first - read_ms * a.input_tokens, a.output_tokens / rest * 1000) for a, first, rest in split]
    return _of_pairs(pairs, read_ms)


def _of_whole(answers: Sequence[MeasuredAnswer]) -> Profile:
    if len(answers) < ENOUGH:
        return _of_few(answers)
    read_ms, write_ms = _slopes_of(answers)
    beside = [(answer, max(0.0, answer.duration_ms - read_ms * answer.input_tokens)) for answer in answers]
    if not write_ms:
        halves = [(a, replace(a, duration_ms=ms).split()) for a, ms in beside]
        return _of_pairs([(first, a.output_tokens / max(rest, 1e-9) * 1000) for a, (first, rest) in halves], read_ms)
    return _of_pairs(_whole_pairs(beside, write_ms), read_ms)


def _slopes_of(answers: Sequence[MeasuredAnswer]) -> tuple[float, float]:
    """Milliseconds that a token of the prompt takes, and one of the answer: each from what the other leaves."""
    read_ms = write_ms = 0.0
    for _ in range(ROUNDS):
        write_ms = slope([(a.output_tokens, a.duration_ms - read_ms * a.input_tokens) for a in answers])
        read_ms = slope([(a.input_tokens, a.duration_ms - write_ms * a.output_tokens) for a in answers])
    return read_ms, write_ms


def _whole_pairs(beside: Sequence[tuple[MeasuredAnswer, float]], write_ms: float) -> list[tuple[float, float]]:
    """First token and speed of each answer, by what keeps its spread from short answers to long ones: the time that it
    takes more than usual, or how many times the usual time it takes."""
    base_ms = max(0.0, statistics.median(ms - write_ms * answer.output_tokens for answer, ms in beside))
    usual = sorted((base_ms + write_ms * a.output_tokens, ms, a.output_tokens) for a, ms in beside)
    if _change(usual, lambda mean, ms: ms - mean) <= _change(usual, lambda mean, ms: ms / mean):
        return [(ms - write_ms * tokens, 1000 / write_ms) for _, ms, tokens in usual]
    return [(base_ms * ms / mean, 1000 / write_ms * mean / max(ms, 1e-9)) for mean, ms, _ in usual]


def _change(usual: Sequence[tuple[float, float, int]], of: Callable[[float, float], float]) -> float:
    """How differently it is spread in the shorter and the longer half."""
    half = len(usual) // 2
    short, long = (_spread([of(mean, ms) for mean, ms, _ in part]) for part in (usual[:half], usual[half:]))
    return abs(math.log((long + 1e-9) / (short + 1e-9)))


def _spread(values: list[float]) -> float:
    cuts = statistics.quantiles(values, n=10)
    return cuts[8] - cuts[0]


def _of_pairs(pairs: Sequence[tuple[float, float]], read_ms: float) -> Profile:
    ordered = sorted((_within(first, 0.0, LONGEST_MS, 2), _speed(speed)) for first, speed in pairs)
    speeds = tuple(speed for _, speed in ordered)
    is_steady = speeds[0] == min(speeds) == max(speeds)
    return Profile(
        first_token_ms=Samples(tuple(first for first, _ in ordered)),
        tokens_per_s=speeds[0] if is_steady else Samples(speeds),
        jitter=0.0,
        source="measured",
        prefill_tokens_per_s=round(min(1000 / read_ms, FASTEST_READING), 3) if read_ms > 1e-6 else None,
        paired=not is_steady,
    )


def _of_few(answers: Sequence[MeasuredAnswer]) -> Profile:
    """Medians, with the default spread."""
    parts = [(answer.output_tokens, *answer.split()) for answer in answers]
    return Profile(
        first_token_ms=round(statistics.median(first for _, first, _ in parts), 3),
        tokens_per_s=_speed(statistics.median(tokens / rest * 1000 for tokens, _, rest in parts)),
        jitter=DEFAULT_PROFILE.jitter,
        source="measured",
    )


def _speed(tokens_per_s: float) -> float:
    return _within(tokens_per_s, SLOWEST_TOKENS_PER_S, FASTEST_TOKENS_PER_S, 3)


def _within(value: float, low: float, high: float, digits: int) -> float:
    return round(min(max(value, low), high), digits)


def _dated(profile: Profile, answers: Sequence[MeasuredAnswer]) -> Profile:
    moments = [answer.at for answer in answers if answer.at]
    return replace(
        profile, rows=len(answers), oldest_at=min(moments, default=None), newest_at=max(moments, default=None)
    )
