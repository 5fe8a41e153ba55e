"""The answers. A report reads sums per series, once, and adds them up by whatever is asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, overload

from django.db.models import QuerySet, Sum

from usage.analytics.asked import COLUMNS, TOLD_BY_ID, Asked, Window, window_of
from usage.analytics.numbers import Dimension, Line, Point, Totals, added, totals_of
from usage.models import Grain, LatencyCount, UsageBucket, UsageSeries
from usage.tallies import SUMS, Sums

ADDED_UP = {f"sum_{name}": Sum(name) for name in SUMS}


@dataclass(frozen=True, slots=True)
class Part:
    """What one series did in the whole period; `latencies` are level -> count."""

    series: UsageSeries
    sums: Sums
    latencies: Counter[int]


class Report:
    """All answers about one period and one set of filters; the tables are read when the first is asked for.

    `grain` is how long the points of `over_time` are; without it that hangs on the period (see `window_of`).
    """

    def __init__(self, asked: Asked, *, grain: Grain | None = None) -> None:
        self.asked = asked
        self._grain = grain

    @cached_property
    def window(self) -> Window:
        """Which buckets are counted."""
        return window_of(self.asked, self._grain)

    def totals(self) -> Totals:
        """All of it."""
        return _totals(self._parts)

    def by(self, dimension: Dimension) -> list[Line]:
        """The totals of each provider, model, team … most requests first; without those that have no name."""
        groups: dict[str, list[Part]] = defaultdict(list)
        for part in self._parts:
            if value := value_of(part.series, dimension):
                groups[value].append(part)
        lines = [_line(dimension, value, parts) for value, parts in groups.items()]
        return sorted(lines, key=lambda line: (-line.totals.requests, line.name))

    @overload
    def over_time(self, *, by: Literal[""] = "", latency: bool = False) -> list[Point]: ...
    @overload
    def over_time(self, *, by: Dimension, latency: bool = False) -> dict[str, list[Point]]: ...
    def over_time(
        self, *, by: Dimension | Literal[""] = "", latency: bool = False
    ) -> list[Point] | dict[str, list[Point]]:
        """A point for each hour or day, also where nothing was asked; p50 and p95 only if `latency`.

        With `by` a list of points for each name, for teams and keys by id, as `Asked` takes them.
        """
        found = self._points(by, latency)
        if by:
            return {value: self._filled(points) for value, points in sorted(found.items()) if value}
        return self._filled(found.get("", {}))

    def _filled(self, points: dict[datetime, Totals]) -> list[Point]:
        return [Point(start, points.get(start, Totals())) for start in self.window.starts()]

    @cached_property
    def _parts(self) -> list[Part]:
        # One row per series comes from the database, some thousands at most, however many requests there were.
        rows: Any = self._buckets.values("series_id").annotate(**ADDED_UP)
        sums = {row["series_id"]: _sums(row) for row in rows}
        latencies: dict[int, Counter[int]] = defaultdict(Counter)
        for series, level, count in self._latencies.values_list("series_id", "level").annotate(Sum("count")):
            latencies[series][level] = count
        series = (UsageSeries.objects.all() if self.asked.series is None else self.asked.series).order_by("pk")
        return [Part(row, sums[row.pk], latencies[row.pk]) for row in series if row.pk in sums]

    def _points(self, by: Dimension | Literal[""], latency: bool) -> dict[str, dict[datetime, Totals]]:
        columns = [f"series__{column_of(by)}"] if by else []
        parts: dict[tuple[str, datetime], list[tuple[Sums, bool]]] = defaultdict(list)
        for row in self._buckets.values("start", "series__is_own_key", *columns).annotate(**ADDED_UP):
            place = str(row[columns[0]]) if columns else "", row["start"]
            parts[place].append((_sums(row), row["series__is_own_key"]))
        levels = self._levels(columns) if latency else {}
        found: dict[str, dict[datetime, Totals]] = defaultdict(dict)
        for (value, start), sums in parts.items():
            found[value][start] = totals_of(sums, levels.get((value, start)))
        return found

    def _levels(self, columns: list[str]) -> dict[tuple[str, datetime], Counter[int]]:
        found: dict[tuple[str, datetime], Counter[int]] = defaultdict(Counter)
        for row in self._latencies.values("start", "level", *columns).annotate(total=Sum("count")):
            found[str(row[columns[0]]) if columns else "", row["start"]][row["level"]] = row["total"]
        return found

    @property
    def _buckets(self) -> QuerySet[UsageBucket]:
        return self._within(UsageBucket.objects.order_by())

    @property
    def _latencies(self) -> QuerySet[LatencyCount]:
        return self._within(LatencyCount.objects.order_by())

    def _within(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        window, series = self.window, self.asked.series
        rows = rows.filter(grain=window.grain, start__gte=window.since, start__lt=window.until)
        return rows if series is None else rows.filter(series__in=series.values("pk"))


def column_of(dimension: Dimension) -> str:
    """The column by which series are told apart."""
    name, pk = COLUMNS[dimension]
    return pk if dimension in TOLD_BY_ID else name


def value_of(series: UsageSeries, dimension: Dimension) -> str:
    """What a series has in that column."""
    return str(getattr(series, column_of(dimension)))


def _line(dimension: Dimension, value: str, parts: list[Part]) -> Line:
    name, pk = COLUMNS[dimension]
    newest = parts[-1].series
    return Line(getattr(newest, name) or value, getattr(newest, pk) if pk else "", _totals(parts))


def _totals(parts: Iterable[Part]) -> Totals:
    parts = list(parts)
    sums = ((part.sums, part.series.is_own_key) for part in parts)
    return totals_of(sums, added(part.latencies for part in parts))


def _sums(row: dict[str, Any]) -> Sums:
    return Sums(*(row[f"sum_{name}"] for name in SUMS))


def totals(asked: Asked) -> Totals:
    """One answer; see `Report`."""
    return Report(asked).totals()


def by(asked: Asked, dimension: Dimension) -> list[Line]:
    """One answer; see `Report.by`."""
    return Report(asked).by(dimension)


@overload
def over_time(asked: Asked, *, by: Literal[""] = "", latency: bool = False) -> list[Point]: ...
@overload
def over_time(asked: Asked, *, by: Dimension, latency: bool = False) -> dict[str, list[Point]]: ...
def over_time(
    asked: Asked, *, by: Dimension | Literal[""] = "", latency: bool = False
) -> list[Point] | dict[str, list[Point]]:
    """One answer; see `Report.over_time`."""
    return Report(asked).over_time(by=by, latency=latency) if by else Report(asked).over_time(latency=latency)
