"""The figures of a window of time and the bars of its requests: minutes for an hour or less, else hours or days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, log10

from django.db.models import Q, Sum, Value

from usage.analytics import Window
from usage.health.minutes import MINUTE, MinuteSums, minutes_until, together
from usage.models import Grain, LatencyCount, RequestRecord, UsageBucket, UsageSeries

# The picture in its own units: a bar with its gap, and its height.
STEP, BAR, HEIGHT = 10, 9, 100
MOST_LABELS = 5


@dataclass(frozen=True, slots=True)
class ShownPeriod:
    """A window: `word` in addresses, `short` on the switch, `long` in sentences, `bar` the unit of the chart."""

    word: str
    short: str
    long: str
    length: timedelta
    bar: str
    bars_of: str


PERIODS = {
    one.word: one
    for one in (
        ShownPeriod("15m", "15 min", "last 15 minutes", timedelta(minutes=15), "minute", "last hour"),
        ShownPeriod("1h", "1 h", "last hour", timedelta(hours=1), "minute", "last hour"),
        ShownPeriod("24h", "24 h", "last 24 hours", timedelta(hours=24), "hour", "last 24 hours"),
        ShownPeriod("7d", "7 d", "last 7 days", timedelta(days=7), "day", "last 7 days"),
    )
}
DEFAULT = "15m"
# The sums that have one bar each.
GRAINS = {"hour": Grain.HOUR, "day": Grain.DAY}
OF_PEOPLE = Q(series__in=UsageSeries.objects.filter(is_own_key=True).values("pk"))
# In the order of `MinuteSums`; those that fell back are counted elsewhere.
SHOWN = {
    "sum_requests": Sum("requests"),
    "sum_answered": Sum("successes"),
    "sum_failed": Sum("failures"),
    "fell_back": Value(0),
    "sum_cost": Sum("cost_usd", filter=~OF_PEOPLE, default=0.0),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A minute, hour or day: the heights of its answered and, above them, its failed requests."""

    start: datetime
    requests: int
    failed: int
    x: int
    height: float
    failed_height: float

    @property
    def y(self) -> float:
        return HEIGHT - self.height

    @property
    def answered_y(self) -> float:
        return self.y + self.failed_height

    @property
    def answered_height(self) -> float:
        return self.height - self.failed_height


@dataclass(frozen=True, slots=True)
class BarPicture:
    """The bars, the numbers beside the axis, and the times below it."""

    bars: tuple[Bar, ...]
    top: int
    labels: tuple[str, ...]

    @property
    def width(self) -> int:
        return STEP * len(self.bars)

    @property
    def half(self) -> str:
        return f"{self.top / 2:,.0f}" if self.top > 1 else ""

    @property
    def requests(self) -> int:
        return sum(bar.requests for bar in self.bars)

    @property
    def failed(self) -> int:
        return sum(bar.failed for bar in self.bars)

    def place_of(self, moment: datetime) -> float | None:
        """Where a moment is, in percent of the width; None if it is not in the picture."""
        if len(self.bars) < 2 or moment < self.bars[0].start:
            return None
        whole = (self.bars[1].start - self.bars[0].start) * len(self.bars)
        place = (moment - self.bars[0].start) / whole
        return round(100 * place, 2) if place <= 1 else None


@dataclass(frozen=True, slots=True)
class OverviewFigures:
    """The sums of the window, of which `seconds` have passed, and the bars."""

    period: ShownPeriod
    sums: MinuteSums
    seconds: float
    picture: BarPicture

    @property
    def per_second(self) -> float:
        return self.sums.requests / self.seconds

    @property
    def pace(self) -> str:
        """Requests a second: `30.6`, `0.04`."""
        return f"{self.per_second:.2g}" if self.per_second < 1 else f"{self.per_second:,.1f}"

    @property
    def cost_per_hour_usd(self) -> float:
        return self.sums.cost_usd * 3600 / self.seconds

    @property
    def fell_back_share(self) -> float | None:
        return self.sums.fell_back / self.sums.requests if self.sums.requests else None


def figures_at(now: datetime, period: ShownPeriod) -> OverviewFigures:
    """The figures of the window that ends now: one query for minutes, else three."""
    now = now.astimezone(UTC)
    if period.bar == "minute":
        return _of_minutes(minutes_until(now, 60), now, period)
    since, grain = _floor(now - period.length, period.bar), GRAINS[period.bar]
    parts = _sums_by(grain, since, now)
    whole = _with_details(together(parts, since), grain)
    bars = [(one.start, one.answered + one.failed, one.failed) for one in parts]
    return OverviewFigures(period, whole, (now - since).total_seconds(), picture_of(bars, period.bar))


def cost_today_usd(now: datetime) -> float:
    """Since midnight UTC, as the page of usage counts it; one query."""
    now = now.astimezone(UTC)
    return sum(one.cost_usd for one in _sums_by(Grain.DAY, _floor(now, "day"), now))


def _of_minutes(minutes: Sequence[MinuteSums], now: datetime, period: ShownPeriod) -> OverviewFigures:
    window = minutes[-(period.length // MINUTE) :]
    sums = together(window, window[0].start)
    bars = [(one.start, one.answered + one.failed, one.failed) for one in minutes]
    return OverviewFigures(
        period, sums, max(1.0, (now - window[0].start).total_seconds()), picture_of(bars, period.bar)
    )


def _sums_by(grain: Grain, since: datetime, now: datetime) -> list[MinuteSums]:
    """Each hour or day from `since` on. Only what the page shows: of a thousand groups it is a third of the whole
    sums' time. Cost is that of the console's own keys."""
    found = {start: MinuteSums(start) for start in Window(grain, since, now).starts()}
    rows = UsageBucket.objects.filter(grain=grain, start__gte=since, start__lt=now).order_by().values_list("start")
    for start, *numbers in rows.annotate(**SHOWN):
        found[start] = MinuteSums(start, *numbers)
    return [found[start] for start in sorted(found)]


def _with_details(whole: MinuteSums, grain: Grain) -> MinuteSums:
    """The same with latencies, and with those that fell back."""
    rows = LatencyCount.objects.filter(grain=grain, start__gte=whole.start).order_by()
    whole.levels.update(dict(rows.values_list("level").annotate(total=Sum("count"))))
    whole.fell_back = RequestRecord.objects.filter(fell_back=True, started_at__gte=whole.start).count()
    return whole


def picture_of(numbers: Sequence[tuple[datetime, int, int]], unit: str) -> BarPicture:
    """The bars of `(start, answered or failed, failed)`, in order of time. Pure."""
    top = nice_top(max((count for _, count, _ in numbers), default=0))
    bars = tuple(
        Bar(start, count, failed, place * STEP, _tall(count, top), min(_tall(count, top), _tall(failed, top)))
        for place, (start, count, failed) in enumerate(numbers)
    )
    return BarPicture(bars, top, _labels([start for start, *_ in numbers], unit))


def nice_top(most: int) -> int:
    """The number at the top of an axis: 1, 2, 3, 4, 5, 6 or 8 times a power of ten, at least `most`. Pure."""
    if most <= 1:
        return 1
    power = 10 ** int(log10(most))
    step = next(step for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= most)
    return step * power if power > 1 else ceil(most / 2) * 2


def _labels(starts: Sequence[datetime], unit: str) -> tuple[str, ...]:
    form = "%a" if unit == "day" else "%H:%M"
    if len(starts) <= MOST_LABELS:
        return tuple(f"{start:{form}}" for start in starts)
    places = [round(n * (len(starts) - 1) / (MOST_LABELS - 1)) for n in range(MOST_LABELS)]
    return tuple(f"{starts[place]:{form}}" for place in places)


def _tall(count: int, top: int) -> float:
    """In proportion to the top of the axis; anything above 0 is visible."""
    return max(1.5, round(HEIGHT * count / top, 1)) if count else 0.0


def _floor(moment: datetime, unit: str) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour.replace(hour=0) if unit == "day" else hour
