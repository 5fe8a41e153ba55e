"""The time axis of one request: round moments along its whole length. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lib.typography import unit

MOST_TICKS = 7
STEPS = (1, 2, 4, 5, 10)
# What is right of this share belongs to the label of the end.
ROOM = 0.85


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A moment at `x` percent of the length; `text` as `40 ms` or `1.5 s`."""

    x: float
    text: str


def ticks_of(whole_ms: float) -> tuple[AxisTick, ...]:
    """At most MOST_TICKS + 1 moments from 0 on, the last before the end; the end has a label of its own."""
    step = step_of(whole_ms)
    count = int(whole_ms * ROOM / step) + 1
    return tuple(AxisTick(round(100 * n * step / whole_ms, 2), in_words(n * step, step)) for n in range(count))


def step_of(whole_ms: float) -> float:
    """The distance between two moments: 1, 2, 4 or 5 times a power of ten milliseconds."""
    power = 1.0
    while True:
        for step in STEPS:
            if whole_ms / (step * power) <= MOST_TICKS:
                return step * power
        power *= 10


def in_words(at_ms: float, step_ms: float) -> str:
    """In seconds where the distance is 500 ms or more."""
    return unit(f"{at_ms / 1000:g}", "s") if step_ms >= 500 else unit(f"{at_ms:g}", "ms")
