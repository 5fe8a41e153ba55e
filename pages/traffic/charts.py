"""Charts as geometry: plain rows -> paths, bars and ticks. Pure: no HTML, no colours, no database.

Horizontal units are per cent of the picture's width (paths: thousandths), so that one drawing fits every screen with
readable text; vertical units are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 1000
PLOT_HEIGHT = 190
# The space above the plot for the topmost y label, and below it for the x labels.
HEAD, FOOT = 22, 26
STEPS = (1.0, 2.0, 5.0, 10.0)
MOST_LABELS, WIDE_LABELS = 7, 4
BAR_HEIGHT, BAR_PITCH, BAR_TOP = 10, 42, 22
THINNEST = 0.4
LONGEST_NAME = 28


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One point on the x axis: its label, its text, and one value >= 0 for each curve."""

    label: str
    text: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar: its length, the filled part (None: all), its text, and its colour's class.

    `value` and `filled` have the same unit; both >= 0.
    """

    name: str
    value: float
    text: str
    filled: float | None = None
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis. `at` is per cent of the width on the x axis, pixels from the top on the y axis.

    `is_minor`: may be left out in little space.
    """

    at: float
    text: str
    anchor: str = "start"
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """The `d` of a line, and of the area under it ("" without one), in a box of WIDTH x PLOT_HEIGHT."""

    line: str
    area: str


@dataclass(frozen=True, slots=True)
class HoverZone:
    """The zone in which the pointer reads a value: from `x`, `width` wide, both in per cent."""

    x: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves over time. `height` is in pixels, the plot begins at HEAD."""

    height: int
    curves: tuple[Curve, ...]
    columns: tuple[HoverZone, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar at `y` pixels; `length` and `filled` are per cent of the width. `name` is cut, `title` is not."""

    y: int
    name: str
    title: str
    text: str
    colour: str
    length: float
    filled: float

    @property
    def rail_y(self) -> int:
        """The top of the bar itself, below its name; it is BAR_HEIGHT high."""
        return self.y + BAR_TOP


@dataclass(frozen=True, slots=True)
class BarChart:
    """Horizontal bars, one below the other. `height` is in pixels."""

    height: int
    bars: tuple[Bar, ...]


def line_chart(
    readings: Sequence[ChartPoint], *, least_step: float = 1.0, written: Callable[[float], str] = "{:,.0f}".format
) -> LineChart:
    """Curves through equally spaced points with the same number of values; the y axis begins at 0.

    `least_step` is the minimum step of the y ticks, `written` formats their labels. A single point is a dot in the
    middle. Without points there are axes and no curve.
    """
    top, step = scale(max((value for r in readings for value in r.values), default=0.0), least_step=least_step)
    values = zip(*(r.values for r in readings), strict=True)
    return LineChart(
        height=HEAD + PLOT_HEIGHT + FOOT,
        curves=tuple(_curve(one, top) for one in values),
        columns=_columns(readings),
        x_ticks=_x_ticks(readings),
        y_ticks=_y_ticks(top, step, written),
    )


def bar_chart(rows: Sequence[BarRow], *, whole: float | None = None) -> BarChart:
    """One bar for each row, in their order; `whole` is the value that fills the width (None: the largest)."""
    full = whole or max((row.value for row in rows), default=0.0) or 1.0
    return BarChart(BAR_PITCH * len(rows), tuple(_bar(n, row, full) for n, row in enumerate(rows)))


def scale(largest: float, *, least_step: float = 1.0) -> tuple[float, float]:
    """The top of an axis that holds `largest`, and the step of its ticks: at most four steps, never below the minimum
    step."""
    wanted = max(largest / 4, least_step)
    magnitude = 10.0 ** math.floor(math.log10(wanted))
    step = next(magnitude * s for s in STEPS if magnitude * s >= wanted * (1 - 1e-9))
    return step * max(1, math.ceil(largest / step - 1e-9)), step


def _curve(values: Sequence[float], top: float) -> Curve:
    points = [(_x(n, len(values)), _y(value, top)) for n, value in enumerate(values)]
    if len(points) == 1:
        x, y = points[0]
        return Curve(f"M{x:g} {y:g}h0", "")
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    return Curve(line, f"{line}L{WIDTH} {PLOT_HEIGHT}L0 {PLOT_HEIGHT}Z")


def _x(n: int, count: int) -> float:
    return round(WIDTH * n / (count - 1), 1) if count > 1 else WIDTH / 2


def _y(value: float, top: float) -> float:
    return round(PLOT_HEIGHT * (1 - value / top), 1)


def _columns(readings: Sequence[ChartPoint]) -> tuple[HoverZone, ...]:
    """The zones end half way to each neighbour, so that together they cover the plot."""
    count = len(readings)
    if count == 1:
        return (HoverZone(0, 100, readings[0].text),)
    edges = [0.0, *(round(100 * (n + 0.5) / (count - 1), 3) for n in range(count - 1)), 100.0]
    return tuple(HoverZone(edges[n], round(edges[n + 1] - edges[n], 3), r.text) for n, r in enumerate(readings))


def _x_ticks(readings: Sequence[ChartPoint]) -> tuple[Tick, ...]:
    """Evenly spaced labels, first and last flush with the edges."""
    count = len(readings)
    if count == 1:
        return (Tick(50, readings[0].label, "middle"),)
    shown = range(0, count, max(1, math.ceil(count / MOST_LABELS)))
    return tuple(
        Tick(
            _x(n, count) / WIDTH * 100, readings[n].label, _anchor(n, count), len(shown) > WIDE_LABELS and place % 2 > 0
        )
        for place, n in enumerate(shown)
    )


def _anchor(n: int, count: int) -> str:
    if n == 0:
        return "start"
    return "end" if n > 0.94 * (count - 1) else "middle"


def _y_ticks(top: float, step: float, written: Callable[[float], str]) -> tuple[Tick, ...]:
    return tuple(Tick(HEAD + _y(n * step, top), written(n * step)) for n in range(round(top / step) + 1))


def _bar(n: int, row: BarRow, full: float) -> Bar:
    length = _length(row.value, full)
    filled = length if row.filled is None else min(length, _length(row.filled, full))
    name = row.name if len(row.name) <= LONGEST_NAME else row.name[: LONGEST_NAME - 1] + "…"
    return Bar(BAR_PITCH * n, name, f"{row.name}: {row.text}", row.text, row.colour, length, filled)


def _length(value: float, full: float) -> float:
    """Never too short to see, unless it is 0."""
    return max(THINNEST, round(100 * min(1.0, value / full), 2)) if value > 0 else 0.0
