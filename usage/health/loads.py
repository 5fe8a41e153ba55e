"""All attempts at a deployment in the time of its newest answers: how many it had at once, and what it can take.

Those that it did not answer are in requests that another deployment answered, or nobody. No index has them: they are
looked for among the newest requests of the groups that it answers for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic_core import from_json

from engine.outcomes import Outcome
from usage.health.capacity_fit import FEWEST, FittedCapacity, SeenAttempt, burdens, fitted_capacity
from usage.health.logged_answers import SHORTEST_MS, TEXTS, Logged, tokens_of
from usage.models import RequestRecord

# Requests of its groups, all together, in which other attempts at it are looked for.
MOST_SEARCHED = 5_000
TOO_MANY_REQUESTS = 429

Tries = Mapping[str, Any]


class Load(NamedTuple):
    """All attempts since a moment, in Unix seconds."""

    attempts: list[SeenAttempt]
    since_s: float

    @property
    def capacity(self) -> FittedCapacity:
        """What they say."""
        return fitted_capacity(self.attempts)


def load_of(deployment_id: str, answers: Sequence[Logged]) -> Load:
    """The attempts in the time of these, its newest answers. Two queries for each group, none where answers are few."""
    own = list(_own(deployment_id, answers))
    if len(own) < FEWEST:
        return Load(own, min((one.began_s for one in own), default=0.0))
    oldest = min(row.started_at for row in answers if row.started_at)
    since, others = _others(deployment_id, sorted({row.group for row in answers}), oldest)
    seen = [one for one in [*own, *others] if one.began_s >= since.timestamp()]
    return Load(seen, since.timestamp())


def without_load(deployment_id: str, answers: Sequence[Logged], load: Load, fitted: FittedCapacity) -> list[Logged]:
    """Answers of its time as they would have been with nobody else there: what others cost is rehearsed."""
    taken = dict(zip(load.attempts, burdens(load.attempts, fitted), strict=True))
    return [
        row._replace(
            attempts=[_eased(one, taken.get(seen)) if seen else one for one, seen in _seen(deployment_id, row)]
        )
        for row in answers
        if row.started_at and row.started_at.timestamp() >= load.since_s
    ]


def _eased(attempt: dict[str, Any], burden: tuple[float, float] | None) -> dict[str, Any]:
    wait_s, share = burden or (0.0, 1.0)
    first_ms, whole_ms = attempt.get("first_token_ms"), attempt["duration_ms"]
    if first_ms is None:
        return {**attempt, "duration_ms": max(SHORTEST_MS, whole_ms - 1000 * wait_s)}
    eased_ms = max(SHORTEST_MS, first_ms - 1000 * wait_s)
    return {**attempt, "first_token_ms": eased_ms, "duration_ms": eased_ms + (whole_ms - first_ms) * share}


def _own(deployment_id: str, rows: Sequence[Logged]) -> Iterator[SeenAttempt]:
    for row in rows:
        yield from (seen for _, seen in _seen(deployment_id, row) if seen)


def _seen(deployment_id: str, row: Logged) -> Iterator[tuple[dict[str, Any], SeenAttempt | None]]:
    """Its attempts, and what they say of this deployment's load, if anything."""
    for attempt in row.attempts:
        yield attempt, _attempt(attempt, row) if attempt.get("deployment_id") == deployment_id else None


def _attempt(attempt: Tries, row: Logged) -> SeenAttempt | None:
    """None where nobody knows when, or that never crossed a network, or that a caller's own key was refused at."""
    began, took_ms = attempt.get("started_at"), attempt.get("duration_ms")
    if not began or took_ms is None:
        return None
    began_s = datetime.fromisoformat(began).timestamp()
    is_answered, is_refused = attempt.get("status") == "success", attempt.get("status_code") == TOO_MANY_REQUESTS
    if (is_answered and took_ms < SHORTEST_MS) or (is_refused and attempt.get("own_key")):
        return None
    first_ms = attempt.get("first_token_ms")
    return SeenAttempt(
        began_s,
        began_s + took_ms / 1000,
        None if first_ms is None else began_s + first_ms / 1000,
        tokens_of(attempt, row)[1] if is_answered else 0,
        is_answered=is_answered,
        is_refused=is_refused and not is_answered,
    )


def _others(deployment_id: str, groups: Sequence[str], since: datetime) -> tuple[datetime, list[SeenAttempt]]:
    """Attempts at it in requests that it did not answer, and since when these are all of them."""
    each = max(1, MOST_SEARCHED // len(groups))
    for group in groups:
        newest = RequestRecord.objects.filter(model_group=group, started_at__gte=since).order_by("-started_at")
        since = max([since, *newest.values_list("started_at", flat=True)[each : each + 1]])
    found: list[SeenAttempt] = []
    for group in groups:
        rows = RequestRecord.objects.filter(model_group=group, started_at__gte=since).order_by()
        rows = rows.exclude(deployment_id=deployment_id, outcome=Outcome.ANSWERED).annotate(tries=TEXTS["tries"])
        for (tries,) in rows.filter(tries__contains=deployment_id).values_list("tries"):
            found += _own(deployment_id, [Logged(from_json(tries), None, None, None, False)])
    return since.astimezone(UTC), found
