"""The recent speed of deployments: the newest answers of each in the log -> latency profiles for rehearsals."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from pydantic_core import from_json

from engine.ledger import Hedge
from engine.outcomes import Outcome
from engine.rehearsal.profiles import Profile
from usage.health.speed_fit import MeasuredAnswer, profile_of
from usage.models import RequestRecord
from usage.request_log.finished import PROBE

# Of one deployment, and of all of a group together.
NEWEST, MOST = 1_000, 5_000
FEWEST = 100
# A faster answer never crossed a network: it is from a mock test.
SHORTEST_MS = 1.0
# A profile that was fitted is used again until more than one in so many of its rows are newer, or so many seconds.
NEWER_ROWS, KEPT_S = 20, 600.0
MOST_KEPT = 500


class Logged(NamedTuple):
    """What a row of the request log says about speed."""

    attempts: list[dict[str, Any]]
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    is_stream: bool
    started_at: datetime | None = None


# What is read beside the call id and the moment.
READ = "tries", "input_tokens", "output_tokens", "cached_tokens", "is_stream"


class Fit(NamedTuple):
    """A profile, and of how many rows it was fitted. `newest` are the call id and the moment of the newest of them;
    None without any, and then there is no profile."""

    profile: Profile | None
    rows: int
    newest: tuple[str, str] | None
    made_at_s: float


class Fits:
    """The profiles that this process has fitted, by deployment and most rows; one of many rows takes some 25 ms."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, int], Fit] = OrderedDict()
        self._lock = threading.Lock()

    def profile_of(self, deployment_id: str, count: int) -> Profile | None:
        """The profile of its newest answers; None without any. One query."""
        key = deployment_id, count
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and self._is_current(kept, deployment_id):
            return kept.profile
        fit = _fitted(deployment_id, count, self._clock())
        with self._lock:
            self._kept[key] = fit
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return fit.profile

    def _is_current(self, fit: Fit, deployment_id: str) -> bool:
        """Whether few newer answers have come, and what it counted as the newest is still there."""
        if self._clock() - fit.made_at_s > KEPT_S:
            return False
        newest = [(call_id, moment) for call_id, moment, *_ in _rows_of(deployment_id, fit.rows // NEWER_ROWS + 1)]
        return fit.newest in newest if fit.newest else not newest


FITS = Fits()


def recent_profiles(ids: Collection[str], fits: Fits | None = None) -> dict[str, Profile]:
    """Those of the deployments that have answered: one query for each, of its newest rows only."""
    count = min(NEWEST, max(FEWEST, MOST // max(1, len(ids))))
    fits = FITS if fits is None else fits
    found = {name: fits.profile_of(name, count) for name in ids}
    return {name: profile for name, profile in found.items() if profile is not None}


def _fitted(deployment_id: str, count: int, now_s: float) -> Fit:
    rows = list(_rows_of(deployment_id, count, *READ))
    newest = rows[0][:2] if rows else None
    profile = profiles_of(map(_logged, rows)).get(deployment_id)
    return Fit(profile, len(rows), newest, now_s)


def newest_of(deployment_id: str, count: int) -> Iterable[Logged]:
    """The newest requests that it answered, by an index of its own."""
    return map(_logged, _rows_of(deployment_id, count, *READ))


def _rows_of(deployment_id: str, count: int, *columns: str) -> QuerySet[RequestRecord, Any]:
    """The call id, the moment, and these columns of its newest answers. Moments and JSON are texts: Django would take
    longer to read them than the database does to find them."""
    rows = RequestRecord.objects.filter(deployment_id=deployment_id, outcome=Outcome.ANSWERED).exclude(endpoint=PROBE)
    rows = rows.order_by("-started_at")
    texts = {"moment": Cast("started_at", TextField()), "tries": Cast("attempts", TextField())}
    return rows.annotate(**texts).values_list("call_id", "moment", *columns)[:count]


def _logged(row: Sequence[Any]) -> Logged:
    _, moment, tries, read, written, cached, is_stream = row
    at = datetime.fromisoformat(moment)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Logged(from_json(tries), read, written, cached, is_stream, at)


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
