"""The differences of a comparison in words, for the page and the terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.rehearsal.metric_differences import MetricDifference
from engine.rehearsal.ranges import share_of
from usage.percents import percent

LABELS = {
    "success_rate": "Success",
    "refused_share": "Refused",
    "left_share": "Left",
    "repeated_share": "Asked again",
    "latency_p50_ms": "Latency p50",
    "latency_p95_ms": "Latency p95",
    "latency_p99_ms": "Latency p99",
    "ttft_p50_ms": "First token p50",
    "ttft_p95_ms": "First token p95",
    "ttft_p99_ms": "First token p99",
    "cost_usd": "Cost",
    "fallback_share": "Fell back",
    "rescued_share": "Rescued",
    "hedged_share": "Hedged",
}
# Of these only what happened on one side is worth a line.
SELDOM = ("refused_share", "left_share", "repeated_share", "rescued_share", "hedged_share")
UNKNOWN, MINUS = "–", "−"


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: its value on both sides, the difference B - A of the medians, its range, and the better side."""

    metric: str
    label: str
    a: str
    b: str
    change: str
    range: str
    better: str | None

    @property
    def verdict(self) -> str:
        """The better side in words; empty without one."""
        return f"{self.better.upper()} is better" if self.better else ""


def lines_of(differences: Sequence[MetricDifference], *results: Mapping[str, Any]) -> list[Line]:
    """The lines of a table; `results` name the deployments."""
    labels = {**LABELS, **{share_of(key): f"Share of {name}" for key, name in _names(results)}}
    return [_line(one, labels.get(one.metric, one.metric)) for one in differences if _is_worth_a_line(one)]


def _is_worth_a_line(one: MetricDifference) -> bool:
    return one.metric not in SELDOM or bool(one.a or one.b)


def _names(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for result in results:
        for row in result["traffic_distribution"]:
            yield row["deployment_id"], f"{row['deployment_name']} ({row['provider']})"


def _line(one: MetricDifference, label: str) -> Line:
    a, b = (UNKNOWN if value is None else value_text(one.metric, value) for value in (one.a, one.b))
    if one.a is None or one.b is None or one.low is None or one.high is None:
        return Line(one.metric, label, a, b, UNKNOWN, "", None)
    change, low, high = (change_text(one.metric, value) for value in (one.b - one.a, one.low, one.high))
    return Line(one.metric, label, a, b, change, "" if low == high else f"{low} to {high}", one.better)


def value_text(metric: str, value: float) -> str:
    """`99.3 %`, `1,240 ms`, `$0.0123`."""
    if metric.endswith("_ms"):
        return f"{value:,.0f} ms"
    return _usd(value) if metric.endswith("_usd") else percent(value)


def change_text(metric: str, change: float) -> str:
    """The same with a sign, and shares in points; `0` for none."""
    if not round(change, 9):
        return "0"
    sign, size = "+" if change > 0 else MINUS, abs(change)
    if metric.endswith("_ms"):
        return f"{sign}{size:,.0f} ms" if size >= 1 else f"{sign}{size:.1g} ms"
    if metric.endswith("_usd"):
        return sign + _usd(size)
    return f"{sign}{max(0.1, 100 * size):.1f} points"


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.2g}"
