"""Response times of deployments from the request log: an average and a history for each."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from usage.models import RequestRecord
from usage.request_log.finished import PROBE

NEWEST = 2_000
POINTS = 60
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """The answers of one deployment, in milliseconds. `points` are the newest `(time, duration)`, oldest first."""

    count: int
    mean_ms: float
    p95_ms: float
    points: tuple[tuple[datetime, float], ...]


def response_times(*, since: timedelta = DAY) -> dict[str, ResponseTimes]:
    """By deployment id, only from real traffic; one query of at most NEWEST requests."""
    recent = RequestRecord.objects.filter(started_at__gte=timezone.now() - since).exclude(endpoint=PROBE)
    recent = recent.order_by("-started_at")
    return times_of(recent.values_list("attempts", flat=True)[:NEWEST])


def times_of(requests: Iterable[Iterable[Mapping[str, Any]]]) -> dict[str, ResponseTimes]:
    """The same from the attempts of the request log, by request; failures don't count. Pure."""
    found: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for attempts in requests:
        for attempt in attempts:
            if attempt["status"] == "success" and attempt["duration_ms"]:
                when = datetime.fromisoformat(attempt["started_at"])
                found[attempt["deployment_id"]].append((when, round(attempt["duration_ms"], 3)))
    return {deployment: _summary(sorted(points)) for deployment, points in found.items()}


def _summary(points: list[tuple[datetime, float]]) -> ResponseTimes:
    values = sorted(value for _, value in points)
    p95 = values[max(0, math.ceil(0.95 * len(values)) - 1)]
    return ResponseTimes(len(values), round(statistics.fmean(values), 3), p95, tuple(points[-POINTS:]))
