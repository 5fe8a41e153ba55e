"""The newest answers of a deployment, as the request log has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from pydantic_core import from_json

from engine.ledger import Hedge
from engine.outcomes import Outcome
from usage.models import RequestRecord
from usage.request_log.finished import PROBE

# A faster answer never crossed a network: it is from a mock test.
SHORTEST_MS = 1.0


class Logged(NamedTuple):
    """What a row of the request log says about speed."""

    attempts: list[dict[str, Any]]
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    is_stream: bool
    started_at: datetime | None = None
    group: str = ""


# What is read beside the call id and the moment.
READ = "tries", "input_tokens", "output_tokens", "cached_tokens", "is_stream", "model_group"
# Moments and JSON are texts: Django would take longer to read them than the database does to find them.
TEXTS = {"moment": Cast("started_at", TextField()), "tries": Cast("attempts", TextField())}


def newest_of(deployment_id: str, count: int) -> Iterable[Logged]:
    """The newest requests that it answered, by an index of its own."""
    return map(logged, rows_of(deployment_id, count, *READ))


def rows_of(deployment_id: str, count: int, *columns: str) -> QuerySet[RequestRecord, Any]:
    """The call id, the moment, and these columns of its newest answers."""
    rows = RequestRecord.objects.filter(deployment_id=deployment_id, outcome=Outcome.ANSWERED).exclude(endpoint=PROBE)
    return rows.order_by("-started_at").annotate(**TEXTS).values_list("call_id", "moment", *columns)[:count]


def logged(row: Sequence[Any]) -> Logged:
    """One of the rows that have all columns."""
    _, moment, tries, read, written, cached, is_stream, group = row
    at = datetime.fromisoformat(moment)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Logged(from_json(tries), read, written, cached, is_stream, at, group)


def tokens_of(attempt: Mapping[str, Any], row: Logged) -> tuple[int, int]:
    """Tokens that the attempt itself read, and wrote: not those of others beside it, or before it."""
    if part := attempt.get("part"):
        read, written = part[:2]
    else:
        lost = [one["part"] for one in row.attempts if one.get("hedge") == Hedge.LOST and one.get("part")]
        read = (row.input_tokens or 0) - sum(part[0] for part in lost)
        written = (row.output_tokens or 0) - sum(part[1] for part in lost)
    return max(0, read - (row.cached_tokens or 0)), written
