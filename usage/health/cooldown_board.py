"""The breakers of all processes that are open or half-open, and those that people have tripped, as one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from engine.core.state import DEPLOYMENT, KEY
from groups.models import Deployment
from usage.health.processes import running_processes
from usage.models import BreakerState, BreakerTrip, CooldownRecord

BY_HAND = "TrippedByHand"


@dataclass(frozen=True, slots=True)
class CoolingDown:
    """A deployment, or all that are called with a provider's key, that is not asked, or by one request at a time.

    `groups` are those that heed it. `deployment` is None for a key. `cause` is a count of failures, or why `by` tripped
    it; `by` is None where nobody did. From `next_probe` on one request may ask it.
    """

    id: str
    groups: tuple[str, ...]
    group_id: UUID | None
    deployment_id: UUID | None
    deployment: str | None
    provider: str
    state: BreakerState
    cause: str
    error_class: str
    error: str
    since: datetime
    until: datetime
    next_probe: datetime
    processes: int
    by: str | None = None

    @property
    def group(self) -> str:
        """One of its groups."""
        return self.groups[0] if self.groups else ""

    @property
    def what(self) -> str:
        """What is out of use, for people."""
        return self.deployment or f"All models of {self.provider}"

    @property
    def is_open(self) -> bool:
        """Whether nobody asks it."""
        return self.state == BreakerState.OPEN

    @property
    def seconds_left(self) -> float:
        """The seconds until its cooldown ends in the last process."""
        return max(0.0, round((self.until - timezone.now()).total_seconds(), 1))


def current_cooldowns() -> list[CoolingDown]:
    """All of them by name. Two queries, one more with trips. Of several processes the longest cooldown counts; a trip
    counts more than what processes say."""
    rows: dict[str, list[CooldownRecord]] = {}
    for row in current_records().order_by("-state", "-until"):
        rows.setdefault(row.breaker, []).append(row)
    trips = list(BreakerTrip.objects.filter(until__gt=timezone.now()))
    found = {breaker: _merged(same) for breaker, same in rows.items()}
    places = groups_behind(trip.breaker for trip in trips) if trips else {}
    found |= {trip.breaker: _tripped(trip, rows.get(trip.breaker, ()), places[trip.breaker]) for trip in trips}
    return sorted(found.values(), key=lambda one: (one.group, one.what, one.id))


def current_records() -> QuerySet[CooldownRecord]:
    """The rows of processes that count: a half-open breaker is one only while its process runs."""
    return CooldownRecord.objects.filter(Q(until__gt=timezone.now()) | Q(process__in=running_processes()))


def by_group(cooldowns: Iterable[CoolingDown]) -> dict[tuple[str, str], CoolingDown]:
    """Those that nobody asks, by each group and the name of the breaker."""
    return {(group, one.id): one for one in cooldowns if one.is_open for group in one.groups}


def groups_behind(breakers: Iterable[str]) -> Mapping[str, list[tuple[str, UUID]]]:
    """Names and ids of the groups in service that have a deployment behind these breakers; one query."""
    found: dict[str, dict[str, UUID]] = {breaker: {} for breaker in breakers}
    ids = [breaker.partition(":")[2] for breaker in found]
    behind = Deployment.objects.filter(Q(model_id__in=ids) | Q(model__provider_id__in=ids), group__is_active=True)
    rows = behind.order_by("group__name").values_list("group__name", "group_id", "model_id", "model__provider_id")
    for name, group_id, model_id, provider_id in rows:
        for breaker in (f"{DEPLOYMENT}{model_id}", f"{KEY}{provider_id}"):
            if breaker in found:
                found[breaker][name] = group_id
    return {breaker: list(groups.items()) for breaker, groups in found.items()}


def _merged(rows: Sequence[CooldownRecord]) -> CoolingDown:
    """What processes say of one breaker; the first row counts most."""
    first, is_key = rows[0], rows[0].breaker.startswith(KEY)
    return CoolingDown(
        id=first.breaker,
        groups=tuple(sorted({group for row in rows for group in row.groups})),
        group_id=first.group_id,
        deployment_id=None if is_key else first.deployment_id,
        deployment=None if is_key else first.deployment_name,
        provider=first.provider,
        state=BreakerState(first.state),
        cause=first.cause,
        error_class=first.error_class,
        error=first.error,
        since=min(row.since for row in rows),
        until=first.until,
        next_probe=min(_probes(rows), default=first.until),
        processes=len(rows),
    )


def _probes(rows: Iterable[CooldownRecord]) -> Iterator[datetime]:
    return (row.next_probe for row in rows if row.next_probe is not None)


def _tripped(trip: BreakerTrip, rows: Sequence[CooldownRecord], groups: Sequence[tuple[str, UUID]]) -> CoolingDown:
    """`rows` are of the processes that follow it."""
    kind, _, key = trip.breaker.partition(":")
    is_key = kind + ":" == KEY
    return CoolingDown(
        id=trip.breaker,
        groups=tuple(sorted({name for name, _ in groups} | {group for row in rows for group in row.groups})),
        group_id=groups[0][1] if groups else None,
        deployment_id=None if is_key else UUID(key),
        deployment=None if is_key else trip.deployment_name,
        provider=trip.provider,
        state=BreakerState.OPEN,
        cause=trip.why,
        error_class=BY_HAND,
        error=trip.why,
        since=trip.since,
        until=trip.until,
        next_probe=trip.until,
        processes=len(rows),
        by=trip.by,
    )
