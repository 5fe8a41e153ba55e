"""Requests of the log for pages. Data only, no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from engine.outcomes import Outcome
from gateway.explain.standby_list import standbys_then
from pages.discs import Disc, disc_named, provider_types
from pages.groups.cards import ids_of_groups
from pages.traffic.time_axis import AxisTick, ticks_of
from usage.models import RequestRecord
from usage.request_log.log_search import LogCursor
from usage.request_log.waterfall import Step, bars_of, standbys_of, steps_of, whole_ms_of

NARROWEST = 1
PILLS = {Outcome.ANSWERED: "good", Outcome.FAILED: "bad", Outcome.REFUSED: "off", Outcome.LEFT: "cold"}
WORDS = {Outcome.ANSWERED: "answered", Outcome.FAILED: "failed", Outcome.REFUSED: "refused", Outcome.LEFT: "left early"}


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request.

    `width` is its duration in percent of the slowest one on the page; `disc` is None without attempts, `group_id` None
    if the group is gone; `is_new`: it came after the newest one that the reader had seen.
    """

    record: RequestRecord
    outcome: Outcome
    disc: Disc | None
    group_id: UUID | None
    width: int
    is_new: bool = False

    @property
    def pill(self) -> str:
        return PILLS[self.outcome]

    @property
    def word(self) -> str:
        return WORDS[self.outcome]

    @property
    def attempts(self) -> int:
        return len(self.record.attempts)

    @property
    def skipped(self) -> int:
        return len(self.record.skipped)

    @property
    def marks(self) -> list[str]:
        """What happened on its way, in words."""
        record, skipped = self.record, f"{self.skipped} skipped"
        marks = {"fell back": record.fell_back, "rescued": record.rescued, skipped: self.skipped > 0}
        return [word for word, is_so in marks.items() if is_so]

    @property
    def failed_attempts(self) -> int:
        """Attempts that ended with an error, whoever caused it."""
        return sum(attempt.get("status") == "error" for attempt in self.record.attempts)

    @property
    def tries_in_words(self) -> str:
        """What stands below the number of attempts."""
        return f"{self.failed_attempts} failed" if self.attempts else "no deployment was asked"

    @property
    def short_id(self) -> str:
        """A short form of the id for searches."""
        return self.record.call_id[:8]


def rows_of(records: Sequence[RequestRecord], *, seen: LogCursor | None = None) -> list[RequestRow]:
    """The rows of a page; two queries, for the colours of providers and the ids of groups."""
    types = provider_types({record.provider for record in records})
    groups = ids_of_groups(record.model_group for record in records)
    slowest_ms = max((record.duration_ms for record in records), default=0.0)
    newest = None if seen is None else (seen.started_at, seen.call_id)
    return [
        RequestRow(
            record=record,
            outcome=Outcome(record.outcome),
            disc=disc_named(record.provider, types) if record.provider else None,
            group_id=groups.get(record.model_group),
            width=max(NARROWEST, round(100 * record.duration_ms / max(slowest_ms, 1.0))),
            is_new=newest is not None and (record.started_at, record.call_id) > newest,
        )
        for record in records
    ]


def axis_in(record: RequestRecord) -> tuple[AxisTick, ...]:
    """The moments above the bars of a request."""
    attempts = [{**a, "at_ms": _ms_of(a["started_at"])} for a in record.attempts]
    began_ms = record.started_at.timestamp() * 1000
    return ticks_of(whole_ms_of(attempts, began_ms=began_ms, duration_ms=record.duration_ms))


def steps_in(record: RequestRecord) -> tuple[Step, ...]:
    """The waterfall of a request, with its skips and, if it was answered, its standbys; five queries."""
    attempts: list[dict[str, Any]] = [{**a, "at_ms": _ms_of(a["started_at"])} for a in record.attempts]
    is_answered = record.outcome == Outcome.ANSWERED and attempts
    standbys = standbys_then(record) if is_answered else []
    types = provider_types({step["provider"] for step in [*attempts, *record.skipped, *standbys]})
    began_ms = record.started_at.timestamp() * 1000
    duration_ms, endpoint = record.duration_ms, record.endpoint
    bars = bars_of(attempts, began_ms=began_ms, duration_ms=duration_ms, provider_types=types, endpoint=endpoint)
    return (*steps_of(bars, record.skipped, types), *standbys_of(standbys, types))


def _ms_of(moment: str) -> float:
    """The log keeps times as ISO 8601 in UTC."""
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp() * 1000
