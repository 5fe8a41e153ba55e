"""Requests -> sums per series and hour, day and month. Pure: no query."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from engine.outcomes import Outcome
from usage.models import Grain
from usage.request_log.attempts import has_failed
from usage.request_log.finished import PROBE, Finished
from usage.rollups.latency_levels import level_of

ANSWERED, FAILED, REFUSED = Outcome.ANSWERED.value, Outcome.FAILED.value, Outcome.REFUSED.value
HOUR = Grain.HOUR.value
SECONDS_OF_AN_HOUR = 3600
# What is charged besides tokens, by its name in the log.
COLUMN_OF_UNIT = {"search": "searches", "image": "images", "character": "characters", "second": "seconds"}
LONGER_THAN_A_MONTH = timedelta(days=32)


class Series(NamedTuple):
    """The columns of a `UsageSeries` that identify it, by their names."""

    owner: str
    key_id: str
    key_name: str
    team_id: str
    team: str
    model_group: str
    virtual_model: str
    provider_id: str
    provider: str
    deployment_id: str
    deployment_name: str
    model: str
    is_own_key: bool

    @property
    def hash(self) -> str:
        """The same in every process and version."""
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()


identity = attrgetter(*Series._fields)


class Slot(NamedTuple):
    """One bucket of one series."""

    grain: str
    start: datetime
    series: Series


@dataclass(slots=True)
class BucketSums:
    """The sums of a bucket, in the order of its columns."""

    requests: int = 0
    successes: int = 0
    failures: int = 0
    refused: int = 0
    left: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    duration_ms: float = 0.0
    first_token_ms: float = 0.0
    first_tokens: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    searches: float = 0.0
    images: float = 0.0
    characters: float = 0.0
    seconds: float = 0.0

    def add(self, record: Finished) -> None:
        """Counts one request."""
        self.requests += 1
        self.add_cost(record)
        if is_success(record):
            self._succeeded(record)
        elif record.outcome == FAILED:
            self.failures += 1
        elif record.outcome == REFUSED:
            self.refused += 1
        else:
            self.left += 1

    def add_cost(self, record: Finished) -> None:
        """Counts only what is paid for."""
        self.input_tokens += record.input_tokens or 0
        self.output_tokens += record.output_tokens or 0
        self.cached_tokens += record.cached_tokens or 0
        self.reasoning_tokens += record.reasoning_tokens or 0
        self.cost_usd += record.cost_usd or 0.0
        if record.unit:
            self._add_units(record)

    def _add_units(self, record: Finished) -> None:
        if (column := COLUMN_OF_UNIT.get(record.unit)) is not None:
            setattr(self, column, getattr(self, column) + (record.units or 0.0))

    def _succeeded(self, record: Finished) -> None:
        self.successes += 1
        self.duration_ms += record.duration_ms
        if record.first_token_ms is not None:
            self.first_token_ms += record.first_token_ms
            self.first_tokens += 1

    def add_attempt(self, *, has_failed: bool) -> None:
        """Counts one attempt at the provider of the series."""
        self.attempts += 1
        self.failed_attempts += has_failed

    def merge(self, other: BucketSums) -> None:
        """Adds the counts of another."""
        for name, mine, more in zip(SUMS, self.values(), other.values(), strict=True):
            setattr(self, name, mine + more)

    def values(self) -> tuple[Any, ...]:
        """In the order of `SUMS`."""
        return tuple(sums_in_order(self))


SUMS = tuple(column.name for column in fields(BucketSums))
sums_in_order = attrgetter(*SUMS)


@dataclass(slots=True)
class BucketTally:
    """The additions of some requests to the buckets, and to the latencies by `(slot, level)`."""

    sums: dict[Slot, BucketSums] = field(default_factory=lambda: defaultdict(BucketSums))
    latencies: Counter[tuple[Slot, int]] = field(default_factory=Counter)

    @property
    def series(self) -> set[Series]:
        return {slot.series for slot in self.sums}


def is_success(record: Finished) -> bool:
    return record.outcome == ANSWERED


def start_of(moment: datetime, grain: str) -> datetime:
    """The beginning of the hour, day or month, UTC, in which a moment lies."""
    here = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    hour, day = here.hour if grain == Grain.HOUR else 0, 1 if grain == Grain.MONTH else here.day
    return here.replace(day=day, hour=hour, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """The beginning of the month after the one that begins here."""
    return start_of(month + LONGER_THAN_A_MONTH, Grain.MONTH)


def tally(requests: Iterable[Finished]) -> BucketTally:
    """Counts requests into the buckets of all grains."""
    found, hours = BucketTally(), dict[Any, tuple[Slot, BucketSums, Counter[int]]]()
    for request in requests:
        # Many requests share a few hours, so values that depend only on the hour are computed once.
        key = identity(request), request.started_at.timestamp() // SECONDS_OF_AN_HOUR
        if (hour := hours.get(key)) is None:
            slot = Slot(HOUR, start_of(request.started_at, HOUR), Series(*key[0]))
            hour = hours[key] = slot, found.sums[slot], Counter()
        slot, sums, levels = hour
        if request.endpoint == PROBE:
            sums.add_cost(request)
            continue
        sums.add(request)
        _add_attempts(found, slot, sums, request)
        if is_success(request):
            levels[level_of(request.duration_ms)] += 1
    for slot, _, levels in hours.values():
        found.latencies.update({(slot, level): count for level, count in levels.items()})
    _add_longer(found)
    return found


def _add_attempts(found: BucketTally, slot: Slot, sums: BucketSums, request: Finished) -> None:
    """The last attempt is at the request's own series; those before it mostly at others."""
    last = len(request.attempts) - 1
    for number, attempt in enumerate(request.attempts):
        if (failed := has_failed(attempt)) is not None:
            there = sums if number == last else found.sums[slot._replace(series=_series_of(attempt, slot.series))]
            there.add_attempt(has_failed=failed)


def _series_of(attempt: Mapping[str, Any], asked: Series) -> Series:
    """The series of the same caller at the deployment of this attempt."""
    return asked._replace(
        provider_id=(attempt.get("provider_id") or "")[:64],
        provider=(attempt.get("provider") or "")[:64],
        deployment_id=(attempt.get("deployment_id") or "")[:64],
        deployment_name=(attempt.get("deployment_name") or "")[:512],
        model=(attempt.get("model") or "")[:256],
        is_own_key=bool(attempt.get("own_key")),
    )


def _add_longer(found: BucketTally) -> None:
    """Days and months are added up from the hours, which are fewer than requests."""
    longer: dict[Slot, tuple[Slot, Slot]] = {}
    for slot, sums in list(found.sums.items()):
        longer[slot] = _day_of(slot), _month_of(slot)
        for one in longer[slot]:
            found.sums[one].merge(sums)
    for (slot, level), count in list(found.latencies.items()):
        for one in longer[slot]:
            found.latencies[one, level] += count


def _day_of(slot: Slot) -> Slot:
    return Slot(Grain.DAY.value, start_of(slot.start, Grain.DAY), slot.series)


def _month_of(slot: Slot) -> Slot:
    return Slot(Grain.MONTH.value, start_of(slot.start, Grain.MONTH), slot.series)
