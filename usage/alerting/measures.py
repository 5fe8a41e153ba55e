"""What is measured, one query each, by an index and over minutes of the log or days of sums: cheap at any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from access.models import ApiKey
from engine.outcomes import Outcome
from providers.health import probe_schedule
from usage.alerting.group_rule import Answers, RuleClause
from usage.health.recent import Tries, answers_since, tries_since
from usage.models import Grain, RequestRecord, UsageBucket
from usage.rollups.tallies import start_of

DAYS = 7
OF_LATE = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
# Refused by a limit of the key itself, not by an upstream.
REFUSED = Q(outcome=Outcome.REFUSED.value, error_class="rate_limit_exceeded", provider="")
# Turned away before the limits were looked at, which count none of these.
TURNED_AWAY = (
    *("missing_scope", "invalid_request_error", "model_not_found", "virtual_model_needs_messages", "no_pool"),
    *("model_not_allowed", "group_not_assigned", "unsupported_content_encoding"),
)
NOT_LET_IN = Q(error_class__in=TURNED_AWAY, provider="")


@dataclass(frozen=True, slots=True)
class FailingProvider:
    """A provider in service whose last probes failed, and since when."""

    provider_id: str
    name: str
    failed_probes: int
    error: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class DayCosts:
    """What our own keys cost: today (UTC) until now, and each of up to seven full days before it."""

    today_usd: float
    before_usd: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class KeyMinute:
    """What one API key with a limit did in the last minute; `refused` requests are not among the others."""

    key_id: str
    name: str
    owner: str
    rpm: int | None
    tpm: int | None
    requests: int
    tokens: int
    refused: int


def failing(*, in_a_row: int) -> list[FailingProvider]:
    """Providers that failed at least so many probes in a row."""
    rows = probe_schedule.failing(in_a_row=in_a_row)
    return [FailingProvider(str(row.pk), row.name, row.failed_probes, row.error, row.error_since) for row in rows]


def day_costs() -> DayCosts:
    """Days without a request count as days that cost nothing, from the first that had one."""
    today = start_of(timezone.now(), Grain.DAY)
    days = UsageBucket.objects.filter(grain=Grain.DAY)
    first = days.order_by("start").values_list("start", flat=True).first() or today
    full = min(DAYS, max(0, (today - first).days))
    rows = days.filter(start__gte=today - timedelta(days=DAYS), series__is_own_key=False).values("start").order_by()
    costs = {row["start"]: row["cost"] for row in rows.annotate(cost=Sum("cost_usd"))}
    before = (costs.get(today - timedelta(days=number), 0.0) for number in range(1, full + 1))
    return DayCosts(costs.get(today, 0.0), tuple(before))


def tries_of_late() -> list[Tries]:
    """Attempts by provider; also those after which another provider answered, which the log's columns don't show.

    Left out: the caller's mistakes (400, 413, 422), who left, and own keys that were refused
    (`usage/request_log/attempts.py`).
    """
    return tries_since(OF_LATE)


def answers_of_late(rule: Sequence[RuleClause]) -> list[Answers]:
    """What groups answered and failed in the times that a rule looks at."""
    found = answers_since([timedelta(seconds=part.within_s) for part in rule])
    return [Answers(group, counts) for group, counts in found.items()]


def key_minutes() -> list[KeyMinute]:
    """Keys with a limit that asked in the last minute; two queries."""
    of_keys = RequestRecord.objects.filter(started_at__gte=timezone.now() - MINUTE).exclude(key_id="")
    tokens = Coalesce(F("input_tokens"), 0) + Coalesce(F("output_tokens"), 0)
    rows = (
        of_keys.exclude(NOT_LET_IN)
        .order_by()
        .values("key_id")
        .annotate(requests=Count("pk", filter=~REFUSED), tokens_used=Sum(tokens), refused=Count("pk", filter=REFUSED))
    )
    used = {row["key_id"]: row for row in rows}
    return [
        KeyMinute(str(pk), name, owner, rpm, tpm, row["requests"], row["tokens_used"], row["refused"])
        for pk, name, owner, rpm, tpm in _limited(used)
        for row in [used[str(pk)]]
    ]


def _limited(key_ids: Iterable[str]) -> Iterable[tuple[UUID, str, str, int | None, int | None]]:
    """Those of the keys that work and have a limit."""
    known = [UUID(key_id) for key_id in key_ids if _is_uuid(key_id)]
    rows = ApiKey.objects.usable().filter(pk__in=known).exclude(rpm=None, tpm=None)
    return rows.order_by("pk").values_list("pk", "name", "owner__username", "rpm", "tpm")


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
