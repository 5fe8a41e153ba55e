"""Take a deployment or a provider's key out of use by hand for a while, and back into service."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic
from django.utils import timezone

from access.models import Actor, Role
from access.rules import check_role
from engine.core.state import DEPLOYMENT, KEY, Trip
from lib.audit import CHANGED, keep
from providers import config_version
from providers.models import LanguageModel, Provider
from usage.health.cooldown_board import CoolingDown, current_cooldowns, current_records
from usage.models import BreakerTrip, CooldownRecord

log = structlog.get_logger(__name__)

# What should stay out of use for longer is better disabled.
SHORTEST_S, LONGEST_S = 1, 7 * 24 * 3600
WHY_LENGTH = 200


@atomic
def trip_breaker(
    *, by: Actor, for_s: float, why: str, deployment_id: UUID | None = None, provider_id: UUID | None = None
) -> CoolingDown:
    """No process asks the deployment, or any called with the provider's key, for so long, within a second from now.

    A trip takes the place of one before. Raises ValidationError by field.
    """
    config_version.bump()
    check_role(by, Role.OPERATOR, to="stop using a deployment or provider")
    row, breaker = _target_of(deployment_id, provider_id)
    if not SHORTEST_S <= for_s <= LONGEST_S:
        raise ValidationError({"for_s": f"Give {SHORTEST_S} to {LONGEST_S:,} seconds (7 days)."})
    if not why.strip() or len(why) > WHY_LENGTH:
        raise ValidationError({"why": f"Say why, in at most {WHY_LENGTH} characters."})
    now = timezone.now()
    values = {
        **_names_of(row),
        "why": why.strip(),
        "by": by.name,
        "since": now,
        "until": now + timedelta(seconds=for_s),
    }
    trip, _ = BreakerTrip.objects.update_or_create(breaker=breaker, defaults=values)
    BreakerTrip.objects.filter(until__lt=now).delete()
    _record(row, before="", after=f"stopped until {trip.until:%Y-%m-%d %H:%M:%S} UTC: {trip.why}", by=by)
    log.info("breaker tripped", breaker=breaker, for_s=for_s, by=by.name)
    return next(one for one in current_cooldowns() if one.id == breaker)


@atomic
def close_breaker(*, by: Actor, breaker: str) -> int | None:
    """Back into service in every process, within a second: the number of processes in which it was open; None when it
    was in none."""
    config_version.bump()
    check_role(by, Role.OPERATOR, to="end cooldowns")
    known = next((one for one in current_cooldowns() if one.id == breaker), None)
    if known is None:
        return None
    BreakerTrip.objects.filter(breaker=breaker).delete()
    rows = current_records().filter(breaker=breaker).values_list("pk", flat=True)
    CooldownRecord.objects.filter(pk__in=list(rows)).delete()
    if (row := _row_behind(breaker)) is not None:
        how = "stopped" if known.by else "cooled down"
        _record(row, before=f"{how} since {known.since:%Y-%m-%d %H:%M:%S} UTC: {known.cause}", after="", by=by)
    log.info("breaker closed", breaker=breaker, by=by.name)
    return known.processes


def current_trips() -> dict[str, Trip]:
    """What the engine has to know of them, by breaker; one query."""
    rows = BreakerTrip.objects.filter(until__gt=timezone.now())
    return {row.breaker: Trip(row.since.timestamp(), row.until.timestamp(), row.why) for row in rows}


def _target_of(deployment_id: UUID | None, provider_id: UUID | None) -> tuple[LanguageModel | Provider, str]:
    if deployment_id is not None and provider_id is not None:
        raise ValidationError({"provider_id": "Give deployment_id or provider_id, not both."})
    if deployment_id is None and provider_id is None:
        raise ValidationError({"deployment_id": "Give deployment_id or provider_id."})
    breaker = f"{KEY}{provider_id}" if deployment_id is None else f"{DEPLOYMENT}{deployment_id}"
    if (row := _row_behind(breaker)) is None:
        field, noun = ("provider_id", "provider") if deployment_id is None else ("deployment_id", "deployment")
        raise ValidationError({field: f"There is no {noun} with this id."})
    return row, breaker


def _row_behind(breaker: str) -> LanguageModel | Provider | None:
    """A deployment has the id of its model."""
    kind, _, key = breaker.partition(":")
    if kind + ":" == KEY:
        return Provider.objects.filter(pk=key).first()
    return LanguageModel.objects.select_related("provider").filter(pk=key).first()


def _names_of(row: LanguageModel | Provider) -> dict[str, str]:
    if isinstance(row, Provider):
        return {"deployment_name": "", "provider": row.name[:64]}
    return {"deployment_name": row.display_name or row.name, "provider": row.provider.name[:64]}


def _record(row: LanguageModel | Provider, *, before: str, after: str, by: Actor) -> None:
    keep(CHANGED, row, {"use": (before, after)}, by=by)
