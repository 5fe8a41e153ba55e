"""The distribution of scores as bars, in the coordinates of an SVG. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from groups.virtual.calibration import Digest

WIDTH, HEIGHT = 1000, 220
MOST_BARS = 60
STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """The prompts that score from `low` to below `high`; `zone` is the number of their tier."""

    low: int
    high: int
    count: int
    zone: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars in a box of WIDTH by HEIGHT from `low` to `high`; `ticks` are `(score, percent of the width)`, `lines` the
    thresholds as `(score, x)`."""

    bars: tuple[ScoreBar, ...]
    ticks: tuple[tuple[int, float], ...]
    lines: tuple[tuple[int, float], ...]
    low: int
    high: int


def histogram_of(digest: Digest, thresholds: Sequence[int]) -> Histogram:
    """At most MOST_BARS bars of a round width over all scores, with some room to move thresholds beyond them."""
    low, high, step = frame_of(digest)
    counts = Counter[int]()
    for score, count, _ in digest.counts:
        counts[(score - low) // step] += count
    most, unit = max(counts.values(), default=1), WIDTH / (high - low)
    bars = []
    for slot, count in sorted(counts.items()):
        height = max(2.0, HEIGHT * count / most)
        begin = low + slot * step
        zone = 1 + sum(begin + step / 2 >= threshold for threshold in thresholds)
        x, width = slot * step * unit, step * unit
        bars.append(
            ScoreBar(
                begin,
                begin + step,
                count,
                zone,
                _r(x + width * 0.06),
                _r(HEIGHT - height),
                _r(width * 0.88),
                _r(height),
            )
        )
    ticks = _ticks(low, high)
    return Histogram(
        tuple(bars),
        tuple((score, _r(100 * (score - low) / (high - low))) for score in ticks),
        tuple((score, _r((min(max(score, low), high) - low) * unit)) for score in thresholds),
        low,
        high,
    )


def frame_of(digest: Digest) -> tuple[int, int, int]:
    """The lowest and the highest score of the picture, and the width of a bar."""
    scores = [score for score, _, _ in digest.counts] or [0]
    low, high = min(-100, *scores), max(200, *scores)
    step = next((step for step in STEPS if (high - low) / step <= MOST_BARS - 2), STEPS[-1])
    while (high - low) / step > MOST_BARS - 2:
        step *= 2
    return (low // step) * step - step, (high // step + 2) * step, step


def _ticks(low: int, high: int) -> list[int]:
    gap = next((step for step in STEPS if step >= 10 and (high - low) / step <= 9), None) or max(1, (high - low) // 8)
    first = -(-low // gap) * gap
    return list(range(first, high + 1, gap))


def _r(value: float) -> float:
    return round(value, 2)
