"""Months made anew from their days: where days were changed otherwise than by adding to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from usage.models import Grain, LatencyCount, UsageBucket
from usage.rollups.tallies import SUMS, next_month


def sum_up_month(month: datetime) -> None:
    """Makes one month anew, in the transaction of the caller; `month` is its beginning, UTC."""
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
