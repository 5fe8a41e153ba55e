"""The deployments of a provider that are asked for one token when they are idle, and what that has cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from providers.models import Provider
from usage.health.standby_proofs import interval_s, standby_states
from usage.health.standby_rules import StandbyState
from usage.models import Grain, RequestRecord, StandbyProof, UsageBucket
from usage.request_log.finished import PROBE, PROVER

MONTH = timedelta(days=30)
MOST = 20


@dataclass(frozen=True, slots=True)
class StandbyLine:
    """One of them; `call_id` is its last test request in the log, "" without one. `next_at` is when it is looked at."""

    name: str
    state: StandbyState
    call_id: str
    next_at: datetime

    @property
    def words(self) -> str:
        """With a capital letter."""
        words = self.state.words(timezone.now())
        return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class StandbyCard:
    """`requests` of the last 30 days and their cost in US dollars; `more` deployments are not listed."""

    lines: tuple[StandbyLine, ...]
    more: int
    requests: int
    cost_usd: float
    hours: float


def standby_card(provider: Provider) -> StandbyCard | None:
    """None where nobody is asked; at most five queries."""
    if not (provider.proves_standby and provider.enabled and interval_s()):
        return None
    rows = list(StandbyProof.objects.filter(model__provider=provider).select_related("model").order_by("model__name"))
    shown = rows[:MOST]
    states = standby_states(row.deployment_id for row in shown) if shown else {}
    since = timezone.now() - MONTH
    asked = RequestRecord.objects.filter(owner=PROVER, started_at__gte=since, provider_id=str(provider.pk))
    paid = UsageBucket.objects.filter(
        grain=Grain.DAY, start__gte=since, series__owner=PROVER, series__provider_id=str(provider.pk)
    )
    return StandbyCard(
        lines=tuple(
            StandbyLine(row.model.name, states.get(row.deployment_id, StandbyState()), row.call_id, row.next_at)
            for row in shown
        ),
        more=len(rows) - len(shown),
        requests=asked.filter(endpoint=PROBE).count() if rows else 0,
        cost_usd=(paid.aggregate(sum=Sum("cost_usd"))["sum"] if rows else None) or 0.0,
        hours=settings.STANDBY_PROOF_HOURS,
    )
