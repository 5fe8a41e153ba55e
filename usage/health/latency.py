"""The recent speed of deployments: the newest answers of each in the log -> latency profiles for rehearsals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from engine.ledger import Hedge
from engine.outcomes import Outcome
from engine.rehearsal.profiles import Profile
from usage.health.speed_fit import MeasuredAnswer, profile_of
from usage.models import RequestRecord

# Of one deployment, and of all of a group together.
NEWEST, MOST = 1_000, 5_000
FEWEST = 100
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


COLUMNS = Logged._fields


def recent_profiles(ids: Collection[str]) -> dict[str, Profile]:
    """Those of the deployments that have answered: one query for each, of its newest rows only."""
    count = min(NEWEST, max(FEWEST, MOST // max(1, len(ids))))
    return profiles_of(row for name in ids for row in newest_of(name, count))


def newest_of(deployment_id: str, count: int) -> Iterable[Logged]:
    """The newest requests that it answered, by an index of its own."""
    rows = RequestRecord.objects.filter(deployment_id=deployment_id, outcome=Outcome.ANSWERED)
    return map(Logged._make, rows.order_by("-started_at").values_list(*COLUMNS)[:count])


def profiles_of(rows: Iterable[Logged]) -> dict[str, Profile]:
    """Profiles by deployment id, of successes that say how long they took."""
    found: dict[str, list[MeasuredAnswer]] = defaultdict(list)
    for row in rows:
        for attempt in row.attempts:
            if answer := _answer(attempt, row):
                found[attempt["deployment_id"]].append(answer)
    return {name: profile_of(answers) for name, answers in found.items()}


def _answer(attempt: Mapping[str, Any], row: Logged) -> MeasuredAnswer | None:
    duration_ms = attempt.get("duration_ms") or 0.0
    if attempt.get("status") != "success" or duration_ms < SHORTEST_MS:
        return None
    read, written = _tokens(attempt, row)
    if written <= 0:
        return None
    at = row.started_at.astimezone(UTC).isoformat(timespec="seconds") if row.started_at else ""
    return MeasuredAnswer(duration_ms, attempt.get("first_token_ms"), written, read, at)


def _tokens(attempt: Mapping[str, Any], row: Logged) -> tuple[int, int]:
    """Tokens that the attempt itself read, and wrote: not those of others beside it, or before it."""
    if part := attempt.get("part"):
        read, written = part[:2]
    else:
        lost = [one["part"] for one in row.attempts if one.get("hedge") == Hedge.LOST and one.get("part")]
        read = (row.input_tokens or 0) - sum(part[0] for part in lost)
        written = (row.output_tokens or 0) - sum(part[1] for part in lost)
    return max(0, read - (row.cached_tokens or 0)), written
