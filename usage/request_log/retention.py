"""Retention: requests for ATTEMPTS_RETENTION_HOURS, stored responses for STORED_RESPONSES_DAYS, hours for 62 days, days
for ever.

Deletes in small batches, so that writers do not wait long. On PostgreSQL the log loses whole days, as partitions; rows
are deleted one by one only where the retention time is short, and outside of the partitions of days.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, connections
from django.utils import timezone

from usage.group_traffic.tallying import shrink_groups
from usage.health.recent import forget_recent
from usage.models import Grain, LatencyCount, RequestRecord, UsageBucket
from usage.request_log.partitions import begin_of, length_of, tend_partitions
from usage.stored_responses import forget_old

log = structlog.get_logger(__name__)

HOURS_KEPT = timedelta(days=62)
ROWS_AT_ONCE = 1000
# A day more or less makes little difference to a longer retention time.
EXACT_UP_TO = timedelta(hours=48)


def purge() -> None:
    """Deletes rows older than the retention time."""
    try:
        _purge_requests()
        _purge_hours()
        forget_recent()
        shrink_groups()
        forget_old()
    except DatabaseError as error:
        log.warning("old requests not deleted", error=str(error))
    finally:
        connections.close_all()


def _purge_requests() -> None:
    now = timezone.now()
    oldest = oldest_kept(now)
    if connection.vendor == "postgresql" and not _has_tended(now, oldest):
        return
    old = RequestRecord.objects.filter(started_at__lt=oldest)
    while part := list(old.order_by("started_at").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        old.filter(pk__in=part).delete()


def oldest_kept(now: datetime) -> datetime:
    """The time before which requests are deleted: a longer retention time of PostgreSQL ends with a partition, because
    a log that lost its oldest rows every ten minutes would lose all of them so, and never a partition."""
    if connection.vendor == "postgresql" and _kept() > EXACT_UP_TO:
        return begin_of(now - _kept(), length_of(_kept()))
    return now - _kept()


def _kept() -> timedelta:
    return timedelta(hours=settings.ATTEMPTS_RETENTION_HOURS)


def _has_tended(now: datetime, oldest: datetime) -> bool:
    """False where rows must wait for the next time, so that none is deleted that goes with its partition; True also
    where this user may make and drop none, because then rows go one by one."""
    try:
        return tend_partitions(now=now, oldest=oldest, length=length_of(_kept()))
    except OperationalError as error:
        log.info("partitions of the log wait for others", error=str(error)[:200])
        return False
    except DatabaseError as error:
        log.warning("partitions of the log can't be made or dropped", error=str(error)[:200])
        return True


def _purge_hours() -> None:
    hours = UsageBucket.objects.filter(grain=Grain.HOUR, start__lt=timezone.now() - HOURS_KEPT)
    while start := hours.order_by("start").values_list("start", flat=True).first():
        LatencyCount.objects.filter(grain=Grain.HOUR, start=start).delete()
        UsageBucket.objects.filter(grain=Grain.HOUR, start=start).delete()
