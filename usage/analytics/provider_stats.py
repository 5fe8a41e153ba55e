"""Calls and cost of the last 30 days, in total and by provider, compared with the 30 days before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from engine.outcomes import success_rate
from usage.models import Grain, UsageBucket
from usage.rollups.tallies import start_of

PERIOD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Period:
    """Requests of 30 days, their cost in US dollars, and attempts; for a provider, the attempts made there."""

    calls: int = 0
    cost_usd: float = 0.0
    attempts: int = 0
    failed_attempts: int = 0

    @property
    def success_rate(self) -> float | None:
        """The share, 0 to 1, of attempts that did not fail; None without any."""
        return success_rate(self.attempts - self.failed_attempts, self.failed_attempts)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A period and the one before it; None if it had no requests."""

    now: Period
    before: Period | None = None

    @property
    def calls_trend(self) -> int | None:
        """The change of calls in percent; None if unknown."""
        return None if self.before is None else percent_more(self.now.calls, self.before.calls)

    @property
    def cost_trend(self) -> int | None:
        return None if self.before is None else percent_more(self.now.cost_usd, self.before.cost_usd)


@dataclass(frozen=True, slots=True)
class ProviderStats:
    """All traffic, and that of each provider by its name. `since` is the day of the first request, if any."""

    total: Traffic
    by_provider: dict[str, Traffic]
    since: datetime | None

    @property
    def is_young(self) -> bool:
        """Whether the first request was within the period, so that its numbers cover less than 30 days."""
        return self.since is not None and self.since > timezone.now() - PERIOD


def percent_more(now: float, before: float) -> int | None:
    """The growth in percent; None from nothing."""
    return round(100 * (now - before) / before) if before else None


def provider_stats() -> ProviderStats:
    """Two queries over the days; requests without a provider count in the total."""
    days = UsageBucket.objects.filter(grain=Grain.DAY)
    begin = start_of(timezone.now(), Grain.DAY) - PERIOD + timedelta(days=1)
    rows = list(_by_provider(days.filter(start__gte=begin - PERIOD), begin))
    by_provider = {row["series__provider"]: _traffic([row]) for row in rows if row["series__provider"]}
    since = days.order_by("start").values_list("start", flat=True).first()
    return ProviderStats(_traffic(rows), by_provider, since)


def _by_provider(days: QuerySet[UsageBucket], begin: datetime) -> Any:
    is_now, is_before, is_ours = Q(start__gte=begin), Q(start__lt=begin), Q(series__is_own_key=False)
    return days.values("series__provider").annotate(
        calls=Sum("requests", filter=is_now, default=0),
        cost=Sum("cost_usd", filter=is_now & is_ours, default=0.0),
        attempted=Sum("attempts", filter=is_now, default=0),
        failed=Sum("failed_attempts", filter=is_now, default=0),
        calls_before=Sum("requests", filter=is_before, default=0),
        cost_before=Sum("cost_usd", filter=is_before & is_ours, default=0.0),
    )


def _traffic(rows: Iterable[dict[str, Any]]) -> Traffic:
    rows = list(rows)
    now = Period(*(sum(row[name] for row in rows) for name in ("calls", "cost", "attempted", "failed")))
    before = Period(sum(r["calls_before"] for r in rows), sum(r["cost_before"] for r in rows))
    return Traffic(now, before if before.calls else None)
