"""Retention: requests for ATTEMPTS_RETENTION_HOURS, stored responses for STORED_RESPONSES_DAYS, hours for 62 days, days
for ever.

Deletes in small batches, so that writers do not wait long.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone

from usage.group_traffic.tallying import shrink_groups
from usage.health.recent import forget_recent
from usage.models import Grain, LatencyCount, RequestRecord, UsageBucket
from usage.stored_responses import forget_old

log = structlog.get_logger(__name__)

HOURS_KEPT = timedelta(days=62)
ROWS_AT_ONCE = 1000


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
    oldest = timezone.now() - timedelta(hours=settings.ATTEMPTS_RETENTION_HOURS)
    old = RequestRecord.objects.filter(started_at__lt=oldest).order_by("started_at").values_list("pk", flat=True)
    while part := list(old[:ROWS_AT_ONCE]):
        RequestRecord.objects.filter(pk__in=part).delete()


def _purge_hours() -> None:
    hours = UsageBucket.objects.filter(grain=Grain.HOUR, start__lt=timezone.now() - HOURS_KEPT)
    while start := hours.order_by("start").values_list("start", flat=True).first():
        LatencyCount.objects.filter(grain=Grain.HOUR, start=start).delete()
        UsageBucket.objects.filter(grain=Grain.HOUR, start=start).delete()
