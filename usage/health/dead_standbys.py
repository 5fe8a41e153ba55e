"""The deployments without traffic whose test requests failed often enough for an alert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from groups.models import Deployment
from usage.health.standby_proofs import interval_s, still_fails, with_last_answer
from usage.health.standby_rules import is_dead
from usage.models import StandbyProof


@dataclass(frozen=True, slots=True)
class DeadStandby:
    """A deployment of active groups whose test requests failed often enough.

    `provider_answered_at` is when another deployment of its provider last answered, a test or a real request.
    """

    deployment_id: str
    name: str
    provider_id: str
    groups: tuple[str, ...]
    failed: int
    since: datetime | None
    error: str
    provider_answered_at: datetime | None = None


def dead_standbys(threshold: float) -> list[DeadStandby]:
    """Those that failed often enough, the longest first; one query if none failed."""
    if not interval_s():
        return []
    served = {"model__enabled": True, "model__provider__enabled": True, "model__provider__proves_standby": True}
    failing = StandbyProof.objects.filter(failed__gt=0, **served).select_related("model__provider")
    dead = [r for r in with_last_answer(failing) if still_fails(r) and is_dead(r.failed, r.timed_out, threshold)]
    groups = _groups_of([row.pk for row in dead]) if dead else {}
    rows = sorted((r for r in dead if r.pk in groups), key=lambda r: (r.failing_since or r.next_at, r.deployment_id))
    answered = _answers_beside(rows) if rows else {}
    return [_dead(row, groups[row.pk], answered.get(row.model.provider_id)) for row in rows]


def _dead(row: StandbyProof, groups: Iterable[str], answered_at: datetime | None) -> DeadStandby:
    provider_id, since = str(row.model.provider_id), row.failing_since
    return DeadStandby(
        row.deployment_id, str(row.model), provider_id, tuple(groups), row.failed, since, row.error, answered_at
    )


def _groups_of(models: list[UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = Deployment.objects.filter(model__in=models, group__is_active=True).order_by("group__name")
    for model, group in rows.values_list("model_id", "group__name"):
        found[model].append(group)
    return found


def _answers_beside(dead: list[StandbyProof]) -> dict[Any, datetime]:
    """By provider of these: the last answer of its other deployments."""
    others = StandbyProof.objects.filter(model__provider__in={row.model.provider_id for row in dead})
    found: dict[Any, datetime] = {}
    for row in with_last_answer(others.exclude(pk__in=[row.pk for row in dead]).select_related("model")):
        for moment in filter(None, (row.proven_at, row.answered_at)):  # type: ignore[attr-defined]
            found[row.model.provider_id] = max(moment, found.get(row.model.provider_id, moment))
    return found
