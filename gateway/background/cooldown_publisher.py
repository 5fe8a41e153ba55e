"""Publishes the cooldowns of this process's routers in the database, where everybody can see and end them.

A router counts the cooldowns that it has begun, so that a look costs nothing while nothing happens. A deleted row means
that the cooldown should end: each process compares its rows when the configuration's version grows.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from django.utils import timezone

from engine.cooldowns import Cooldown
from engine.routing import LiveGroup, Routing
from gateway.background.periodic import run_every
from usage.models import CooldownRecord

TICK_S = 1.0
# Rows of a dead process expire by themselves and are deleted later.
KEPT_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Published:
    """A cooldown that has a row, with its group."""

    group: LiveGroup
    deployment_id: str


class CooldownPublisher:
    """Keeps the cooldowns of one process in the database."""

    def __init__(self, routing: Routing, in_database_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self.process = uuid.uuid4()
        self._routing = routing
        self._in_database_thread = in_database_thread
        self._seen: WeakKeyDictionary[LiveGroup, int] = WeakKeyDictionary()
        self._published: dict[int, Published] = {}

    async def run(self) -> None:
        """Publishes changes, until cancelled."""
        await run_every(self.publish, every_s=TICK_S, failing="cooldowns not published")

    async def publish(self) -> None:
        """Writes the cooldowns that began since the last time; deletes rows that are over, or whose router is gone."""
        begun = [group for group in self._routing if self._has_news(group)]
        for group in begun:
            await self._write(group)
        groups = {known.group for known in self._published.values()}
        active = {group: self._active(group) for group in groups}
        gone = [row for row, known in self._published.items() if known.deployment_id not in active[known.group]]
        if gone:
            await self._in_database_thread(partial(_delete, gone))
            for row in gone:
                self._published.pop(row, None)

    async def follow_resets(self) -> None:
        """Ends the cooldowns whose rows were deleted."""
        if not self._published:
            return
        kept = await self._in_database_thread(partial(_existing, list(self._published)))
        for row in self._published.keys() - kept:
            known = self._published.pop(row)
            if (cooling := known.group.cooling) is not None:
                cooling.end(known.deployment_id)

    def _has_news(self, group: LiveGroup) -> bool:
        cooling = group.cooling
        return cooling is not None and cooling.begun > 0 and cooling.begun != self._seen.get(group)

    def _active(self, group: LiveGroup) -> set[str]:
        """The deployments that cool down in a group: none once it is gone.

        A cooldown may have been ended in another group that has the same deployment.
        """
        if (cooling := group.cooling) is None or self._routing.get(group.spec.name) is not group:
            return set()
        return {cooldown.deployment.deployment_id for cooldown in cooling.active()}

    async def _write(self, group: LiveGroup) -> None:
        if (cooling := group.cooling) is None:
            return
        begun, active = cooling.begun, cooling.active()
        rows: dict[int, Cooldown] = await self._in_database_thread(partial(_write, self.process, group, active))
        self._seen[group] = begun
        for row, cooldown in rows.items():
            self._published[row] = Published(group, cooldown.deployment.deployment_id)


def _write(process: UUID, group: LiveGroup, active: Iterable[Cooldown]) -> dict[int, Cooldown]:
    """One row per cooldown, by its id."""
    return {_row(process, group, cooldown).pk: cooldown for cooldown in active}


def _row(process: UUID, group: LiveGroup, cooldown: Cooldown) -> CooldownRecord:
    deployment = cooldown.deployment
    values = {
        "group_name": group.spec.name,
        "deployment_name": deployment.name,
        "provider": deployment.provider,
        "error_class": cooldown.error_class,
        "error": cooldown.error,
        "since": datetime.fromtimestamp(cooldown.since_s, UTC),
        "until": datetime.fromtimestamp(cooldown.until_s, UTC),
    }
    return CooldownRecord.objects.update_or_create(
        process=process, group_id=group.spec.group_id, deployment_id=deployment.deployment_id, defaults=values
    )[0]


def _existing(rows: list[int]) -> set[int]:
    return set(CooldownRecord.objects.filter(pk__in=rows).values_list("pk", flat=True))


def _delete(rows: list[int]) -> None:
    CooldownRecord.objects.filter(pk__in=rows).delete()
    CooldownRecord.objects.filter(until__lt=timezone.now() - KEPT_AFTER).delete()
