"""Recomputes sums: days from the log, where it is complete; months from their days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Model
from django.db.transaction import atomic
from django.utils import timezone

from usage.models import Grain, LatencyCount, RequestRecord, UsageBucket
from usage.rollups.adding import add_up, keep_writers_out
from usage.rollups.tallies import SUMS, next_month, start_of, tally


def sum_up_month(month: datetime) -> None:
    """Recomputes one month from its days after other changes than additions; in the caller's transaction.

    `month` is its beginning, UTC.
    """
    for model in (UsageBucket, LatencyCount):
        model._default_manager.filter(grain=Grain.MONTH, start=month).delete()
    _insert(UsageBucket, month, ("series_id",), SUMS)
    _insert(LatencyCount, month, ("series_id", "level"), ("count",))


def _insert(model: type[Model], month: datetime, keys: Sequence[str], columns: Sequence[str]) -> None:
    table, names = model._meta.db_table, ", ".join(f'"{name}"' for name in ("grain", "start", *keys, *columns))
    kept, sums = (", ".join(f'"{name}"' for name in keys), ", ".join(f'SUM("{name}")' for name in columns))
    adapt: Any = connection.ops.adapt_datetimefield_value
    begin, end = adapt(month), adapt(next_month(month))
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT %s, %s, {kept}, {sums} FROM "{table}" '  # noqa: S608  # our own names
            f'WHERE "grain" = %s AND "start" >= %s AND "start" < %s GROUP BY {kept}',
            [Grain.MONTH.value, begin, Grain.DAY.value, begin, end],
        )


DAY = timedelta(days=1)
ROWS_AT_ONCE = 2000


def rebuild() -> int:
    """Recomputes the sums of the days in the log, including today; returns the number of days.

    Older days keep their sums, because their requests are deleted or about to be.
    """
    day, count = _first_whole_day(), 0
    while day is not None and day <= timezone.now():
        _rebuild_day(day)
        day, count = day + DAY, count + 1
    return count


def _first_whole_day() -> datetime | None:
    first = RequestRecord.objects.order_by("started_at").values_list("started_at", flat=True).first()
    if first is None:
        return None
    day = start_of(first, Grain.DAY)
    has_forgotten = UsageBucket.objects.filter(grain=Grain.DAY, start__lt=day).exists()
    oldest_kept = start_of(timezone.now() - timedelta(hours=settings.ATTEMPTS_RETENTION_HOURS), Grain.DAY)
    return max(day + DAY if has_forgotten else day, oldest_kept + DAY)


@atomic
def _rebuild_day(day: datetime) -> None:
    keep_writers_out(UsageBucket)
    during = {"grain__in": (Grain.HOUR, Grain.DAY), "start__gte": day, "start__lt": day + DAY}
    LatencyCount.objects.filter(**during).delete()
    UsageBucket.objects.filter(**during).delete()
    add_up(tally(RequestRecord.objects.filter(started_at__gte=day, started_at__lt=day + DAY).iterator(ROWS_AT_ONCE)))
    sum_up_month(start_of(day, Grain.MONTH))
