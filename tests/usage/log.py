"""What tests of the request log share: finished requests, and the log and buckets they make."""

from __future__ import annotations

import itertools
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from access.credits import Settlement
from engine.outcomes import outcome_of
from usage.models import RequestRecord
from usage.request_log.finished import ATTEMPTS, STARTED_AT, values_of
from usage.request_log.journal import JournalEntry, write
from usage.request_log.packing import ATTEMPT, Wire

_numbers = itertools.count(1)


def finished(call_id: str = "", *, days_ago: float = 0.0, at: str = "", **fields: Any) -> RequestRecord:
    """A request as the gateway hands it over; `at` is `2030-01-31T14:30`, UTC."""
    started = datetime.fromisoformat(at).replace(tzinfo=UTC) if at else timezone.now() - timedelta(days=days_ago)
    usual = {"model_group": "g", "started_at": started, "duration_ms": 10.0, "status": 200, "outcome": ended(fields)}
    return RequestRecord(call_id=call_id or f"{next(_numbers):032x}", **{**usual, **fields})


def ended(fields: dict[str, Any]) -> str:
    """The outcome that the gateway gives a request with such columns."""
    code = fields.get("error_class", "")
    was_routed = bool(fields.get("attempts")) or code == "all_cooling_down"
    return outcome_of(fields.get("status", 200), was_routed=was_routed, code=code).value


def log(*records: RequestRecord) -> None:
    """Writes them as the recorder does."""
    write([JournalEntry(record) for record in records])


@dataclass
class Served:
    """A request as the recorder takes it."""

    record: RequestRecord
    settlement: Settlement | None = None

    @property
    def call_id(self) -> str:
        return self.record.call_id

    def wire(self) -> Wire:
        values = list(values_of(self.record))
        values[STARTED_AT] = self.record.started_at.timestamp()
        values[ATTEMPTS] = [tuple(map(_wired(attempt).get, ATTEMPT)) for attempt in self.record.attempts]
        return tuple(values), astuple(self.settlement) if self.settlement else None


def _wired(attempt: dict[str, Any]) -> dict[str, Any]:
    return {**attempt, "started_at": datetime.fromisoformat(attempt["started_at"]).timestamp()}


def plan_of(rows: Any) -> str:
    """How the database reads them; indexes of partitions by the names of those of the log."""
    plan: str = rows.explain()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.relname, p.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " JOIN pg_class p ON p.oid = i.inhparent WHERE c.relkind = 'i' ORDER BY length(c.relname) DESC"
            )
            for name, of_the_log in cursor.fetchall():
                plan = plan.replace(name, of_the_log)
    return plan
