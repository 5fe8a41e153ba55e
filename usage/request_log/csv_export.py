"""The CSV files of usage: the request log by request, and its sums by day. A few thousand rows at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from usage.analytics import AnalyticsQuery
from usage.models import Grain, RequestRecord, UsageBucket
from usage.request_log.log_columns import COLUMNS
from usage.request_log.log_search import LogCursor
from usage.rollups.tallies import COLUMN_OF_UNIT, start_of

# Without it Excel reads UTF-8 as the local code page; LibreOffice and Python's `utf-8-sig` accept it.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A cell that begins like a formula gets an apostrophe in front: callers choose names, and `=HYPERLINK(…)` must stay a
# name. Numbers stay numbers, also negative ones. Tab, CR and LF: some spreadsheets skip them. The wide forms are those
# of Asian keyboards.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """The rows, one per line, without a byte order mark."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def safe(cell: object) -> object:
    """The text of a cell: None is empty, True is `yes`, times are ISO 8601 in UTC without an offset."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(cell, float):
        return f"{cell:.9f}".rstrip("0").rstrip(".")
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + cell
    return cell


ROWS_AT_ONCE = 2000

REQUEST_COLUMNS = {column.csv: column.name for column in COLUMNS if column.csv}
COST_COLUMNS = {
    "provider": "series__provider",
    "model": "series__model",
    "team": "series__team",
    "team_id": "series__team_id",
    "key": "series__key_name",
    "key_id": "series__key_id",
    "user": "series__owner",
}
COUNTED = (
    *("requests", "successes", "failures", "refused", "left", "attempts", "failed_attempts"),
    *("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"),
    *COLUMN_OF_UNIT.values(),
)


async def requests_csv(asked: AnalyticsQuery) -> AsyncIterator[bytes]:
    """One line for each request in the log, oldest first."""
    yield BYTE_ORDER_MARK + csv_lines([list(REQUEST_COLUMNS)])
    following = sync_to_async(_requests_after)
    until, mark = asked.until or timezone.now(), None
    while rows := await following(asked, until, mark):
        yield csv_lines(rows)
        mark = LogCursor(rows[-1][0], rows[-1][1])


async def costs_csv(asked: AnalyticsQuery) -> AsyncIterator[bytes]:
    """One line for each day, provider, model, team and key. For an own key `cost_usd` is 0 and `saved_usd` is not."""
    yield BYTE_ORDER_MARK + csv_lines([["day_utc", *COST_COLUMNS, *COUNTED, "cost_usd", "saved_usd"]])
    costs_of = sync_to_async(_costs_of)
    for day in await sync_to_async(_days)(asked):
        yield csv_lines([f"{day:%Y-%m-%d}", *row] for row in await costs_of(asked, day))


def _requests_after(asked: AnalyticsQuery, until: datetime, mark: LogCursor | None) -> list[tuple[Any, ...]]:
    rows = _in_log(asked).filter(started_at__lt=until).order_by("started_at", "call_id")
    if mark:
        rows = rows.filter(mark.is_newer)
    return list(rows.values_list(*REQUEST_COLUMNS.values())[:ROWS_AT_ONCE])


def _in_log(asked: AnalyticsQuery) -> QuerySet[RequestRecord]:
    """The same filters as in `AnalyticsQuery.series`: the columns have the same names."""
    rows = RequestRecord.objects.all()
    if asked.since:
        rows = rows.filter(started_at__gte=asked.since)
    return rows.filter(asked.wanted)


def _days(asked: AnalyticsQuery) -> list[datetime]:
    """The days of the period with requests."""
    return list(_buckets(asked).order_by("start").values_list("start", flat=True).distinct())


def _costs_of(asked: AnalyticsQuery, day: datetime) -> list[tuple[Any, ...]]:
    """The lines of one day, in the order of their columns."""
    sums = {f"sum_{name}": Sum(name) for name in COUNTED}
    ours, own = (Q(series__is_own_key=is_own) for is_own in (False, True))
    paid = {
        "cost": Coalesce(Sum("cost_usd", filter=ours), 0.0),
        "saved": Coalesce(Sum("cost_usd", filter=own), 0.0),
    }
    columns = COST_COLUMNS.values()
    rows = _buckets(asked).filter(start=day).order_by(*columns).values(*columns)
    return list(rows.annotate(**sums, **paid).values_list(*columns, *sums, *paid))


def _buckets(asked: AnalyticsQuery) -> QuerySet[UsageBucket]:
    until = asked.until or timezone.now()
    rows = UsageBucket.objects.filter(grain=Grain.DAY, start__lt=until)
    if asked.since:
        rows = rows.filter(start__gte=start_of(asked.since, Grain.DAY))
    return rows if asked.series is None else rows.filter(series__in=asked.series.values("pk"))
