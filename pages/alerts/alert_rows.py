"""Alerts for the page: their subject with a link, and the state of the webhook."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
from usage.models import Alert, AlertKind

ICONS: dict[AlertKind, str] = {
    AlertKind.PROVIDER_DOWN: "power-off",
    AlertKind.COST_SPIKE: "trending-up",
    AlertKind.ERROR_RATE: "percent",
    AlertKind.RATE_LIMIT: "gauge",
    AlertKind.GROUP_FAILING: "waypoints",
    AlertKind.SECRETS_DIFFER: "key-round",
}
OF_PROVIDERS, OF_KEYS = {AlertKind.PROVIDER_DOWN, AlertKind.ERROR_RATE}, {AlertKind.RATE_LIMIT}


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert; `url` is empty if its subject is gone, or this reader may not see it. `rewind_url` is the Live Tester
    with what was recorded then, of a group that failed."""

    alert: Alert
    icon: str
    subject: str
    url: str
    webhook: WebhookDelivery
    rewind_url: str = ""

    @property
    def lasted(self) -> str:
        """`5 minutes`, for an alert that is over."""
        text = timesince(self.alert.raised_at, self.alert.resolved_at, depth=1)
        return "under a minute" if text.startswith("0") else text


def rows_of(alerts: Sequence[Alert], *, reader: Actor) -> list[AlertRow]:
    """The alerts with their subjects; at most three queries."""
    providers = _names(Provider.objects.all(), _subjects(alerts, OF_PROVIDERS))
    keys = _names(visible_keys(reader), _subjects(alerts, OF_KEYS))
    groups = ids_of_groups(alert.subject for alert in alerts if alert.kind == AlertKind.GROUP_FAILING)
    return [_row(alert, providers, keys, groups) for alert in alerts]


def _subjects(alerts: Sequence[Alert], kinds: Collection[AlertKind]) -> set[UUID]:
    """The ids of the subjects; older alerts have a name instead."""
    return {*uuids_of(alert.subject for alert in alerts if alert.kind in kinds)}


def _names(rows: QuerySet[Provider] | QuerySet[ApiKey], wanted: Collection[UUID]) -> dict[str, str]:
    return {str(pk): name for pk, name in rows.filter(pk__in=wanted).values_list("pk", "name")} if wanted else {}


def _row(alert: Alert, providers: dict[str, str], keys: dict[str, str], groups: dict[str, UUID]) -> AlertRow:
    subject, url, rewind = alert.subject, "", ""
    if alert.kind == AlertKind.COST_SPIKE:
        subject, url = "All costs", reverse("usage") + "?period=7d"
    elif alert.kind in OF_PROVIDERS:
        subject, url = _linked(subject, providers, page="provider-detail", gone="A provider that is gone")
    elif alert.kind in OF_KEYS:
        subject, url = _linked(subject, keys, page="key-detail", gone="An API key")
    elif alert.kind == AlertKind.GROUP_FAILING and subject in groups:
        url = reverse("group-detail", args=[groups[subject]])
        rewind = rewind_url(groups[subject], alert.raised_at, alert.resolved_at)
    elif alert.kind == AlertKind.SECRETS_DIFFER:
        subject = "Server processes"
    webhook = news_of(alert, has_webhook=bool(settings.ALERT_WEBHOOK_URL))
    return AlertRow(alert, ICONS[AlertKind(alert.kind)], subject, url, webhook, rewind)


def _linked(subject: str, names: dict[str, str], *, page: str, gone: str) -> tuple[str, str]:
    if subject in names:
        return names[subject], reverse(page, args=[subject])
    return gone if uuid_of(subject) else subject, ""
