"""Publishes the open breakers of this process in the database, where everybody can see and close them.

A look costs nothing but time while nothing changes. A deleted row means that the breaker should close: each process
compares its rows when the configuration's version grows. What people trip comes with the configuration.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone

from engine.drivers.open_breakers import OpenBreaker
from engine.routing import Routing
from gateway.background.periodic import run_every
from usage.health.cooldown_board import BY_HAND
from usage.health.processes import running_processes
from usage.models import BreakerState, CooldownRecord

TICK_S = 1.0
# Rows of a dead process expire by themselves and are deleted later.
KEPT_AFTER = timedelta(minutes=10)
Fields = dict[str, Any]
# Whose a row is, and what it says.
WHOSE = ("process", "breaker")
FIELDS = tuple(field.name for field in CooldownRecord._meta.fields if field.name not in ("id", *WHOSE))


@dataclass(slots=True)
class Published:
    """A breaker that has a row, and what the row says."""

    row: int
    fields: Fields


class CooldownPublisher:
    """Keeps the open breakers of one process in the database."""

    def __init__(self, routing: Routing, in_database_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self.process = uuid.uuid4()
        self._routing = routing
        self._in_database_thread = in_database_thread
        self._published: dict[str, Published] = {}
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Publishes changes, until cancelled."""
        await run_every(self.publish, every_s=TICK_S, failing="cooldowns not published")

    async def publish(self) -> None:
        """Writes what has changed since the last time; deletes the rows of breakers that have closed."""
        async with self._one_at_a_time:
            await self._publish()

    async def _publish(self) -> None:
        now = _fields_of(self._routing.open_breakers())
        before = self._published
        changed = {name: row for name, row in now.items() if name not in before or before[name].fields != row}
        gone = [name for name in before if name not in now]
        if changed or gone:
            rows = [before[name].row for name in gone]
            written: dict[str, int] = await self._in_database_thread(partial(_store, self.process, changed, rows))
            for name in gone:
                before.pop(name, None)
            before.update({name: Published(row, changed[name]) for name, row in written.items()})

    async def follow_resets(self) -> None:
        """Closes the breakers whose rows were deleted."""
        if not self._published:
            return
        kept = await self._in_database_thread(partial(_existing, [known.row for known in self._published.values()]))
        for name in [name for name, known in self._published.items() if known.row not in kept]:
            del self._published[name]
            self._routing.forgive(name)


def _fields_of(breakers: Iterable[OpenBreaker]) -> dict[str, Fields]:
    """One row per breaker. Groups that LiteLLM's Router routes have their own of the same name: the longest counts."""
    found: dict[str, Fields] = {}
    for breaker in sorted(breakers, key=lambda one: one.until_s):
        row, before = _fields(breaker), found.get(breaker.name)
        row["groups"] = sorted({*row["groups"], *(before["groups"] if before else ())})
        found[breaker.name] = row
    return found


def _fields(breaker: OpenBreaker) -> Fields:
    deployment = breaker.deployment
    return {
        "state": BreakerState.HALF_OPEN if breaker.is_half_open else BreakerState.OPEN,
        "groups": [spec.name for spec in breaker.groups],
        "group_id": UUID(breaker.groups[0].group_id),
        "deployment_id": UUID(deployment.deployment_id),
        "deployment_name": deployment.name,
        "provider": deployment.provider,
        "cause": breaker.cause,
        "error_class": BY_HAND if breaker.is_by_hand else breaker.error_class,
        "error": breaker.error,
        "since": _at(breaker.since_s),
        "until": _at(breaker.until_s),
        "next_probe": _at(breaker.next_probe_s),
    }


def _at(unix_s: float) -> datetime:
    """To a tenth of a second: clocks differ by less each time one is read."""
    return datetime.fromtimestamp(round(unix_s, 1), UTC)


def _store(process: UUID, changed: dict[str, Fields], gone: list[int]) -> dict[str, int]:
    """The ids of the rows that changed; one query writes them all, because an outage changes many at once."""
    rows = [CooldownRecord(process=process, breaker=name, **fields) for name, fields in changed.items()]
    CooldownRecord.objects.bulk_create(rows, update_conflicts=True, unique_fields=WHOSE, update_fields=FIELDS)
    written = {row.breaker: row.pk for row in rows}
    if gone:
        CooldownRecord.objects.filter(pk__in=gone).delete()
        old = CooldownRecord.objects.filter(until__lt=timezone.now() - KEPT_AFTER)
        old.exclude(process__in=running_processes()).delete()
    return written


def _existing(rows: list[int]) -> set[int]:
    return set(CooldownRecord.objects.filter(pk__in=rows).values_list("pk", flat=True))
