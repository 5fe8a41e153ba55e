"""The groups that fail their callers now: the open alerts `group_failing`, with what the overview's banner says beside.

Alert and banner are one thing: what is open is shown, in the words and with the numbers of the alert.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pages.alerts.rows import ids_of_groups
from usage.alerting.thresholds import GROUP_RULE
from usage.health.causes import callers_of
from usage.models import Alert, AlertKind

MOST_SHOWN = 5
# What raised it happened before.
BEFORE = timedelta(seconds=max(part.within_s for part in GROUP_RULE))


@dataclass(frozen=True, slots=True)
class Outage:
    """A group that fails; `id` is None of a lone model. `callers` got an error since it began."""

    name: str
    id: UUID | None
    since: datetime
    message: str
    callers: str


@dataclass(frozen=True, slots=True)
class Outages:
    """Those that began first, and how many more there are."""

    groups: tuple[Outage, ...]
    more: int


def open_alerts() -> list[Alert]:
    """The alerts behind it; one query."""
    return list(Alert.objects.open().filter(kind=AlertKind.GROUP_FAILING).order_by("raised_at", "pk"))


def outages_now() -> Outages:
    """One query while nothing fails, else one for the groups and one for the callers of each."""
    alerts = open_alerts()
    shown = alerts[:MOST_SHOWN]
    ids = ids_of_groups(alert.subject for alert in shown)
    return Outages(tuple(_outage(alert, ids.get(alert.subject)) for alert in shown), len(alerts) - len(shown))


def _outage(alert: Alert, pk: UUID | None) -> Outage:
    callers = callers_of(alert.subject, since=alert.raised_at - BEFORE)
    return Outage(alert.subject, pk, alert.raised_at, alert.message, callers)
