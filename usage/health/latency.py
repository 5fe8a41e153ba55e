"""The recent speed of deployments: the newest answers of each in the log -> latency profiles for rehearsals."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple

from engine.rehearsal.profiles import Profile
from usage.health.capacity_fit import FittedCapacity, SeenLimit
from usage.health.loads import load_of, without_load
from usage.health.logged_answers import READ, SHORTEST_MS, Logged, logged, rows_of, tokens_of
from usage.health.speed_fit import MeasuredAnswer, profile_of

# Of one deployment, and of all of a group together.
NEWEST, MOST = 1_000, 5_000
FEWEST = 100
# A profile that was fitted is used again until more than one in so many of its rows are newer, or so many seconds.
NEWER_ROWS, KEPT_S = 20, 600.0
MOST_KEPT = 500


Newest = tuple[str, str]


class Fit(NamedTuple):
    """A profile, and of how many rows it was fitted; it is None without any. Where its answers waited for each other,
    that is in the capacity. `newest` are the call id and the moment of the newest row; None without any."""

    profile: Profile | None
    capacity: FittedCapacity
    rows: int
    newest: Newest | None
    made_at_s: float
    capacity_of: Newest | None
    capacity_at_s: float


class Fits:
    """The fits that this process has made, by deployment and most rows; one of many rows takes some 25 ms for its
    profile, and up to 150 ms for its capacity, which is kept for longer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, int], Fit] = OrderedDict()
        self._lock = threading.Lock()

    def fit_of(self, deployment_id: str, count: int) -> Fit:
        """What its newest answers say. One query, unless there are many new ones."""
        key = deployment_id, count
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and self._is_current(kept, deployment_id):
            return kept
        fit = _fitted(deployment_id, count, self._clock(), kept)
        with self._lock:
            self._kept[key] = fit
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return fit

    def _is_current(self, fit: Fit, deployment_id: str) -> bool:
        """Whether few newer answers have come, and what it counted as the newest is still there."""
        if self._clock() - fit.made_at_s > KEPT_S:
            return False
        newest = [(call_id, moment) for call_id, moment, *_ in rows_of(deployment_id, fit.rows // NEWER_ROWS + 1)]
        return fit.newest in newest if fit.newest else not newest


FITS = Fits()


def recent_fits(ids: Collection[str], fits: Fits | None = None) -> dict[str, Fit]:
    """Of each of the deployments: one query or more for each, of its newest rows only."""
    count = min(NEWEST, max(FEWEST, MOST // max(1, len(ids))))
    fits = FITS if fits is None else fits
    return {name: fits.fit_of(name, count) for name in ids}


def recent_profiles(ids: Collection[str], fits: Fits | None = None) -> dict[str, Profile]:
    """The profiles of those that have answered."""
    found = recent_fits(ids, fits)
    return {name: fit.profile for name, fit in found.items() if fit.profile is not None}


def _fitted(deployment_id: str, count: int, now_s: float, kept: Fit | None) -> Fit:
    found = list(rows_of(deployment_id, count, *READ))
    moments: list[Newest] = [row[:2] for row in found]
    newest = moments[0] if moments else None
    rows = list(map(logged, found))
    capacity, capacity_of, capacity_at_s = _known(kept, moments, now_s) or (None, newest, now_s)
    if capacity is None or capacity.found is SeenLimit.LIMITED:
        load = load_of(deployment_id, rows)
        capacity = load.capacity if capacity is None else capacity
        if capacity.found is SeenLimit.LIMITED:
            rows = without_load(deployment_id, rows, load, capacity)
    profile = profiles_of(rows).get(deployment_id)
    return Fit(profile, capacity, len(found), newest, now_s, capacity_of, capacity_at_s)


def _known(kept: Fit | None, moments: Sequence[Newest], now_s: float) -> tuple[FittedCapacity, Newest, float] | None:
    """The capacity of an earlier fit, of which at least half of the rows are still there: it changes seldom."""
    if kept is None or kept.capacity_of is None or kept.capacity.found is SeenLimit.TOO_FEW:
        return None
    if now_s - kept.capacity_at_s > KEPT_S or kept.capacity_of not in moments[: len(moments) // 2]:
        return None
    return kept.capacity, kept.capacity_of, kept.capacity_at_s


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
    read, written = tokens_of(attempt, row)
    if written <= 0:
        return None
    at = row.started_at.astimezone(UTC).isoformat(timespec="seconds") if row.started_at else ""
    return MeasuredAnswer(duration_ms, attempt.get("first_token_ms"), written, read, at)
