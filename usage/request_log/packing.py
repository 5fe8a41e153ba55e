"""The format of finished requests for the writer process: plain tuples, which are cheap to make and to send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Protocol

import structlog

from access.credits import Settlement
from engine.ledger import Attempt
from usage.request_log.finished import ATTEMPTS, SKIPPED, STARTED_AT, FinishedRequest
from usage.request_log.journal import JournalEntry

log = structlog.get_logger(__name__)

# The values of a `LogRow`, and the fields of its charge, if an account pays.
Wire = tuple[tuple[Any, ...], tuple[Any, ...] | None]
ATTEMPT = tuple(column.name for column in fields(Attempt))
attempt_of = attrgetter(*ATTEMPT)
settlement_of = attrgetter(*(column.name for column in fields(Settlement)))


@dataclass(slots=True, init=False)
class LogRow:
    """One request before it is sent: the columns of a `FinishedRequest`, in their order (asserted by a test).

    Its columns are assigned one by one, which takes half as long as building a dictionary. `started_at` is in Unix
    seconds, attempts have the fields of `attempt_of`, skips those of `Skip.to_json`.
    """

    call_id: str
    model_group: str
    endpoint: str
    owner: str
    key_id: str
    key_name: str
    team_id: str
    team: str
    provider_id: str
    provider: str
    deployment_id: str
    deployment_name: str
    model: str
    is_own_key: bool
    started_at: float
    duration_ms: float
    first_token_ms: float | None
    status: int
    outcome: str
    error_class: str
    is_stream: bool
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    is_estimated: bool
    cost_usd: float | None
    virtual_model: str
    virtual_tier: str
    score: int | None
    revision: int | None
    attempts: list[tuple[Any, ...]]
    fell_back: bool
    skipped: list[dict[str, Any]]
    units: float | None
    unit: str
    rescued: bool
    has_skips: bool


class Unwritten(Protocol):
    """A finished request that is not written yet."""

    @property
    def call_id(self) -> str: ...

    def wire(self) -> Wire:
        """The data to write; called in another thread, off the path of requests."""
        ...


@dataclass(frozen=True, slots=True)
class Packed:
    """One whose data is made already."""

    call_id: str
    packed: Wire

    def wire(self) -> Wire:
        return self.packed


def entries_of(wires: Iterable[Wire]) -> list[JournalEntry]:
    """The entries for the journal, without any that can't be made, which would otherwise block all later ones for
    ever."""
    return [entry for wire in wires if (entry := _entry_or_none(wire))]


def _entry_or_none(wire: Wire) -> JournalEntry | None:
    try:
        return entry_of(wire)
    except Exception as error:
        log.error("a request can't be recorded", call_id=str(wire[0][0]), error=type(error).__name__)
        return None


def entry_of(wire: Wire) -> JournalEntry:
    """The entry for the journal."""
    values, owed = wire
    request = FinishedRequest(*values)
    request.started_at = _moment(values[STARTED_AT])
    request.attempts = attempts_of(values[ATTEMPTS])
    request.skipped = [skip_of(skip) for skip in values[SKIPPED]]
    return JournalEntry(request, Settlement(*owed) if owed else None)


def attempts_of(rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Attempts in the shape of the REST API and the table."""
    attempts = [dict(zip(ATTEMPT, row, strict=True)) for row in rows]
    for attempt in attempts:
        attempt["started_at"] = _moment(attempt["started_at"]).isoformat()
    return attempts


def skip_of(skip: dict[str, Any]) -> dict[str, Any]:
    """A skip in the shape of the REST API and the table."""
    return skip | {"since": _moment(skip["since"]).isoformat()} if "since" in skip else skip


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
