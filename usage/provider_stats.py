"""Calls and cost of the last 30 days, in all and by provider, beside the 30 days before them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Func, Q, QuerySet, Sum, TextField
from django.utils import timezone

from usage.models import RequestRecord

PERIOD = timedelta(days=30)


class LastProvider(Func):
    """The name of the provider of a request's last attempt: who answered, or who failed last."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="JSON_EXTRACT(%(expressions)s, '$[#-1].provider')", **more)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s #>> '{-1,provider}')", **more)


@dataclass(frozen=True, slots=True)
class Period:
    """Requests of 30 days, and what they cost in US dollars."""

    calls: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """A period and the one before it; that one is None where the log does not reach back so far."""

    now: Period
    before: Period | None = None

    @property
    def calls_trend(self) -> int | None:
        """By how many percent there are more calls than before (less than zero: fewer); None is unknown."""
        return None if self.before is None else percent_more(self.now.calls, self.before.calls)

    @property
    def cost_trend(self) -> int | None:
        return None if self.before is None else percent_more(self.now.cost_usd, self.before.cost_usd)


@dataclass(frozen=True, slots=True)
class ProviderStats:
    """All traffic, and that of each provider by its name. `since` is the oldest request of the log, if any."""

    total: Traffic
    by_provider: dict[str, Traffic]
    since: datetime | None

    @property
    def is_young(self) -> bool:
        """Whether the log begins within the period, so that its numbers cover less than 30 days."""
        return self.since is not None and self.since > timezone.now() - PERIOD


def percent_more(now: float, before: float) -> int | None:
    """The growth in percent; None from nothing."""
    return round(100 * (now - before) / before) if before else None


def provider_stats() -> ProviderStats:
    """Two queries over the request log."""
    begin = timezone.now() - PERIOD
    recent = RequestRecord.objects.filter(started_at__gte=begin - PERIOD).order_by()
    rows: list[dict[str, Any]] = list(_by_provider(recent, begin))
    reaches_back = timedelta(hours=settings.ATTEMPTS_RETENTION_HOURS) >= 2 * PERIOD
    traffic = {row["last"]: _traffic([row], reaches_back) for row in rows if row["last"]}
    since = RequestRecord.objects.order_by("started_at").values_list("started_at", flat=True).first()
    return ProviderStats(_traffic(rows, reaches_back), traffic, since)


def _by_provider(recent: QuerySet[RequestRecord], begin: datetime) -> Any:
    is_now, is_before = Q(started_at__gte=begin), Q(started_at__lt=begin)
    return recent.values(last=LastProvider("attempts")).annotate(
        calls=Count("pk", filter=is_now),
        cost=Sum("cost_usd", filter=is_now),
        calls_before=Count("pk", filter=is_before),
        cost_before=Sum("cost_usd", filter=is_before),
    )


def _traffic(rows: list[dict[str, Any]], reaches_back: bool) -> Traffic:
    now = Period(sum(r["calls"] for r in rows), sum(r["cost"] or 0.0 for r in rows))
    before = Period(sum(r["calls_before"] for r in rows), sum(r["cost_before"] or 0.0 for r in rows))
    return Traffic(now, before if reaches_back and before.calls else None)
