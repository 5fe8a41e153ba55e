"""Reports of usage. A report reads sums per series once, and adds them up in several ways."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, overload

from django.db.models import F, Model, Q, QuerySet, Sum, Value

from usage.analytics.asked import COLUMNS, TOLD_BY_ID, AnalyticsQuery, Window, window_of
from usage.analytics.numbers import Dimension, Point, Totals, UsageLine, added, totals_of
from usage.models import Grain, LatencyCount, UsageBucket, UsageSeries
from usage.rollups.tallies import SUMS, BucketSums, Series

# What a page shows of a line, and of a point in time.
OF_LINES: Collection[str] = (
    *("requests", "successes", "input_tokens", "output_tokens", "cost_usd", "attempts", "failed_attempts"),
)
OF_POINTS: Collection[str] = ("requests", "failures", "refused", "left", "cost_usd")


class PlainSum(Sum):
    """A sum as SQLite gives it, which is an int or a float already: Django would convert each number once more, and a
    report has a hundred thousand."""

    name = "Sum"

    def get_db_converters(self, connection: Any) -> Any:
        return [] if connection.vendor == "sqlite" else super().get_db_converters(connection)


class NotCounted(Value):
    """A zero in the place of a sum, as it is."""

    def get_db_converters(self, connection: Any) -> Any:
        return []


OF_OWN_KEYS = Q(series__in=UsageSeries.objects.filter(is_own_key=True).values("pk"))
OUR_COST = Sum("cost_usd", filter=~OF_OWN_KEYS, default=0.0)


def _added_up(columns: Collection[str] = SUMS) -> dict[str, Any]:
    """The sums of these columns, and zeros for the others, in the order of `BucketSums`."""
    return {f"sum_{name}": PlainSum(name) if name in columns else NotCounted(0) for name in SUMS}


# The lines that need percentiles: all, those of one dimension (and the totals), the totals, none.
Latency = Dimension | Literal["all", "totals", "none"]


@dataclass(frozen=True, slots=True)
class SeriesTotal:
    """The totals of one series in the whole period; `id` is that of its row."""

    id: int
    series: Series
    sums: BucketSums


class UsageReport:
    """The report of one period and one set of filters; it reads the tables on first use.

    `grain` is the length of the points of `over_time`; by default it depends on the period (see `window_of`). `latency`
    says which totals have percentiles: fewer of them are much faster, and so are those of only the first `measured`
    lines with an answer, for one dimension. `is_brief`: lines and points have only what pages show of them (`OF_LINES`,
    `OF_POINTS`), and zeros for the rest; the totals are whole.
    """

    def __init__(
        self,
        asked: AnalyticsQuery,
        *,
        grain: Grain | None = None,
        latency: Latency = "all",
        measured: int | None = None,
        is_brief: bool = False,
    ) -> None:
        self.asked = asked
        self._is_brief = is_brief
        self._measured = measured
        self._grain = grain
        self._latency = latency
        self._lines: dict[Dimension, tuple[UsageLine, ...]] = {}

    @cached_property
    def window(self) -> Window:
        """The counted buckets."""
        return window_of(self.asked, self._grain)

    def totals(self) -> Totals:
        """The totals of everything."""
        reads_apart = self._is_brief or self._latency == "totals"
        return totals_of(self._by_payer if reads_apart else map(_paid, self._parts), self._all_levels)

    def success_rate_of(self, totals: Totals) -> float | None:
        """The success rate of requests; for a provider or a model that of attempts, because others may have answered
        after it."""
        return totals.attempt_success_rate if self.asked.is_of_upstreams else totals.success_rate

    def by(self, dimension: Dimension) -> list[UsageLine]:
        """The totals of each provider, model, team …, most requests first; without nameless ones."""
        if dimension not in self._lines:
            self._lines[dimension] = tuple(self._lines_by(dimension))
        return list(self._lines[dimension])

    def _lines_by(self, dimension: Dimension) -> list[UsageLine]:
        groups: dict[str, list[SeriesTotal]] = defaultdict(list)
        for part in self._parts:
            if value := value_of(part.series, dimension):
                groups[value].append(part)
        ranked = sorted(groups, key=lambda value: _rank(dimension, value, groups[value]))
        if self._latency == dimension and self._measured is not None:
            answered = [value for value in ranked if any(part.sums.successes for part in groups[value])]
            levels = self._levels_of(dimension, answered[: self._measured])
            return [_line(dimension, value, groups[value], levels.get(value, {})) for value in ranked]
        return [
            _line(dimension, value, groups[value], self._latencies(dimension, value, groups[value])) for value in ranked
        ]

    @overload
    def over_time(self, *, by: Literal[""] = "", latency: bool = False) -> list[Point]: ...
    @overload
    def over_time(self, *, by: Dimension, latency: bool = False) -> dict[str, list[Point]]: ...
    def over_time(
        self, *, by: Dimension | Literal[""] = "", latency: bool = False
    ) -> list[Point] | dict[str, list[Point]]:
        """A point for each hour or day, also for those without requests; p50 and p95 only with `latency`.

        With `by` a list of points for each name, for teams and keys by id, as in `AnalyticsQuery`.
        """
        found = self._points(by, latency)
        if by:
            return {value: self._filled(points) for value, points in sorted(found.items()) if value}
        return self._filled(found.get("", {}))

    def _filled(self, points: dict[datetime, Totals]) -> list[Point]:
        return [Point(start, points.get(start, Totals())) for start in self.window.starts()]

    @cached_property
    def _parts(self) -> list[SeriesTotal]:
        # One row per series is read, at most a few thousand, for any number of requests.
        rows = self._counted.values_list("series_id").annotate(**_added_up(OF_LINES if self._is_brief else SUMS))
        sums = {row[0]: BucketSums(*row[1:]) for row in rows}
        series = (UsageSeries.objects.all() if self.asked.series is None else self.asked.series).order_by("pk")
        columns = series.values_list("pk", *Series._fields)
        return [SeriesTotal(row[0], Series._make(row[1:]), sums[row[0]]) for row in columns if row[0] in sums]

    @property
    def _by_payer(self) -> list[tuple[BucketSums, bool]]:
        """Enough for the totals: requests with the console's keys, and of those with own keys their number and cost.

        One query, which sorts nothing, as one by payer would.
        """
        counted = _added_up() | {"own_requests": Sum("requests", filter=OF_OWN_KEYS, default=0)}
        counted |= {"sum_cost_usd": OUR_COST, "own_cost": Sum("cost_usd", filter=OF_OWN_KEYS, default=0.0)}
        *sums, own_requests, own_cost = self._counted.aggregate(**counted).values()
        ours = BucketSums(*(number or 0 for number in sums))
        if not own_requests and not own_cost:
            return [(ours, False)]
        ours.requests -= own_requests
        return [(ours, False), (BucketSums(requests=own_requests, cost_usd=own_cost), True)]

    @property
    def _counted(self) -> QuerySet[Any]:
        return self._within(UsageBucket, self.window.buckets)

    @property
    def _all_levels(self) -> Counter[int]:
        if self._measured is None:
            return added(self._levels.values())
        rows = self._within(LatencyCount, self.window.buckets)
        return Counter(dict(rows.values_list("level").annotate(Sum("count"))))

    def _levels_of(self, dimension: Dimension, values: list[str]) -> Mapping[str, Mapping[int, int]]:
        """The latencies of a few lines: of thousands of models they are a tenth of all rows."""
        column, found = f"series__{column_of(dimension)}", defaultdict[str, dict[int, int]](dict)
        rows = self._within(LatencyCount, self.window.buckets).filter(**{f"{column}__in": values})
        for value, level, count in rows.values_list(column, "level").annotate(Sum("count")):
            found[value][level] = count
        return found

    @cached_property
    def _levels(self) -> dict[str | int, Counter[int]]:
        """Latencies as level -> count: by series for all lines, else by value of the one dimension."""
        found: dict[str | int, Counter[int]] = defaultdict(Counter)
        rows = self._within(LatencyCount, self.window.buckets)
        if self._latency == "totals":
            found[""].update(dict(rows.values_list("level").annotate(Sum("count"))))
        elif self._latency != "none":
            column = "series_id" if self._latency == "all" else f"series__{column_of(self._latency)}"
            for value, level, count in rows.values_list(column, "level").annotate(Sum("count")):
                found[value][level] = count
        return found

    def _latencies(self, dimension: Dimension, value: str, parts: Iterable[SeriesTotal]) -> Mapping[int, int]:
        """The latencies of one line."""
        if self._latency == "all":
            return added(self._levels[part.id] for part in parts)
        return self._levels[value] if self._latency == dimension else {}

    def _points(self, by: Dimension | Literal[""], latency: bool) -> dict[str, dict[datetime, Totals]]:
        columns = [f"series__{column_of(by)}"] if by else []
        counted = _added_up(OF_POINTS) | {"sum_cost_usd": OUR_COST} if self._is_brief else _added_up()
        parts: dict[tuple[str, datetime], list[tuple[BucketSums, bool]]] = defaultdict(list)
        payer = NotCounted(False) if self._is_brief else F("series__is_own_key")
        rows = (
            self._within(UsageBucket, self.window.points)
            .annotate(is_own=payer)
            .values_list("start", "is_own", *columns)
        )
        for start, is_own_key, *row in rows.annotate(**counted):
            parts[str(row[0]) if columns else "", start].append((BucketSums(*row[len(columns) :]), bool(is_own_key)))
        levels = self._levels_over_time(columns) if latency else {}
        found: dict[str, dict[datetime, Totals]] = defaultdict(dict)
        for (value, start), sums in parts.items():
            found[value][start] = totals_of(sums, levels.get((value, start)))
        return found

    def _levels_over_time(self, columns: list[str]) -> dict[tuple[str, datetime], Counter[int]]:
        found: dict[tuple[str, datetime], Counter[int]] = defaultdict(Counter)
        rows = self._within(LatencyCount, self.window.points)
        for row in rows.values("start", "level", *columns).annotate(total=Sum("count")):
            found[str(row[columns[0]]) if columns else "", row["start"]][row["level"]] = row["total"]
        return found

    def _within(self, model: type[Model], buckets: Q) -> QuerySet[Any]:
        series, rows = self.asked.series, model._default_manager.order_by().filter(buckets)
        return rows if series is None else rows.filter(series__in=series.values("pk"))


def column_of(dimension: Dimension) -> str:
    """The column that identifies series."""
    name, pk = COLUMNS[dimension]
    return pk if dimension in TOLD_BY_ID else name


def value_of(series: Series, dimension: Dimension) -> str:
    """The value of a series in that column."""
    return str(getattr(series, column_of(dimension)))


def _rank(dimension: Dimension, value: str, parts: list[SeriesTotal]) -> tuple[int, str]:
    """Most requests first, then by name."""
    name, _ = COLUMNS[dimension]
    return -sum(part.sums.requests for part in parts), getattr(parts[-1].series, name) or value


def _line(dimension: Dimension, value: str, parts: list[SeriesTotal], latencies: Mapping[int, int]) -> UsageLine:
    name, pk = COLUMNS[dimension]
    newest = parts[-1].series
    totals = totals_of(map(_paid, parts), latencies)
    return UsageLine(getattr(newest, name) or value, getattr(newest, pk) if pk else "", totals)


def _paid(part: SeriesTotal) -> tuple[BucketSums, bool]:
    return part.sums, part.series.is_own_key


def totals(asked: AnalyticsQuery) -> Totals:
    """One answer; see `UsageReport`."""
    return UsageReport(asked, latency="totals").totals()


def by(asked: AnalyticsQuery, dimension: Dimension) -> list[UsageLine]:
    """One answer; see `UsageReport.by`."""
    return UsageReport(asked).by(dimension)


@overload
def over_time(asked: AnalyticsQuery, *, by: Literal[""] = "", latency: bool = False) -> list[Point]: ...
@overload
def over_time(asked: AnalyticsQuery, *, by: Dimension, latency: bool = False) -> dict[str, list[Point]]: ...
def over_time(
    asked: AnalyticsQuery, *, by: Dimension | Literal[""] = "", latency: bool = False
) -> list[Point] | dict[str, list[Point]]:
    """One answer; see `UsageReport.over_time`."""
    return UsageReport(asked).over_time(by=by, latency=latency) if by else UsageReport(asked).over_time(latency=latency)
