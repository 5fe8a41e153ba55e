"""Today's figures, compared with yesterday at this time, and per hour. Days are UTC, as everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Sum

from engine.outcomes import success_rate
from usage.analytics import AnalyticsQuery, Point, over_time
from usage.analytics.provider_stats import percent_more
from usage.models import Grain, LatencyCount
from usage.rollups.latency_levels import percentile_ms

HOURS, DAY = 24, timedelta(days=1)
# The picture of a day: its height, and the width of an hour with its gap, in units of the picture.
HEIGHT, STEP, BAR = 64, 10, 8


@dataclass(frozen=True, slots=True)
class HourSums:
    """Requests of some hours; `cost_usd` is the cost of the console's own provider keys.

    Fractions come from a part of an hour.
    """

    requests: float = 0.0
    successes: float = 0.0
    failures: float = 0.0
    refused: float = 0.0
    left: float = 0.0
    cost_usd: float = 0.0

    @property
    def success_rate(self) -> float | None:
        """The share, 0 to 1, of answered requests in answered and failed ones; None without either."""
        return success_rate(self.successes, self.failures)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of today as a bar: the heights of all its requests, of the failed ones (`failed`), and of yesterday's
    same hour (`before`).

    `is_ahead`: it has not begun.
    """

    label: str
    requests: int
    failures: int
    x: int
    height: float
    failed: float
    before: float
    is_ahead: bool

    @property
    def y(self) -> float:
        return HEIGHT - self.height

    @property
    def failed_y(self) -> float:
        return HEIGHT - self.failed

    @property
    def before_y(self) -> float:
        return HEIGHT - self.before


@dataclass(frozen=True, slots=True)
class Today:
    """The sums of today, those of yesterday until the same time, and the hours; `p95_ms` is that of successes."""

    now: HourSums
    before: HourSums
    hours: tuple[Hour, ...]
    p95_ms: float | None

    @property
    def requests_trend(self) -> int | None:
        """The change against yesterday at this time in percent; None if there were no requests yesterday."""
        return percent_more(self.now.requests, self.before.requests)

    @property
    def cost_trend(self) -> int | None:
        return percent_more(self.now.cost_usd, self.before.cost_usd)

    @property
    def has_traffic(self) -> bool:
        return any(hour.requests or hour.before for hour in self.hours)


def today_at(now: datetime) -> Today:
    """Today's figures; two queries, over sums per hour."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    points = over_time(AnalyticsQuery(since=midnight - DAY, until=now))
    return Today(*split(points, now), p95_ms=_p95_ms(midnight))


def split(points: Sequence[Point], now: datetime) -> tuple[HourSums, HourSums, tuple[Hour, ...]]:
    """Hourly points of yesterday and today -> today, yesterday until this time, the hours of today. Pure.

    Yesterday's hour at this time counts for the elapsed part of the current hour.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = {p.start: p for p in points if p.start >= midnight}
    yesterday = {p.start + DAY: p for p in points if p.start < midnight}
    passed = {start: min(1.0, (now - start) / timedelta(hours=1)) for start in yesterday if start < now}
    before = _sums((yesterday[start], share) for start, share in passed.items())
    return _sums((p, 1.0) for p in today.values()), before, _hours(midnight, today, yesterday, now)


def _sums(parts: Iterable[tuple[Point, float]]) -> HourSums:
    rows = [(p.totals, share) for p, share in parts]
    return HourSums(
        requests=sum(t.requests * share for t, share in rows),
        successes=sum(t.successes * share for t, share in rows),
        failures=sum(t.failures * share for t, share in rows),
        refused=sum(t.refused * share for t, share in rows),
        left=sum(t.left * share for t, share in rows),
        cost_usd=sum(t.cost_usd * share for t, share in rows),
    )


def _hours(
    midnight: datetime, today: dict[datetime, Point], yesterday: dict[datetime, Point], now: datetime
) -> tuple[Hour, ...]:
    most = max((p.totals.requests for p in (*today.values(), *yesterday.values())), default=0)
    starts = [midnight + timedelta(hours=n) for n in range(HOURS)]
    return tuple(_hour(n, s, today.get(s), yesterday.get(s), most, s > now) for n, s in enumerate(starts))


def _hour(number: int, start: datetime, now: Point | None, before: Point | None, most: int, is_ahead: bool) -> Hour:
    requests, failures = (now.totals.requests, now.totals.failures) if now else (0, 0)
    return Hour(
        label=f"{start:%H:%M}",
        requests=requests,
        failures=failures,
        x=number * STEP,
        height=_tall(requests, most),
        failed=_tall(failures, most),
        before=_tall(before.totals.requests if before else 0, most),
        is_ahead=is_ahead,
    )


def _tall(requests: int, most: int) -> float:
    """In proportion to the busiest hour; anything above 0 is visible."""
    return max(1.5, round(requests / most * HEIGHT, 1)) if requests else 0.0


def _p95_ms(since: datetime) -> float | None:
    rows = LatencyCount.objects.filter(grain=Grain.HOUR, start__gte=since).order_by()
    return percentile_ms(dict(rows.values_list("level").annotate(total=Sum("count"))), 0.95)
