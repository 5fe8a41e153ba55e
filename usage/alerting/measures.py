"""The measures of the rules, one query each, with an index, over minutes of the log or days of sums: cheap at any
size."""

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
from lib.ids import uuid_of
from providers.health import probe_schedule
from usage.alerting.group_rule import Answers, RuleClause
from usage.health.recent import Tries, answers_since, tries_since
from usage.models import Grain, RequestRecord, UsageBucket
from usage.rollups.tallies import start_of

DAYS = 7
RECENT = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
# Refused by the key's own limit, not by an upstream.
REFUSED = Q(outcome=Outcome.REFUSED.value, error_class="rate_limit_exceeded", provider="")
# Refused before the limits, which do not count these.
TURNED_AWAY = (
    *("missing_scope", "invalid_request_error", "model_not_found", "virtual_model_needs_messages", "no_pool"),
    *("model_not_allowed", "group_not_assigned", "unsupported_content_encoding"),
)
NOT_LET_IN = Q(error_class__in=TURNED_AWAY, provider="")


@dataclass(frozen=True, slots=True)
class FailingProvider:
    """An enabled provider whose last probes failed, and since when."""

    provider_id: str
    name: str
    failed_probes: int
    error: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class DayCosts:
    """The cost of the console's own provider keys: today (UTC) until now, and each of up to seven full days before."""

    today_usd: float
    before_usd: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class KeyMinute:
    """The use of one API key with a limit in the last minute; `requests` do not include the `refused` ones."""

    key_id: str
    name: str
    owner: str
    rpm: int | None
    tpm: int | None
    requests: int
    tokens: int
    refused: int


def failing(*, in_a_row: int) -> list[FailingProvider]:
    """Providers that failed at least `in_a_row` probes in a row."""
    rows = probe_schedule.failing(in_a_row=in_a_row)
    return [FailingProvider(str(row.pk), row.name, row.failed_probes, row.error, row.error_since) for row in rows]


def day_costs() -> DayCosts:
    """Days without requests count as 0, from the first day with one."""
    today = start_of(timezone.now(), Grain.DAY)
    days = UsageBucket.objects.filter(grain=Grain.DAY)
    first = days.order_by("start").values_list("start", flat=True).first() or today
    full = min(DAYS, max(0, (today - first).days))
    rows = days.filter(start__gte=today - timedelta(days=DAYS), series__is_own_key=False).values("start").order_by()
    costs = {row["start"]: row["cost"] for row in rows.annotate(cost=Sum("cost_usd"))}
    before = (costs.get(today - timedelta(days=number), 0.0) for number in range(1, full + 1))
    return DayCosts(costs.get(today, 0.0), tuple(before))


def recent_tries() -> list[Tries]:
    """Recent attempts by provider; also those after which another provider answered, which the log's columns don't
    show.

    Without the caller's errors (400, 413, 422), callers that left, and refused own keys
    (`usage/request_log/attempts.py`).
    """
    return tries_since(RECENT)


def group_answers(rule: Sequence[RuleClause]) -> list[Answers]:
    """The answered and failed requests of groups in the time spans of a rule."""
    found = answers_since([timedelta(seconds=part.within_s) for part in rule])
    return [Answers(group, counts) for group, counts in found.items()]


def key_minutes() -> list[KeyMinute]:
    """Keys with a limit and requests in the last minute; two queries."""
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
    """The working keys with a limit among these."""
    known = [found for key_id in key_ids if (found := uuid_of(key_id)) and str(found) == key_id]
    rows = ApiKey.objects.usable().filter(pk__in=known).exclude(rpm=None, tpm=None)
    return rows.order_by("pk").values_list("pk", "name", "owner__username", "rpm", "tpm")
