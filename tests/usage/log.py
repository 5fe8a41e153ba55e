"""What tests of the request log share: finished requests, and the log and buckets they make."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from usage.journal import Entry, write
from usage.models import RequestRecord

_numbers = itertools.count(1)


def finished(call_id: str = "", *, days_ago: float = 0.0, at: str = "", **fields: Any) -> RequestRecord:
    """A request as the gateway hands it over; `at` is `2030-01-31T14:30`, UTC."""
    started = datetime.fromisoformat(at).replace(tzinfo=UTC) if at else timezone.now() - timedelta(days=days_ago)
    usual = {"model_group": "g", "started_at": started, "duration_ms": 10.0, "status": 200}
    return RequestRecord(call_id=call_id or f"{next(_numbers):032x}", **{**usual, **fields})


def log(*records: RequestRecord) -> None:
    """Writes them as the recorder does."""
    write([Entry(record) for record in records])
