"""The cooldowns of all processes as one list, and ending one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db.transaction import atomic
from django.utils import timezone

from lib.authors import Author
from providers import config_version
from usage.models import CooldownRecord

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CoolingDown:
    """One deployment that cools down in one group, in this number of server processes, because of `error`."""

    group_id: UUID
    group: str
    deployment_id: UUID
    deployment: str
    provider: str
    error_class: str
    error: str
    since: datetime
    until: datetime
    processes: int

    @property
    def id(self) -> str:
        """Its id in URLs."""
        return f"{self.group_id}.{self.deployment_id}"

    @property
    def seconds_left(self) -> float:
        """The seconds until its cooldown ends in the last process."""
        return max(0.0, round((self.until - timezone.now()).total_seconds(), 1))


def current_cooldowns() -> list[CoolingDown]:
    """The current cooldowns by group and deployment; one query. Of several processes the longest one counts."""
    rows: dict[tuple[UUID, UUID], list[CooldownRecord]] = {}
    active = CooldownRecord.objects.filter(until__gt=timezone.now())
    for row in active.order_by("group_name", "deployment_name", "-until"):
        rows.setdefault((row.group_id, row.deployment_id), []).append(row)
    return [_merged(found) for found in rows.values()]


def _merged(rows: list[CooldownRecord]) -> CoolingDown:
    last = rows[0]
    return CoolingDown(
        group_id=last.group_id,
        group=last.group_name,
        deployment_id=last.deployment_id,
        deployment=last.deployment_name,
        provider=last.provider,
        error_class=last.error_class,
        error=last.error,
        since=min(row.since for row in rows),
        until=last.until,
        processes=len(rows),
    )


@atomic
def end_cooldown(*, by: Author, group_id: UUID, deployment_id: UUID) -> int:
    """Takes a deployment back into service in every process, within a second; returns the number of processes in which
    it cooled down."""
    config_version.bump()
    rows = CooldownRecord.objects.filter(group_id=group_id, deployment_id=deployment_id, until__gt=timezone.now())
    ended = rows.delete()[0]
    log.info("cooldown ended", group=str(group_id), deployment=str(deployment_id), by=by.name)
    return ended
