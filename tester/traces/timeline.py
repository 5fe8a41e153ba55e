"""Frames -> requests per second over the run, as bars, lines and fault bands. Pure geometry: no HTML, no database.

Horizontal positions are percent of the run, vertical ones are units of a plot with height HEIGHT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tester.traces.fault_windows import FaultWindow

HEIGHT = 60.0
BAND_STEP = 20.0
PEAK_ROOM = 20.0
MOST_BUCKETS = 240
MOST_ROWS = 30
# There are four frames per second of the run's clock; requests that end between the last two belong to the earlier one.
SHORTEST_MS = 240.0
MOST_LANES = 4
NICE = (1, 2, 5, 10)


class Moment(NamedTuple):
    """The counts of a frame: from the run's beginning until `at_ms`."""

    at_ms: float
    finished: int
    failed: int
    fallbacks: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The requests that ended between two moments."""

    from_ms: float
    to_ms: float
    requests: int
    failed: int
    fallbacks: int

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return self.rate(self.requests)

    def rate(self, count: int) -> float:
        """A count of this bucket as a rate per second."""
        return 1000 * count / max(1.0, self.to_ms - self.from_ms)

    @property
    def begins_ms(self) -> float:
        """The first millisecond of this bucket; requests end at whole milliseconds."""
        return round(self.from_ms + 0.001, 3) if self.from_ms else 0.0

    @property
    def span(self) -> str:
        """The bucket's time range: 12.0 s to 12.5 s."""
        return f"{seconds(self.from_ms)} to {seconds(self.to_ms)}"

    @property
    def words(self) -> str:
        """The bucket in a sentence: 12.0 s to 12.5 s: 9 requests, 2 failed, 4 fell back."""
        parts = [f"{self.requests:,} request{'' if self.requests == 1 else 's'}"]
        parts += [f"{self.failed:,} failed"] if self.failed else []
        parts += [f"{self.fallbacks:,} fell back"] if self.fallbacks else []
        return f"{self.span}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class BucketBar:
    """A bucket in the picture: its position, and the height of its failures."""

    bucket: Bucket
    x: float
    width: float
    failed_height: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 3)

    @property
    def failed_y(self) -> float:
        return round(HEIGHT - self.failed_height, 2)


@dataclass(frozen=True, slots=True)
class Band:
    """A fault's time window as a band in one of a few lanes."""

    window: FaultWindow
    x: float
    width: float
    lane: int

    @property
    def y(self) -> float:
        return self.lane * BAND_STEP


class TimeTick(NamedTuple):
    """A moment on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole timeline. `area` (requests) and `line` (fallbacks) are SVG paths, 1000 units wide and HEIGHT high."""

    end_ms: float
    peak_per_s: float
    bars: tuple[BucketBar, ...]
    area: str
    line: str
    ticks: tuple[TimeTick, ...]
    bands: tuple[Band, ...]
    windows: tuple[FaultWindow, ...]
    rows: tuple[Bucket, ...]

    @property
    def shade(self) -> str:
        """All times with faults, as one path, so that overlapping bands don't add up."""
        return "".join(f"M{10 * b.x:g} 0h{10 * b.width:g}v{HEIGHT:g}h-{10 * b.width:g}z" for b in self.bands)

    @property
    def plot_y(self) -> float:
        """The top of the plot: below the bands and the label of its height."""
        return BAND_STEP * max((band.lane + 1 for band in self.bands), default=0) + PEAK_ROOM

    @property
    def axis_y(self) -> float:
        """The position of the axis labels."""
        return self.plot_y + HEIGHT + 16

    @property
    def height(self) -> float:
        """The height of the whole picture."""
        return self.axis_y + 6

    @property
    def has_fallbacks(self) -> bool:
        return any(bar.bucket.fallbacks for bar in self.bars)


def timeline_of(moments: Sequence[Moment], windows: Sequence[FaultWindow] = ()) -> Timeline:
    """The timeline of the run so far; future windows are left out of the bands."""
    end_ms = moments[-1].at_ms if moments else 0.0
    buckets = buckets_of(moments, most=MOST_BUCKETS)
    peak = max((bucket.per_s for bucket in buckets), default=0.0)
    bars = tuple(_bar(bucket, end_ms, peak) for bucket in buckets)
    return Timeline(
        end_ms=end_ms,
        peak_per_s=peak,
        bars=bars,
        area=_area(bars, [b.per_s for b in buckets], peak),
        line=_line(bars, [b.rate(b.fallbacks) for b in buckets], peak),
        ticks=tuple(_ticks(end_ms)),
        bands=_bands(windows, end_ms),
        windows=tuple(windows),
        rows=buckets_of(moments, most=MOST_ROWS),
    )


def buckets_of(moments: Sequence[Moment], *, most: int) -> tuple[Bucket, ...]:
    """At most `most` buckets of about the same length, from the run's beginning; each ends with a frame, so that its
    counts are exact."""
    if not moments or moments[-1].at_ms <= 0:
        return ()
    least_ms = max(SHORTEST_MS, moments[-1].at_ms / most)
    edges = [Moment(0.0, 0, 0, 0)]
    for moment in moments:
        if moment.at_ms - edges[-1].at_ms >= least_ms:
            edges.append(moment)
    if edges[-1] is not moments[-1]:  # the rest is too short for a bucket of its own
        edges[max(1, len(edges) - 1) :] = [moments[-1]]
    return tuple(_between(before, after) for before, after in pairwise(edges))


def _between(before: Moment, after: Moment) -> Bucket:
    failed = after.failed - before.failed
    requests = after.finished - before.finished
    return Bucket(before.at_ms, after.at_ms, requests, failed, after.fallbacks - before.fallbacks)


def _bar(bucket: Bucket, end_ms: float, peak: float) -> BucketBar:
    x, right = _percent(bucket.from_ms, end_ms), _percent(bucket.to_ms, end_ms)
    return BucketBar(bucket, x, round(right - x, 3), _height(bucket.rate(bucket.failed), peak))


def _area(bars: Sequence[BucketBar], rates: Sequence[float], peak: float) -> str:
    """Level over each bucket, and back along the base line."""
    if not bars:
        return ""
    parts = (f"V{_top(rate, peak):g}H{_right(bar):g}" for bar, rate in zip(bars, rates, strict=True))
    return f"M0 {HEIGHT:g}{''.join(parts)}V{HEIGHT:g}z"


def _line(bars: Sequence[BucketBar], rates: Sequence[float], peak: float) -> str:
    """Level over each bucket; interrupted where the value is 0."""
    path, is_drawn = "", False
    for bar, rate in zip(bars, rates, strict=True):
        if rate:
            begins = "" if is_drawn else f"M{10 * bar.x:g} {HEIGHT:g}"
            path += f"{begins}V{_top(rate, peak):g}H{_right(bar):g}"
        elif is_drawn:
            path += f"V{HEIGHT:g}"
        is_drawn = bool(rate)
    return path


def _right(bar: BucketBar) -> float:
    return round(10 * (bar.x + bar.width), 2)


def _top(rate: float, peak: float) -> float:
    return round(HEIGHT - _height(rate, peak), 2)


def _height(rate: float, peak: float) -> float:
    return round((HEIGHT - 2) * rate / peak, 2) if peak else 0.0


def _percent(at_ms: float, end_ms: float) -> float:
    return round(100 * min(1.0, at_ms / end_ms), 3) if end_ms else 0.0


def _bands(windows: Sequence[FaultWindow], end_ms: float) -> tuple[Band, ...]:
    """Each in the first free lane; a band without one is left out."""
    free_from = [0.0] * MOST_LANES
    bands = []
    for window in windows:
        lane = next((n for n, moment in enumerate(free_from) if moment <= window.from_ms), None)
        if lane is not None and window.from_ms < end_ms:
            free_from[lane] = window.until_ms
            x = _percent(window.from_ms, end_ms)
            bands.append(Band(window, x, round(_percent(window.until_ms, end_ms) - x, 3), lane))
    return tuple(bands)


def _ticks(end_ms: float) -> Iterator[TimeTick]:
    """Four to ten round times, and the beginning."""
    if end_ms <= 0:
        return
    rough = end_ms / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(n * power for n in NICE if n * power >= rough)
    for n in range(int(end_ms / step) + 1):
        yield TimeTick(_percent(n * step, end_ms), f"{n * step / 1000:,g} s")


def seconds(at_ms: float) -> str:
    """12.5 s; without tenths from 100 s on."""
    return f"{at_ms / 1000:,.1f} s" if at_ms < 100_000 else f"{at_ms / 1000:,.0f} s"
