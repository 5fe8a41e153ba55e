"""How finished requests come to the process that writes them: as plain tuples, which are cheap to make and to send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Protocol

from access.credits import Settlement
from engine.ledger import Attempt
from usage.finished import ATTEMPTS, SKIPPED, STARTED_AT, FinishedRequest
from usage.journal import Entry

# The columns of the log, in their order, but for `started_at` (Unix seconds), `attempts` (the fields of each, as
# `attempt_of` gives them) and `skipped` (as `Skip.to_json` gives them); and the fields of what is owed for it, if an
# account pays.
Wire = tuple[tuple[Any, ...], tuple[Any, ...] | None]
ATTEMPT = tuple(column.name for column in fields(Attempt))
attempt_of = attrgetter(*ATTEMPT)
settlement_of = attrgetter(*(column.name for column in fields(Settlement)))


class Unwritten(Protocol):
    """A finished request, as whoever served it keeps it."""

    @property
    def call_id(self) -> str: ...

    def wire(self) -> Wire:
        """What is to be written of it; asked for off the request's path, in another thread."""
        ...


def entry_of(wire: Wire) -> Entry:
    """What the journal writes."""
    values, owed = wire
    request = FinishedRequest(*values)
    request.started_at = _moment(values[STARTED_AT])
    request.attempts = attempts_of(values[ATTEMPTS])
    request.skipped = [skip_of(skip) for skip in values[SKIPPED]]
    return Entry(request, Settlement(*owed) if owed else None)


def attempts_of(rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Attempts as the REST API and the table hold them."""
    attempts = [dict(zip(ATTEMPT, row, strict=True)) for row in rows]
    for attempt in attempts:
        attempt["started_at"] = _moment(attempt["started_at"]).isoformat()
    return attempts


def skip_of(skip: dict[str, Any]) -> dict[str, Any]:
    """A skip as the REST API and the table hold it."""
    return skip | {"since": _moment(skip["since"]).isoformat()} if "since" in skip else skip


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
