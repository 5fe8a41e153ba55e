"""Frames -> requests per second over the run, as stacked bars. Pure geometry: no HTML, no database.

Horizontal positions are percent of the run, vertical ones are units of a plot with height HEIGHT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tester.scene.states import clock
from tester.traces.fault_windows import FaultWindow
from tester.traces.lanes import Lane

HEIGHT = 60.0
MOST_BUCKETS = 120
MOST_ROWS = 30
# There are four frames per second of the run's clock; requests that end between the last two belong to the earlier one.
SHORTEST_MS = 240.0
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
    """A bucket in the picture: its position, its height, and that of its failures."""

    bucket: Bucket
    x: float
    width: float
    height: float
    failed_height: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 3)

    @property
    def failed_y(self) -> float:
        """What nobody answered is on top of the bar."""
        return round(HEIGHT - self.height, 2)


class TimeTick(NamedTuple):
    """A moment on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole timeline. `area` (all requests) and `moved` (of them those that fell back and were answered) are SVG
    paths, 1000 units wide and HEIGHT high."""

    end_ms: float
    peak_per_s: float
    bars: tuple[BucketBar, ...]
    area: str
    moved: str
    ticks: tuple[TimeTick, ...]
    lanes: tuple[Lane, ...]
    windows: tuple[FaultWindow, ...]
    rows: tuple[Bucket, ...]


def timeline_of(moments: Sequence[Moment], windows: Sequence[FaultWindow] = (), lanes: Sequence[Lane] = ()) -> Timeline:
    """The timeline of the run so far."""
    end_ms = moments[-1].at_ms if moments else 0.0
    buckets = buckets_of(moments, most=MOST_BUCKETS)
    peak = max((bucket.per_s for bucket in buckets), default=0.0)
    bars = tuple(_bar(bucket, end_ms, peak) for bucket in buckets)
    return Timeline(
        end_ms=end_ms,
        peak_per_s=peak,
        bars=bars,
        area=_area(bars, [b.per_s for b in buckets], peak),
        moved="".join(_moved(bar, peak) for bar in bars),
        ticks=tuple(_ticks(end_ms)),
        lanes=tuple(lanes),
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
    heights = (_height(rate, peak) for rate in (bucket.per_s, bucket.rate(bucket.failed)))
    return BucketBar(bucket, x, round(right - x, 3), *heights)


def _area(bars: Sequence[BucketBar], rates: Sequence[float], peak: float) -> str:
    """Level over each bucket, and back along the base line."""
    if not bars:
        return ""
    parts = (f"V{_top(rate, peak):g}H{_right(bar):g}" for bar, rate in zip(bars, rates, strict=True))
    return f"M0 {HEIGHT:g}{''.join(parts)}V{HEIGHT:g}z"


def _moved(bar: BucketBar, peak: float) -> str:
    """The part of a bar that fell back and was answered: below what failed, above what the first choice answered."""
    bucket = bar.bucket
    count = min(bucket.fallbacks, bucket.requests - bucket.failed)
    if count <= 0:
        return ""
    top = _top(bucket.rate(bucket.requests - bucket.failed), peak)
    height = _height(bucket.rate(count), peak)
    return f"M{10 * bar.x:g} {top:g}H{_right(bar):g}v{height:g}H{10 * bar.x:g}z"


def _right(bar: BucketBar) -> float:
    return round(10 * (bar.x + bar.width), 2)


def _top(rate: float, peak: float) -> float:
    return round(HEIGHT - _height(rate, peak), 2)


def _height(rate: float, peak: float) -> float:
    return round((HEIGHT - 2) * rate / peak, 2) if peak else 0.0


def _percent(at_ms: float, end_ms: float) -> float:
    return round(100 * min(1.0, at_ms / end_ms), 3) if end_ms else 0.0


def _ticks(end_ms: float) -> Iterator[TimeTick]:
    """Four to ten round times, and the beginning."""
    if end_ms <= 0:
        return
    rough = end_ms / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(n * power for n in NICE if n * power >= rough)
    for n in range(int(end_ms / step) + 1):
        yield TimeTick(_percent(n * step, end_ms), clock(n * step) if step >= 1000 else f"{n * step / 1000:,g} s")


def seconds(at_ms: float) -> str:
    """12.5 s; without tenths from 100 s on."""
    return f"{at_ms / 1000:,.1f} s" if at_ms < 100_000 else f"{at_ms / 1000:,.0f} s"
