"""Alerts for the page: their subject with a link, and the state of the webhook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.timesince import timesince

from access.models import Actor, ApiKey
from access.rules import visible_keys
from lib.ids import uuid_of, uuids_of
from pages.groups.cards import ids_of_groups
from pages.live_tester.rewinding import rewind_url
from providers.models import Provider
from usage.alerting.news import WebhookDelivery, news_of
from usage.alerting.thresholds import GROUP_RULE
from usage.models import Alert, AlertDelivery, AlertKind
from usage.request_log.filter import MOMENT
from usage.request_log.finished import PROVER

ICONS: dict[AlertKind, str] = {
    AlertKind.PROVIDER_DOWN: "power-off",
    AlertKind.COST_SPIKE: "trending-up",
    AlertKind.ERROR_RATE: "percent",
    AlertKind.RATE_LIMIT: "gauge",
    AlertKind.GROUP_FAILING: "waypoints",
    AlertKind.SECRETS_DIFFER: "key-round",
    AlertKind.STANDBY_DEAD: "activity",
}
OF_PROVIDERS, OF_KEYS = {AlertKind.PROVIDER_DOWN, AlertKind.ERROR_RATE}, {AlertKind.RATE_LIMIT}
OF_GROUPS = {AlertKind.GROUP_FAILING}
# Of a provider, or of a group if its other deployments answer.
OF_EITHER = {AlertKind.STANDBY_DEAD}

# The requests behind an alert came before it was raised: the window of its rule.
BEFORE = {
    AlertKind.ERROR_RATE: timedelta(minutes=10),
    AlertKind.RATE_LIMIT: timedelta(minutes=1),
    AlertKind.GROUP_FAILING: timedelta(seconds=max(part.within_s for part in GROUP_RULE)),
}


@dataclass(frozen=True, slots=True)
class ChannelNews:
    """What one channel knows of an alert, in words; `is_failed`: it was given up."""

    channel: str
    words: str
    is_failed: bool = False


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert; `url` is empty if its subject is gone, or this reader may not see it. `rewind_url` is the Live Tester
    with what was recorded then, of a group that failed; `requests_url` the log with the requests behind it."""

    alert: Alert
    icon: str
    subject: str
    url: str
    webhook: WebhookDelivery
    rewind_url: str = ""
    requests_url: str = ""
    deliveries: tuple[ChannelNews, ...] = ()

    @property
    def lasted(self) -> str:
        """`5 minutes`, for an alert that is over."""
        text = timesince(self.alert.raised_at, self.alert.resolved_at, depth=1)
        return "under a minute" if text.startswith("0") else text


def rows_of(alerts: Sequence[Alert], *, reader: Actor) -> list[AlertRow]:
    """The alerts with their subjects, and who was told; at most four queries."""
    providers = _names(Provider.objects.all(), _subjects(alerts, OF_PROVIDERS | OF_EITHER))
    keys = _names(visible_keys(reader), _subjects(alerts, OF_KEYS))
    groups = ids_of_groups(alert.subject for alert in alerts if alert.kind in OF_GROUPS | OF_EITHER)
    told = _told([alert.pk for alert in alerts])
    named = AlertNames(providers, keys, groups)
    return [_row(alert, named, tuple(told.get(alert.pk, ()))) for alert in alerts]


class AlertNames(NamedTuple):
    """What this reader may see of the subjects: names of providers and keys by id, ids of groups by name."""

    providers: dict[str, str]
    keys: dict[str, str]
    groups: dict[str, UUID]


def _told(alerts: Sequence[int]) -> dict[int, list[ChannelNews]]:
    found: dict[int, list[ChannelNews]] = defaultdict(list)
    if alerts:
        for delivery in AlertDelivery.objects.filter(alert__in=alerts).select_related("channel"):
            found[delivery.alert_id].append(_news(delivery))
    return found


def _news(delivery: AlertDelivery) -> ChannelNews:
    name = delivery.channel.name
    if delivery.held_until is not None:
        return ChannelNews(name, f"waits for the end of quiet hours at {delivery.held_until:%H:%M} UTC")
    if delivery.error:
        given_up = delivery.send_at is None
        return ChannelNews(name, f"{delivery.error}; {'given up' if given_up else 'it is tried again'}", given_up)
    return ChannelNews(name, "told" if delivery.send_at is None else "is being told")


def _requests_url(alert: Alert, named: AlertNames) -> str:
    """The log with the requests behind an alert; "" where none are, and for what this reader may not see."""
    asked: dict[str, str] = {}
    if alert.kind == AlertKind.GROUP_FAILING:
        asked = {"group": alert.subject, "outcome": "failed"}
    elif alert.kind == AlertKind.RATE_LIMIT and alert.subject in named.keys:
        asked = {"key": alert.subject, "outcome": "refused"}
    elif alert.kind == AlertKind.ERROR_RATE and alert.subject in named.providers:
        asked = {"provider": named.providers[alert.subject]}
    elif alert.kind == AlertKind.STANDBY_DEAD:
        asked = {"user": PROVER}
        if alert.subject in named.providers:
            asked["provider"] = named.providers[alert.subject]
    if not asked:
        return ""
    before = BEFORE.get(AlertKind(alert.kind), timedelta(hours=1))
    times = {"since": f"{alert.raised_at - before:{MOMENT}}"}
    if alert.resolved_at:
        times["until"] = f"{alert.resolved_at + timedelta(minutes=1):{MOMENT}}"
    return f"{reverse('request-list')}?{urlencode(asked | times)}"


def _subjects(alerts: Sequence[Alert], kinds: Collection[AlertKind]) -> set[UUID]:
    """The ids of the subjects; older alerts have a name instead."""
    return {*uuids_of(alert.subject for alert in alerts if alert.kind in kinds)}


def _names(rows: QuerySet[Provider] | QuerySet[ApiKey], wanted: Collection[UUID]) -> dict[str, str]:
    return {str(pk): name for pk, name in rows.filter(pk__in=wanted).values_list("pk", "name")} if wanted else {}


def _row(alert: Alert, named: AlertNames, told: tuple[ChannelNews, ...]) -> AlertRow:
    subject, url, rewind = alert.subject, "", ""
    if alert.kind == AlertKind.COST_SPIKE:
        subject, url = "All costs", reverse("usage") + "?period=7d"
    elif alert.kind == AlertKind.SECRETS_DIFFER:
        subject = "Server processes"
    elif alert.kind in OF_PROVIDERS or (alert.kind in OF_EITHER and subject not in named.groups):
        subject, url = _linked(subject, named.providers, page="provider-detail", gone="A provider that is gone")
    elif alert.kind in OF_KEYS:
        subject, url = _linked(subject, named.keys, page="key-detail", gone="An API key")
    elif subject in named.groups:
        url = reverse("group-detail", args=[named.groups[subject]])
        if alert.kind in OF_GROUPS:
            rewind = rewind_url(named.groups[subject], alert.raised_at, alert.resolved_at)
    webhook = news_of(alert, has_webhook=bool(settings.ALERT_WEBHOOK_URL))
    requests = _requests_url(alert, named)
    return AlertRow(alert, ICONS[AlertKind(alert.kind)], subject, url, webhook, rewind, requests, told)


def _linked(subject: str, names: dict[str, str], *, page: str, gone: str) -> tuple[str, str]:
    if subject in names:
        return names[subject], reverse(page, args=[subject])
    return gone if uuid_of(subject) else subject, ""
