"""The answer of the time machine as rows of coloured weeks, a table, and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tester.terminal.history_table import down_in_words, percent, worst_line, worst_time

# From this availability on a week has the colour of this number; the last is that of all below.
LEVELS = (1.0, 0.999, 0.99, 0.95)
CELL, GAP = 10, 2
WORST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """One week of one row; `x` is its place in the picture, `level` that of its colour."""

    x: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    """The weeks of the group, or of one provider alone. `worst` is its worst week in words."""

    name: str
    availability: str
    range: str
    cells: tuple[Cell, ...]
    worst: str
    is_group: bool = False
    has_no_service: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """A row of the table."""

    starts: datetime
    availability: str
    alone: tuple[str, ...]
    lost: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """All the page shows."""

    rows: tuple[HeatRow, ...]
    weeks: tuple[Week, ...]
    worst: tuple[str, ...]
    sentence: str
    lost: str
    requests: str
    cost: str
    notes: tuple[str, ...]

    @property
    def width(self) -> int:
        """Of the picture, in its own units."""
        return len(self.weeks) * CELL - GAP


def heat_map(result: Mapping[str, Any]) -> HeatMap:
    """The page of an answer of the REST API."""
    weeks, alone = result["weeks"], result["alone"]
    rows = [_row(result, "This group", "availability", [week["availability"] for week in weeks], is_group=True)]
    rows += [_row(result, name, f"alone:{name}", [week["alone"][name] for week in weeks]) for name in alone]
    return HeatMap(
        tuple(rows),
        tuple(_week(week) for week in weeks),
        tuple(worst_line(one) for one in result["worst"][:WORST_SHOWN]),
        sentence_of(result),
        f"{result['lost']:,.0f}",
        f"{result['requests']:,}",
        f"${result['cost_usd']:,.2f}",
        tuple(result["notes"]),
    )


def sentence_of(result: Mapping[str, Any]) -> str:
    """The worst week of the group (else of a provider), that of a provider alone, and where lost requests fall."""
    week = min(result["weeks"], key=lambda one: (one["availability"], min(one["alone"].values())))
    name = next((name for name, value in week["alone"].items() if value < 1), None)
    if name is None:
        return "Nothing that was reported would have lost a request, with any provider alone."
    said = f"With {name} alone {percent(week['alone'][name])} in the week of {day(week['starts'])}, with this group "
    said += percent(week["availability"])
    if result["worst"] and result["lost"] >= 1:
        worst = result["worst"][0]
        said += f"; {worst['lost']:,.0f} of the {result['lost']:,.0f} lost requests fall into one time: "
        said += f"{worst_time(worst)}, when {down_in_words(worst)}"
    return f"{said}."


def period_of(config: Mapping[str, Any]) -> str:
    """The period of a request in words: a year, or two days."""
    if "year" in config:
        return str(config["year"])
    return f"{day(config['from'])} to {day(config['until'])}"


def day(moment: str) -> str:
    """`9 December 2024`."""
    at = datetime.fromisoformat(moment)
    return f"{at.day} {at:%B %Y}"


def _row(result: Mapping[str, Any], name: str, metric: str, values: list[float], *, is_group: bool = False) -> HeatRow:
    weeks = result["weeks"]
    total = result["availability"] if is_group else result["alone"][name]
    low, _, high = result["ranges"][metric]
    lowest = min(range(len(values)), key=values.__getitem__)
    worst = f"worst week {percent(values[lowest])}, from {day(weeks[lowest]['starts'])}"
    return HeatRow(
        name,
        percent(total),
        "" if low == high else f"{percent(low)} to {percent(high)}",
        tuple(
            Cell(n * CELL, _level(value), f"{name}, week of {day(week['starts'])}: {percent(value)}")
            for n, (week, value) in enumerate(zip(weeks, values, strict=True))
        ),
        worst if values[lowest] < 1 else "no week with a lost request",
        is_group,
        name in result["without_service"],
    )


def _level(availability: float) -> int:
    return next((n for n, least in enumerate(LEVELS) if availability >= least), len(LEVELS))


def _week(week: Mapping[str, Any]) -> Week:
    return Week(
        datetime.fromisoformat(week["starts"]),
        percent(week["availability"]),
        tuple(percent(value) for value in week["alone"].values()),
        f"{week['lost']:,.0f}",
    )
