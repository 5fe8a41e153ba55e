"""Counts -> panels: a chart, its table, and a text for screen readers. Data only, no HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from urllib.parse import urlencode

from pages.formats import cost, ms, short
from pages.traffic.charts import BarChart, BarRow, ChartPoint, LineChart, bar_chart, line_chart
from providers.presets import colour_of
from usage.analytics import Point, Totals, UsageLine
from usage.percents import percent

MOST_BARS, MOST_ROWS, MOST_READINGS = 8, 200, 120
MONTHS_FROM = timedelta(days=300)


@dataclass(frozen=True, slots=True)
class MergedPoints:
    """Neighbouring points as one; `start` is the start of the first."""

    start: datetime
    requests: int
    failures: int
    refused: int
    left: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class TableRow:
    """`name` heads the row; `narrows` is the query string that shows only this row, "" for none."""

    name: str
    cells: tuple[str, ...]
    narrows: str = ""


@dataclass(frozen=True, slots=True)
class PieSlice:
    """A part of a whole: `share` and where it `begins`, both in per cent; `gap` is what is left of the circle."""

    title: str
    colour: str
    begins: float
    share: float

    @property
    def gap(self) -> float:
        return round(100 - self.share, 2)


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with its table. `slug` is its name in URLs, `says` describes it in one sentence.

    `legend` has a CSS class and a word for each curve or part of a bar. One of `lines` and `bars` is None.
    """

    slug: str
    title: str
    says: str
    headers: tuple[str, ...]
    rows: tuple[TableRow, ...]
    legend: tuple[tuple[str, str], ...] = ()
    lines: LineChart | None = None
    bars: BarChart | None = None
    left_out: int = 0
    slices: tuple[PieSlice, ...] = ()

    @property
    def height(self) -> int:
        """The height of the chart, in pixels."""
        return (self.lines or self.bars).height  # type: ignore[union-attr]


def over_time(points: Sequence[Point], *, hourly: bool) -> Panel:
    """Requests and failures by hour or day; days are merged into at most MOST_READINGS points."""
    bundles, word = _bundled(points, hourly)
    say = _moment_by(hourly)
    readings = [
        ChartPoint(label, f"{say(b.start)}: {_said(b.requests, b.failures)}", (b.requests, b.failures))
        for label, b in zip(_labels(bundles, hourly), bundles, strict=True)
    ]
    return Panel(
        "requests",
        f"Requests per {word}",
        _said(sum(b.requests for b in bundles), sum(b.failures for b in bundles)) + _span(bundles, say),
        ("Time (UTC)", "Requests", "Failed", "Refused", "Left", "Cost"),
        tuple(TableRow(say(b.start), (*_counts(b), cost(b.cost_usd))) for b in reversed(bundles)),
        (("curve-0", "Requests"), ("curve-1", "Failed")),
        lines=line_chart(readings),
    )


def spending(points: Sequence[Point], *, hourly: bool) -> Panel:
    """Cost by hour or day."""
    bundles, word = _bundled(points, hourly)
    say = _moment_by(hourly)
    readings = [
        ChartPoint(label, f"{say(b.start)}: {cost(b.cost_usd)}", (b.cost_usd,))
        for label, b in zip(_labels(bundles, hourly), bundles, strict=True)
    ]
    return Panel(
        "spending",
        f"Cost per {word}",
        cost(sum(b.cost_usd for b in bundles)) + _span(bundles, say),
        ("Time (UTC)", "Cost"),
        tuple(TableRow(say(b.start), (cost(b.cost_usd),)) for b in reversed(bundles)),
        lines=line_chart(readings, least_step=0.0001, written=cost),
    )


def cost_by_provider(lines: Sequence[UsageLine], types: Mapping[str, str]) -> Panel:
    """A pie for the shares, and bars beside it: lengths are easier to compare, and 1% stays readable.

    `types` (name -> type) decides the colours; without a type the name does.
    """
    # Test requests to standbys cost, and are no requests.
    paid = [line for line in lines if line.totals.requests or line.totals.cost_usd]
    most_expensive = sorted(paid, key=lambda line: -line.totals.cost_usd)
    whole = sum(line.totals.cost_usd for line in lines)

    def text(totals: Totals) -> str:
        return f"{cost(totals.cost_usd)} · {percent(totals.cost_usd / whole if whole else None)}"

    panel = _bars(
        ("cost", "Cost by provider"),
        most_expensive,
        "provider",
        lambda line: BarRow(_named(line), line.totals.cost_usd, text(line.totals), colour=_colour(line, types)),
        {"Cost": lambda t: cost(t.cost_usd), "Requests": _requests, "Saved by BYOK": lambda t: cost(t.saved_usd)},
    )
    return replace(
        panel, slices=_slices([(_named(line), line.totals.cost_usd, _colour(line, types)) for line in lines])
    )


def _slices(parts: Sequence[tuple[str, float, str]]) -> tuple[PieSlice, ...]:
    """The biggest parts as slices of a pie, the others as one; none where nothing costs anything."""
    paid = sorted(((name, usd, colour) for name, usd, colour in parts if usd > 0), key=lambda part: -part[1])
    whole = sum(usd for _, usd, _ in paid)
    rest = sum(usd for _, usd, _ in paid[MOST_BARS:])
    shown = [*paid[:MOST_BARS], *([("Others", rest, "p-default")] if rest else [])]
    slices, begins = list[PieSlice](), 0.0
    for name, usd, colour in shown:
        share = 100 * usd / whole
        slices.append(PieSlice(f"{name}: {cost(usd)}", colour, round(begins, 2), round(share, 2)))
        begins += share
    return tuple(slices)


def cost_by(what: str, lines: Sequence[UsageLine]) -> Panel:
    """The highest costs: `what` is the filter that shows one of them alone."""
    return _bars(
        (f"{what}s", f"Cost by {what}"),
        sorted(lines, key=lambda line: -line.totals.cost_usd),
        what,
        lambda line: BarRow(_named(line), line.totals.cost_usd, cost(line.totals.cost_usd)),
        {"Cost": lambda t: cost(t.cost_usd), "Requests": _requests, "Tokens": lambda t: short(t.total_tokens)},
    )


def cost_by_model(lines: Sequence[UsageLine]) -> Panel:
    """The most expensive models."""
    return _bars(
        ("costs-of-models", "Cost by model"),
        sorted(_asked(lines), key=lambda line: -line.totals.cost_usd),
        "model",
        lambda line: BarRow(_named(line), line.totals.cost_usd, cost(line.totals.cost_usd)),
        {"Cost": lambda t: cost(t.cost_usd), "Requests": _requests, "Tokens": lambda t: short(t.total_tokens)},
    )


def popular_models(lines: Sequence[UsageLine]) -> Panel:
    """Models by their number of requests."""
    return _bars(
        ("models", "Popular models"),
        _asked(lines),
        "model",
        lambda line: BarRow(_named(line), line.totals.requests, f"{line.totals.requests:,}"),
        {"Requests": _requests, "Tokens": lambda t: short(t.total_tokens), "Cost": lambda t: cost(t.cost_usd)},
    )


def _asked(lines: Sequence[UsageLine]) -> list[UsageLine]:
    """Without models that only had failed attempts of requests that others answered."""
    return [line for line in lines if line.totals.requests]


def latency_by_model(lines: Sequence[UsageLine]) -> Panel:
    """The median as the filled part of a bar that reaches to the 95th percentile."""
    measured = [line for line in lines if line.totals.successes]

    def row(line: UsageLine) -> BarRow:
        p50, p95 = line.totals.p50_ms or 0.0, line.totals.p95_ms or 0.0
        return BarRow(_named(line), p95, f"{ms(p50)} · {ms(p95)}", filled=p50)

    return _bars(
        ("latency", "Latency by model"),
        measured,
        "model",
        row,
        {
            "p50": lambda t: ms(t.p50_ms or 0.0),
            "p95": lambda t: ms(t.p95_ms or 0.0),
            "Answered": lambda t: f"{t.successes:,}",
        },
        legend=(("bar-filled", "p50"), ("bar-rest", "p95")),
    )


def success_by_provider(lines: Sequence[UsageLine]) -> Panel:
    """The share of answered attempts; the rest failed, even if another provider then answered the request."""
    asked = [line for line in lines if line.totals.attempt_success_rate is not None]

    def row(line: UsageLine) -> BarRow:
        rate = line.totals.attempt_success_rate or 0.0
        return BarRow(_named(line), 1.0, percent(rate), filled=rate)

    return _bars(
        ("success", "Success rate by provider"),
        asked,
        "provider",
        row,
        {
            "Success rate": lambda t: percent(t.attempt_success_rate),
            "Attempts": lambda t: f"{t.attempts:,}",
            "Failed": lambda t: f"{t.failed_attempts:,}",
        },
        legend=(("bar-good", "Answered"), ("bar-failed", "Failed")),
        whole=1.0,
    )


def _narrowing(dimension: str, line: UsageLine) -> str:
    """Teams are identified by id, because names can be reused."""
    return urlencode({dimension: line.id if dimension == "team" else line.name})


Cells = Mapping[str, Callable[[Totals], str]]


def _bars(
    name: tuple[str, str],
    lines: Sequence[UsageLine],
    dimension: str,
    row: Callable[[UsageLine], BarRow],
    cells: Cells,
    *,
    legend: tuple[tuple[str, str], ...] = (),
    whole: float | None = None,
) -> Panel:
    """The first few as bars, almost all in the table."""
    rows = [row(line) for line in lines[:MOST_BARS]]
    slug, title = name
    return Panel(
        slug,
        title,
        "; ".join(f"{one.name}: {one.text}" for one in rows) or "Nothing yet",
        (dimension.capitalize(), *cells),
        tuple(
            TableRow(_named(line), tuple(cell(line.totals) for cell in cells.values()), _narrowing(dimension, line))
            for line in lines[:MOST_ROWS]
        ),
        legend,
        bars=bar_chart(rows, whole=whole),
        left_out=max(0, len(lines) - MOST_BARS),
    )


def _bundled(points: Sequence[Point], hourly: bool) -> tuple[list[MergedPoints], str]:
    """Merges as many neighbours as needed; also returns the merged span in words."""
    size = 1 if hourly else max(1, ceil(len(points) / MOST_READINGS))
    parts = [points[n : n + size] for n in range(0, len(points), size)]
    return [_bundle(part) for part in parts], "hour" if hourly else "day" if size == 1 else f"{size} days"


def _bundle(part: Sequence[Point]) -> MergedPoints:
    return MergedPoints(
        part[0].start,
        sum(point.totals.requests for point in part),
        sum(point.totals.failures for point in part),
        sum(point.totals.refused for point in part),
        sum(point.totals.left for point in part),
        sum(point.totals.cost_usd for point in part),
    )


def _counts(bundle: MergedPoints) -> tuple[str, ...]:
    return tuple(f"{count:,}" for count in (bundle.requests, bundle.failures, bundle.refused, bundle.left))


def _labels(bundles: Sequence[MergedPoints], hourly: bool) -> list[str]:
    """The x labels: hours, days, or months where days would repeat."""
    if hourly:
        return [f"{b.start:%H:%M}" for b in bundles]
    is_long = bool(bundles) and bundles[-1].start - bundles[0].start > MONTHS_FROM
    return [f"{b.start:%b %Y}" if is_long else f"{b.start.day} {b.start:%b}" for b in bundles]


def _moment_by(hourly: bool) -> Callable[[datetime], str]:
    return lambda start: f"{start.day} {start:%b %Y, %H:%M}" if hourly else f"{start.day} {start:%b %Y}"


def _span(bundles: Sequence[MergedPoints], say: Callable[[datetime], str]) -> str:
    return f", from {say(bundles[0].start)} to {say(bundles[-1].start)}" if bundles else ""


def _said(requests: int, failures: int) -> str:
    return f"{requests:,} request{'' if requests == 1 else 's'}, {failures:,} failed"


def _requests(totals: Totals) -> str:
    return f"{totals.requests:,}"


def _named(line: UsageLine) -> str:
    """Requests without a deployment have neither model nor provider."""
    return line.name or "none"


def _colour(line: UsageLine, types: Mapping[str, str]) -> str:
    return f"p-{colour_of(types.get(line.name, ''), line.name)}"
