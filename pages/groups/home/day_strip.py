"""The last 24 hours of a group as bars of ten minutes with its incidents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from usage.group_traffic.periods import DaySlice

# The picture in its own units: a bar with its gap, and the height of the busiest bar.
STEP, BAR, HEIGHT = 8, 7, 40
# The room for the marks of incidents.
TOP = 14
LOST_SHARE, FELL_BACK_SHARE, LEAST = 0.05, 0.1, 5


@dataclass(frozen=True, slots=True)
class DayBar:
    """Ten minutes: the heights of all requests and of the failed and fallen back ones, from the bottom up."""

    slice: DaySlice
    x: int
    height: float
    failed: float
    fell_back: float

    @property
    def since(self) -> str:
        """Its beginning in an address."""
        return f"{self.slice.since:%Y-%m-%dT%H:%MZ}"

    @property
    def says(self) -> str:
        """The numbers in words."""
        lost = f", {self.slice.failed:,} failed" if self.slice.failed else ""
        moved = f", {self.slice.fell_back:,} fell back" if self.slice.fell_back else ""
        return f"{self.slice.since:%H:%M} UTC: {self.slice.requests:,} requests{lost}{moved}"


@dataclass(frozen=True, slots=True)
class DayIncident:
    """Slices in a row in which callers were lost, or many requests fell back."""

    since: datetime
    until: datetime
    failed: int
    fell_back: int
    x: int

    @property
    def is_loss(self) -> bool:
        return self.failed > 0

    @property
    def minutes(self) -> int:
        return round((self.until - self.since).total_seconds() / 60)

    @property
    def says(self) -> str:
        """What happened: `7,204 failed`, `315 fell back`."""
        return f"{self.failed:,} failed" if self.failed else f"{self.fell_back:,} fell back"


@dataclass(frozen=True, slots=True)
class DayStrip:
    """The bars and the incidents."""

    bars: tuple[DayBar, ...]
    incidents: tuple[DayIncident, ...]

    @property
    def width(self) -> int:
        return STEP * len(self.bars)

    @property
    def all(self) -> str:
        """The bars of all requests as one path: 144 elements of each kind would be most of the page."""
        return "".join(_path(bar.x, bar.height, 0.0) for bar in self.bars if bar.height)

    @property
    def fell_back(self) -> str:
        """The part of each bar that fell back, above the failed part."""
        return "".join(_path(bar.x, bar.fell_back, bar.failed) for bar in self.bars if bar.fell_back)

    @property
    def failed(self) -> str:
        """The failed part of each bar."""
        return "".join(_path(bar.x, bar.failed, 0.0) for bar in self.bars if bar.failed)

    @property
    def hours(self) -> tuple[str, ...]:
        """The labels of the axis: every four hours."""
        return tuple(f"{bar.slice.since:%H:%M}" for bar in self.bars[::24])

    @property
    def worst(self) -> DayIncident | None:
        """The incident with the most failed requests, else with the most that fell back."""
        return max(self.incidents, key=lambda one: (one.failed, one.fell_back), default=None)


def strip_of(day: Sequence[DaySlice]) -> DayStrip:
    """The picture of a day, from slices in order of time."""
    most = max((one.requests for one in day), default=0)
    bars = tuple(_bar(place, one, most) for place, one in enumerate(day))
    return DayStrip(bars, tuple(_incidents(bars)))


def usual_share(day: Iterable[DaySlice]) -> float | None:
    """The share of requests that fell back on this day; None without requests."""
    slices = list(day)
    requests = sum(one.requests for one in slices)
    return sum(one.fell_back for one in slices) / requests if requests else None


def _bar(place: int, one: DaySlice, most: int) -> DayBar:
    height = _height(one.requests, most)
    failed = min(height, _height(one.failed, most))
    return DayBar(one, place * STEP, height, failed, min(height - failed, _height(one.fell_back, most)))


def _path(x: int, height: float, above: float) -> str:
    """A rectangle that stands `above` the ground, in which the pictures of bars end."""
    return f"M{x} {TOP + HEIGHT - above:g}v{-height:g}h{BAR}v{height:g}z"


def _height(requests: int, most: int) -> float:
    """In proportion to the busiest bar; anything above 0 is visible."""
    return max(1.5, round(HEIGHT * requests / most, 1)) if requests else 0.0


def _incidents(bars: Sequence[DayBar]) -> Iterator[DayIncident]:
    for kind, run in groupby(bars, key=lambda bar: _kind(bar.slice)):
        found = list(run)
        if not kind:
            continue
        slices = [bar.slice for bar in found]
        failed = sum(one.failed for one in slices) if kind == "lost" else 0
        fell_back = sum(one.fell_back for one in slices)
        yield DayIncident(slices[0].since, slices[-1].until, failed, fell_back, found[0].x)


def _kind(one: DaySlice) -> str:
    if one.failed and one.failed >= LOST_SHARE * one.requests:
        return "lost"
    return "fell back" if one.fell_back >= max(LEAST, FELL_BACK_SHARE * one.requests) else ""
