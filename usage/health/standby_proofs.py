"""Proof that standbys are alive: which deployments are due for a test request, and what came of it.

The lease is `next_at`, as in `providers/health/probe_schedule.py`: the process that moves it on with a conditional
UPDATE makes the request. If it dies, the deployment is due again soon.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from engine.core.state import DEPLOYMENT, KEY
from engine.outcomes import Outcome
from lib.exceptions import Conflict, TooSoon
from lib.ids import uuids_of
from providers.health.probe_schedule import spread
from providers.models import LanguageModel
from providers.presets import preset_of
from usage.health.standby_rules import DEAD_AFTER, HOUR_S, StandbyState, endpoint_for, is_dead, pause_after
from usage.models import AlertKind, AlertRule, BreakerTrip, RequestRecord, StandbyProof
from usage.request_log.finished import PROBE

# Longer than one test request may take.
LEASE = timedelta(minutes=10)
AT_ONCE = 8
# Between two requests that somebody wants, of all server processes.
AGAIN_AFTER = timedelta(seconds=10)
ERROR_LENGTH, IDS_AT_ONCE = 512, 500


@dataclass(frozen=True, slots=True)
class DueStandby:
    """A deployment that this process is to ask at an endpoint."""

    deployment_id: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class ProofResult:
    """What came of a test request; `error` is empty after an answer. `is_timeout`: a time limit of ours ended it."""

    error: str = ""
    is_timeout: bool = False
    call_id: str = ""
    retry_after_s: float = 0.0


def interval_s() -> float:
    """How long a deployment may answer nothing before it is asked; 0: nobody is."""
    hours: float = settings.STANDBY_PROOF_HOURS
    return max(0.0, hours * HOUR_S)


def enlist(deployment_ids: Collection[str], *, after_s: float, rng: Random) -> None:
    """Notes deployments that are new among those that serve; each is asked after an interval at the earliest."""
    known = set(StandbyProof.objects.values_list("deployment_id", flat=True))
    new = sorted(uuids_of(set(deployment_ids) - known))
    now = timezone.now()
    for start in range(0, len(new), IDS_AT_ONCE):
        part = LanguageModel.objects.filter(pk__in=new[start : start + IDS_AT_ONCE]).values_list("pk", flat=True)
        rows = [StandbyProof(model_id=pk, deployment_id=str(pk), next_at=now + spread(after_s, rng)) for pk in part]
        StandbyProof.objects.bulk_create(rows, ignore_conflicts=True)


def claim_due(deployment_ids: Collection[str], *, after_s: float, rng: Random) -> list[DueStandby]:
    """Claims the due ones among those that serve. One that has answered real requests meanwhile is proven by them."""
    now = timezone.now()
    due = StandbyProof.objects.filter(next_at__lte=now).select_related("model__provider__key").order_by("next_at")
    rows = list(with_last_answer(due)[:AT_ONCE])
    stopped = set(BreakerTrip.objects.filter(until__gt=now).values_list("breaker", flat=True)) if rows else set()
    claimed = []
    for row in rows:
        endpoint = endpoint_for(row.model.capabilities)
        answered_at: datetime | None = row.answered_at  # type: ignore[attr-defined]
        if answered_at is not None and answered_at > now - timedelta(seconds=after_s):
            _move(row, max(now, answered_at) + spread(after_s, rng), **_proven(answered_at))
        elif row.deployment_id not in deployment_ids or endpoint is None or not _may_ask(row, stopped):
            _move(row, now + spread(after_s, rng), **NOTHING_FAILED)
        elif _move(row, now + LEASE):
            claimed.append(DueStandby(row.deployment_id, endpoint))
    return claimed


def claim_by_hand(model: LanguageModel) -> DueStandby:
    """Claims one that somebody wants to test now, even if it is not due or its provider has test requests switched off.

    Raises Conflict where nobody may be asked, and TooSoon within seconds of the last request.
    """
    now, breakers = timezone.now(), (f"{DEPLOYMENT}{model.pk}", f"{KEY}{model.provider_id}")
    endpoint = endpoint_for(model.capabilities)
    if endpoint is None:
        raise Conflict(f"{model} has no request that costs next to nothing; send it a test of your own.")
    if not _has_key(model):
        raise Conflict(f"{model.provider.name} has no key of the console, and those of callers are not used for this.")
    if BreakerTrip.objects.filter(until__gt=now, breaker__in=breakers).exists():
        raise Conflict(f"Somebody has stopped the use of {model}. End that first, under Cooldowns.")
    new = {"deployment_id": str(model.pk), "next_at": now + LEASE}
    StandbyProof.objects.get_or_create(model=model, defaults=new)
    row = with_last_answer(StandbyProof.objects.filter(pk=model.pk)).get()
    free = Q(asked_at=None) | Q(asked_at__lte=now - AGAIN_AFTER)
    healed = {} if still_fails(row) else NOTHING_FAILED
    if not StandbyProof.objects.filter(free, pk=model.pk).update(asked_at=now, next_at=now + LEASE, **healed):
        raise TooSoon(f"{model} was asked a moment ago. Wait {AGAIN_AFTER.seconds} s.", AGAIN_AFTER.seconds)
    return DueStandby(row.deployment_id, endpoint)


def _may_ask(row: StandbyProof, stopped: Collection[str]) -> bool:
    """Not where its provider's switch is off, where somebody has stopped its use, and not without a key of ours: those
    of callers are theirs."""
    provider = row.model.provider
    is_stopped = f"{DEPLOYMENT}{row.deployment_id}" in stopped or f"{KEY}{provider.pk}" in stopped
    return provider.proves_standby and not is_stopped and _has_key(row.model)


def _has_key(model: LanguageModel) -> bool:
    """Whether the console has a key of its own where one is needed."""
    provider = model.provider
    return hasattr(provider, "key") or not preset_of(provider.type).needs_key or bool(provider.api_base)


NOTHING_FAILED: dict[str, Any] = {"failed": 0, "timed_out": 0, "failing_since": None, "error": ""}


def _proven(at: datetime) -> dict[str, Any]:
    return {**NOTHING_FAILED, "proven_at": at}


def _move(row: StandbyProof, next_at: datetime, **changes: Any) -> bool:
    """Whether this process was the one that moved it on."""
    mine = StandbyProof.objects.filter(pk=row.pk, next_at=row.next_at)
    return bool(mine.update(next_at=next_at, **changes))


def record(deployment_id: str, result: ProofResult, *, after_s: float, rng: Random) -> None:
    """Writes what came of a test request, and when the next one is due."""
    now, rows = timezone.now(), StandbyProof.objects.filter(deployment_id=deployment_id)
    if not result.error:
        rows.update(asked_at=now, call_id=result.call_id, next_at=now + spread(after_s, rng), **_proven(now))
        return
    before = rows.values_list("failed", flat=True).first()
    if before is None:
        return  # deleted during the request
    wished = timedelta(seconds=min(after_s, result.retry_after_s))
    pause = max(wished, pause_after(before + 1, after_s=after_s, rng=rng))
    rows.update(
        asked_at=now,
        call_id=result.call_id,
        next_at=now + pause,
        failed=F("failed") + 1,
        timed_out=F("timed_out") + int(result.is_timeout),
        failing_since=Coalesce(F("failing_since"), now),
        error=result.error[:ERROR_LENGTH],
    )


def standby_states(deployment_ids: Iterable[str]) -> dict[str, StandbyState]:
    """What is known of these deployments; two queries, one if nothing is."""
    rows = list(with_last_answer(StandbyProof.objects.filter(deployment_id__in=set(deployment_ids))))
    threshold = _threshold() if any(row.failed for row in rows) else DEAD_AFTER
    return {row.deployment_id: _state(row, threshold) for row in rows}


def _state(row: Any, threshold: float) -> StandbyState:
    proven_at = max(filter(None, (row.proven_at, row.answered_at)), default=None)
    if not still_fails(row):
        return StandbyState(proven_at)
    dead = is_dead(row.failed, row.timed_out, threshold)
    return StandbyState(proven_at, row.failed, row.failing_since, row.error, dead)


def still_fails(row: Any) -> bool:
    """Whether no real request was answered after its last test request failed."""
    return bool(row.failed) and not (row.answered_at and row.asked_at and row.answered_at > row.asked_at)


def _threshold() -> float:
    stored = AlertRule.objects.filter(kind=AlertKind.STANDBY_DEAD).values_list("threshold", flat=True).first()
    return DEAD_AFTER if stored is None else stored


def with_last_answer(rows: QuerySet[StandbyProof]) -> QuerySet[StandbyProof]:
    """Adds `answered_at`, when each last answered a real request that is still in the log; by an index."""
    answers = RequestRecord.objects.filter(deployment_id=OuterRef("deployment_id"), outcome=Outcome.ANSWERED.value)
    newest = answers.exclude(endpoint=PROBE).order_by("-started_at").values("started_at")[:1]
    return rows.annotate(answered_at=Subquery(newest))
