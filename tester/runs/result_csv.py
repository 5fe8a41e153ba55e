"""The numbers of a run as CSV: one a line, with the range over its seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.rehearsal.ranges import SHARE, Range, metrics_of
from tester.models import Run
from usage.request_log.csv_export import BYTE_ORDER_MARK, csv_lines

HEADINGS = ("metric", "deployment", "deployment_id", "value", "low", "median", "high", "seeds")
COUNTS = (
    *("total_requests", "successful_requests", "failed_requests", "refused_requests", "untried_requests"),
    *("fallback_count", "rescued_requests", "hedged_requests"),
)
OF_CLIENTS = ("left_requests", "repeated_requests")
Row = Sequence[object]


def numbers_csv(run: Run) -> bytes:
    """The file of a stored run; only its headings where there is no result."""
    return csv_of(run.result, run.ranges or {}, len(run.measured) or 1)


def csv_of(result: Mapping[str, Any] | None, ranges: Mapping[str, Range], seeds: int) -> bytes:
    """The file of a result and its ranges over so many seeds."""
    rows = [] if result is None else list(_rows(result, ranges, seeds))
    return BYTE_ORDER_MARK + csv_lines([HEADINGS, *rows])


def _rows(result: Mapping[str, Any], ranges: Mapping[str, Range], seeds: int) -> Iterator[Row]:
    names = {row["deployment_id"]: row["deployment_name"] for row in result["traffic_distribution"]}
    yield from (_row(name, result.get(name)) for name in COUNTS)
    yield from (_row(name, result[name]) for name in OF_CLIENTS if name in result)
    metrics = metrics_of(result)
    for name in dict.fromkeys([*metrics, *ranges]):
        key = name.removeprefix(SHARE) if name.startswith(SHARE) else ""
        found = ranges.get(name)
        yield _row("share" if key else name, metrics.get(name), key, names, found, seeds if found else None)
    for cause, count in (result.get("failures_by_cause") or {}).items():
        yield _row(f"failures:{cause}", count)
    for key, reasons in (result.get("skipped") or {}).items():
        yield from (_row(f"skipped:{reason}", count, key, names) for reason, count in reasons.items())


def _row(
    metric: str,
    value: object,
    key: str = "",
    names: Mapping[str, str] | None = None,
    found: Range | None = None,
    seeds: int | None = None,
) -> Row:
    return (metric, (names or {}).get(key, ""), key, value, *(found or (None, None, None)), seeds)
