"""The cause of a group's failures in words, and the number of affected callers, from its newest failed requests in the
log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, When
from django.utils import timezone

from engine.outcomes import Outcome
from usage.models import RequestRecord
from usage.models.requests import RequestQuerySet
from usage.request_log.attempts import has_failed

NEWEST, MOST_NAMED, MOST_CALLERS = 200, 3, 10_000
RECENT = timedelta(minutes=20)
TIMEOUTS = frozenset({408, 504})
COOLING = frozenset({"all_cooling_down", "AllCoolingDown"})
# Our own error codes for requests without an attempt.
OWN_WORDS = {
    "all_rate_limited": "all deployments are at their limits a minute",
    "all_at_capacity": "all deployments are busy with as many requests as they take at once",
    "all_stopped": "all deployments are stopped by hand",
    "no_usable_deployment": "none of its deployments can be used",
    "group_unavailable": "its configuration can't be used",
    "GroupUnavailable": "its configuration can't be used",
}
Failed = tuple[str, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]


def cause_of(group: str) -> str:
    """The main cause of its newest failures: `all deployments are cooling; OpenAI answered 503`; one query."""
    rows = _failed(group, timezone.now() - RECENT).values_list("error_class", "attempts", "skipped")
    return cause_in(rows[:NEWEST])


def cause_in(failed: Iterable[Failed]) -> str:
    """The same from failed requests as `(error class, attempts, skipped)`; empty without any. Pure."""
    upstream, own = Counter[str](), Counter[str]()
    for error_class, attempts, skipped in failed:
        own[error_class] += not attempts
        upstream.update(_said_by(attempt) for attempt in attempts if has_failed(attempt))
        if not attempts:
            upstream.update(_said_of(skip) for skip in skipped if skip.get("cause"))
    said = ", ".join(words for words, _ in upstream.most_common(MOST_NAMED))
    return "; ".join(part for part in (_own_words(own), said) if part)


def callers_of(group: str, *, since: datetime) -> str:
    """`12 callers`: API keys, or people without a key, with failed requests since then; one query."""
    caller = Case(When(key_id="", then="owner"), default="key_id", output_field=CharField())
    newest = _failed(group, since).annotate(caller=caller).values("caller")[:MOST_CALLERS]
    found = newest.aggregate(failed=Count("*"), callers=Count("caller", distinct=True))
    words = f"{found['callers']:,} caller{'' if found['callers'] == 1 else 's'}"
    return f"at least {words}" if found["failed"] == MOST_CALLERS else words


def _failed(group: str, since: datetime) -> RequestQuerySet:
    found: RequestQuerySet = RequestRecord.objects.filter(model_group=group, outcome=Outcome.FAILED)
    return found.filter(started_at__gte=since).order_by("-started_at")


def _own_words(untried: Counter[str]) -> str:
    """The error of a request without attempts."""
    if sum(untried[error_class] for error_class in COOLING):
        return "all deployments are cooling"
    return next((OWN_WORDS[name] for name, _ in untried.most_common() if name in OWN_WORDS), "")


def _said_by(attempt: Mapping[str, Any]) -> str:
    who, status = attempt.get("provider") or "A provider", attempt.get("status_code")
    if status in TIMEOUTS or "timeout" in (attempt.get("error_class") or "").lower():
        return f"{who} timed out"
    return f"{who} answered {status}" if status else f"{who} could not be reached or broke off"


def _said_of(skip: Mapping[str, Any]) -> str:
    """A skip's cause (`2×503`, `1×timeout`) in words."""
    what = str(skip["cause"]).rpartition("×")[2]
    who = skip.get("provider") or "A provider"
    return f"{who} answered {what}" if what.isdecimal() else f"{who} failed ({what})"
