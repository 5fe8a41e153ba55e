"""A scored text in spans, with the scored parts marked; and the score on a scale. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.complexity import Part

MOST_SHOWN = 20_000
SCALE_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A part of the text; `part` is set if it was scored."""

    text: str
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A tier on the scale, `x` and `width` in units of SCALE_WIDTH; `number` 1 is the lowest."""

    number: int
    name: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The tiers side by side, with the position of the score; `marks` are the thresholds as `(score, x)`."""

    zones: tuple[Zone, ...]
    marks: tuple[tuple[int, float], ...]
    at: float | None


def pieces_of(text: str, parts: Sequence[Part]) -> tuple[TextSpan, ...]:
    """The text (its first MOST_SHOWN characters) cut at the parts with a position; of overlapping parts, the first."""
    shown, end, pieces = text[:MOST_SHOWN], 0, list[TextSpan]()
    for part in sorted((part for part in parts if part.at is not None), key=lambda part: part.at or 0):
        begin = part.at or 0
        if end <= begin and begin + len(part.what) <= len(shown):
            pieces.append(TextSpan(shown[end:begin]))
            end = begin + len(part.what)
            pieces.append(TextSpan(shown[begin:end], part))
    pieces.append(TextSpan(shown[end:]))
    return tuple(piece for piece in pieces if piece.text)


def scale_of(thresholds: Sequence[int], names: Sequence[str], score: int | None) -> Scale:
    """The scale of a score.

    `thresholds` are the minimum scores of all tiers but the lowest, ascending; there is one more name than
    thresholds.
    """
    known = [*thresholds, *([] if score is None else [score])]
    low, high = min([-200, *known]), max([400, *known])
    margin = (high - low) * 0.06
    begin, span = low - margin, high - low + 2 * margin

    def place(value: float) -> float:
        return round((value - begin) / span * SCALE_WIDTH, 2)

    edges = [0.0, *map(place, thresholds), float(SCALE_WIDTH)]
    zones = tuple(
        Zone(n, name, left, round(right - left, 2))
        for n, (name, left, right) in enumerate(zip(names, edges, edges[1:], strict=False), start=1)
    )
    marks = tuple((threshold, place(threshold)) for threshold in thresholds)
    return Scale(zones, marks, None if score is None else place(score))
