"""A plausible request log: callers are uneven, a few groups have most of the traffic, some requests fail.

190 days, so that the longest period of the page has another of its length before it, and all of it is within two. The
same for every database: all that is random has a seed.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from engine.outcomes import outcome_of
from usage.request_log.finished import FinishedRequest
from usage.request_log.journal import JournalEntry, write

DAYS, KEYS, TEAMS, PEOPLE, GROUPS, PROVIDERS, DEPLOYMENTS = 190, 40, 10, 30, 20, 10, 50
GROUPS_OF_A_KEY, DEPLOYMENTS_OF_A_GROUP = 6, 4
VIRTUAL_MODELS = ("auto", "cheap", "best")
AT_ONCE = 10_000
STATUSES, SHARES = (200, 503, 429, 400, 499), (940, 20, 15, 15, 10)
FELL_BACK = 0.03


class Habit(NamedTuple):
    """A kind of request: its shared columns, its frequency, and its attempt."""

    weight: float
    columns: dict[str, Any]
    attempt: dict[str, Any]


def fill(first: int, size: int) -> None:
    """Writes requests `first` to `size`, spread over the days, as the recorder writes them."""
    ask(list(habits()), size - first, over=timedelta(days=DAYS), seed=first)


def ask(known: Sequence[Habit], count: int, *, over: timedelta, seed: int) -> None:
    """Writes requests of these habits in order of time, spread over a time that ends now."""
    rng, begin, step = random.Random(seed), datetime.now(UTC) - over, over / count
    weights = list(accumulate(habit.weight for habit in known))
    for start in range(0, count, AT_ONCE):
        chosen = rng.choices(known, cum_weights=weights, k=min(AT_ONCE, count - start))
        write([JournalEntry(_request(rng, begin + step * (start + n), habit)) for n, habit in enumerate(chosen)])


def habits() -> Iterator[Habit]:
    """Every key asks for some groups, the first of them most; a group has some deployments, the first answers most."""
    for key in range(KEYS):
        for rank in range(GROUPS_OF_A_KEY):
            group = (key * 7 + rank * 3) % GROUPS
            for place in range(DEPLOYMENTS_OF_A_GROUP):
                weight = 1 / (key + 1) / (rank + 1) ** 1.5 / (place + 1) ** 2
                yield _habit(weight, key, group, (group * 7 + place * 13) % DEPLOYMENTS, "")
                if rank == 0:
                    virtual = VIRTUAL_MODELS[key % len(VIRTUAL_MODELS)]
                    yield _habit(weight / 4, key, group, (group * 7 + place * 13) % DEPLOYMENTS, virtual)


def _habit(weight: float, key: int, group: int, deployment: int, virtual_model: str) -> Habit:
    number = deployment % PROVIDERS
    answered = {
        "deployment_id": identity("deployment", deployment),
        "deployment_name": f"Provider {number}/model-{deployment:02}",
        "provider": f"Provider {number}",
        "model_group": f"group-{group:02}",
    }
    columns = {
        "owner": f"person-{key % PEOPLE:02}",
        "key_id": identity("key", key),
        "key_name": f"key {key}",
        "team_id": identity("team", key % TEAMS),
        "team": f"team {key % TEAMS}",
        "provider_id": identity("provider", number),
        "model": f"model-{deployment:02}",
        "is_own_key": (key + number) % 25 == 0,
        "virtual_model": virtual_model,
        "virtual_tier": "medium" if virtual_model else "",
        "score": 40 if virtual_model else None,
        **answered,
    }
    return Habit(weight, columns, {**answered, "tier": 1, "fallback_depth": 0})


@cache
def identity(kind: str, number: int) -> str:
    """The id of a key, team, provider or deployment."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {number}"))


def _request(rng: random.Random, started_at: datetime, habit: Habit) -> FinishedRequest:
    status, output = rng.choices(STATUSES, SHARES)[0], int(rng.lognormvariate(5, 1))
    input_tokens, is_stream = int(rng.lognormvariate(6, 1)), rng.random() < 0.5
    duration_ms = 200 + 8 * output * rng.lognormvariate(0, 0.4)
    is_served, has_fallen_back = status in (200, 499), rng.random() < FELL_BACK
    return FinishedRequest(
        **habit.columns,
        call_id=f"{rng.getrandbits(128):032x}",
        endpoint="chat/completions",
        started_at=started_at,
        duration_ms=duration_ms,
        first_token_ms=duration_ms / 5 if is_stream and is_served else None,
        status=status,
        outcome=outcome_of(status, was_routed=True).value,
        error_class="" if status == 200 else "ServiceUnavailableError",
        is_stream=is_stream,
        input_tokens=input_tokens,
        output_tokens=output if is_served else 0,
        cached_tokens=input_tokens // 2 if rng.random() < 0.2 else 0,
        cache_write_tokens=None,
        reasoning_tokens=None,
        is_estimated=status == 499,
        cost_usd=(input_tokens * 5e-7 + output * 2e-6) if is_served else 0.0,
        revision=1,
        attempts=_attempts(habit, started_at, duration_ms, status, has_fallen_back=has_fallen_back),
        fell_back=has_fallen_back,
    )


def _attempts(
    habit: Habit, started_at: datetime, duration_ms: float, status: int, *, has_fallen_back: bool
) -> list[dict[str, Any]]:
    tried = {**habit.attempt, "started_at": started_at.isoformat(), "moved_on_because": None}
    first = {"status": "error", "status_code": 503, "error_class": "ServiceUnavailableError", "duration_ms": 20.0}
    ended = "success" if status == 200 else "error"
    last = {**tried, "status": ended, "status_code": status, "error_class": None, "duration_ms": duration_ms}
    if not has_fallen_back:
        return [last]
    return [{**tried, **first, "moved_on_because": "fallback_error"}, {**last, "fallback_depth": 1}]
