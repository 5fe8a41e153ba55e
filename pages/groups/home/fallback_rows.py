"""The newest requests that fell back: from where, why, and who answered in the end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.outcomes import Outcome
from engine.upstreams.failures import WORDS
from pages.discs import Disc, disc_named
from tester.runs.result_notes import failure_in_words
from usage.request_log.attempts import has_failed

# Call id, beginning, duration, outcome, attempts, skips.
LogRow = tuple[str, datetime, float, str, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class FallbackRow:
    """One request; `before` is the first deployment that failed or was skipped, `after` the one that answered."""

    call_id: str
    started_at: datetime
    duration_ms: float
    before: Disc
    after: Disc | None
    cause: str


def fallback_row(row: LogRow, types: Mapping[str, str]) -> FallbackRow:
    """A row of the log as a row of this list; `types` are those of providers by name."""
    call_id, started_at, duration_ms, outcome, attempts, skipped = row
    bad = next((attempt for attempt in attempts if has_failed(attempt)), None)
    first = bad or next(iter(skipped), None) or next(iter(attempts), {})
    last = attempts[-1] if attempts and outcome == Outcome.ANSWERED else None
    return FallbackRow(
        call_id,
        started_at,
        duration_ms,
        disc_named(first.get("provider") or "?", types),
        disc_named(last.get("provider") or "?", types) if last else None,
        _cause(bad, skipped),
    )


def _cause(bad: Mapping[str, Any] | None, skipped: Sequence[Mapping[str, Any]]) -> str:
    """`503`, `timeout`, `no connection`; or `skipped (cooling, after 2×503)`."""
    if bad is not None:
        error = str(bad.get("error_class") or "failed")
        return str((error != "Timeout" and bad.get("status_code")) or WORDS.get(error) or failure_in_words(error))
    if not skipped:
        return ""
    why, cause = str(skipped[0].get("reason", "")).replace("_", " "), skipped[0].get("cause")
    return f"skipped ({why}{f', after {cause}' if cause else ''})"
