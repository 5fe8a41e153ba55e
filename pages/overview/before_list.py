"""What happened before a group began to fail: changes of its configuration, other alerts, and the first failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from groups.versions.history import Version, entries_of, versions
from usage.models import Alert, AlertKind, RequestRecord
from usage.request_log.attempts import has_failed

LOOKED_BACK, FIRST_FAILURES, MOST_SHOWN = timedelta(hours=1), 50, 4
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Before:
    """One thing that happened; `is_loss`: callers were failed from then on, or by that provider."""

    at: datetime
    says: str
    is_loss: bool = False


def before_of(group: str, pk: UUID | None, *, since: datetime, alert_pk: int) -> tuple[Before, ...]:
    """The last few, oldest first, of the hour before `since`, at which callers began to be failed; three queries."""
    until = since + LOOKED_BACK
    found = [*_failures(group, since), *_alerts(since, until, alert_pk), *(_changes(pk, since) if pk else ())]
    return tuple(sorted(found, key=lambda one: one.at)[-MOST_SHOWN:])


def _failures(group: str, since: datetime) -> Iterator[Before]:
    rows = RequestRecord.objects.filter(model_group=group, outcome=FAILED, started_at__gte=since)
    found = list(rows.order_by("started_at").values_list("started_at", "attempts")[:FIRST_FAILURES])
    yield from first_failures(found)


def first_failures(failed: Iterable[tuple[datetime, Iterable[Mapping[str, Any]]]]) -> Iterator[Before]:
    """The first failed request, and the first failure of each provider in such requests; in order of time. Pure."""
    seen: set[str] = set()
    for number, (at, attempts) in enumerate(failed):
        said = [_said(one, seen) for one in attempts if has_failed(one)]
        new = [words for words in said if words]
        if number == 0:
            yield Before(at, ", ".join([*new, "first caller fails"]), is_loss=True)
        elif new:
            yield Before(at, ", ".join(new), is_loss=True)


def _said(attempt: Mapping[str, Any], seen: set[str]) -> str:
    """`Nebius answers 503`, once for each provider."""
    who = attempt.get("provider") or "A provider"
    if who in seen:
        return ""
    seen.add(who)
    status = attempt.get("status_code")
    return f"{who} answers {status}" if status else f"{who} can't be reached or breaks off"


def _alerts(since: datetime, until: datetime, alert_pk: int) -> Iterator[Before]:
    rows = Alert.objects.filter(raised_at__gte=since - LOOKED_BACK, raised_at__lt=until).exclude(pk=alert_pk)
    rows = rows.exclude(kind=AlertKind.GROUP_FAILING).order_by("raised_at")
    for alert in rows[:MOST_SHOWN]:
        yield Before(alert.raised_at, alert.message.partition(". ")[0].removesuffix(".") + ".")


def _changes(pk: UUID, since: datetime) -> Iterator[Before]:
    entries = entries_of(pk).filter(timestamp__gte=since - LOOKED_BACK)[:MOST_SHOWN]
    for version in versions(entries):
        yield Before(version.at, _change(version))


def _change(version: Version) -> str:
    """`mira saved revision 31: Cooldown time 30 s`."""
    what = ", ".join(f"{line.label} {line.after}".strip() for line in version.lines[:2])
    more = f" and {len(version.lines) - 2} more" if len(version.lines) > 2 else ""
    return f"{version.by} saved revision {version.revision}" + (f": {what}{more}" if what else "")
