"""Raises alerts and delivers them to the webhook and the channels, with retries, outside the path of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import connections

from gateway.background.periodic import run_every
from usage import alerting
from usage.alerting import alerts, webhook
from usage.alerting.channels import channel_deliveries, transports
from usage.models import Alert, AlertDelivery

log = structlog.get_logger(__name__)

WATCH_S = 15.0
TICK_S = 2.0
LEASE_S = 60.0
# Pauses after the first try; after the last one the alert's row says why it was given up.
PAUSES_S = (2.0, 10.0, 60.0)


async def watch(*, every_s: float = WATCH_S) -> None:
    """Raises and resolves alerts, until cancelled; in a thread of its own, so that no request waits for it."""
    await run_every(partial(asyncio.to_thread, look), every_s=every_s, failing="alerts not brought up to date")


def look() -> None:
    """Checks everything that is watched once; also deletes old alerts."""
    try:
        alerting.settle()
        alerts.forget_old_alerts()
    finally:
        connections.close_all()


class WebhookSender:
    """Delivers the webhooks of one process; any number of processes share the work."""

    def __init__(self, in_database_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._in_database_thread = in_database_thread

    async def run(self) -> None:
        """Delivers alerts until cancelled; returns at once if no webhook is set."""
        if settings.ALERT_WEBHOOK_URL:
            await run_every(self.turn, every_s=TICK_S, failing="alerts not delivered yet")

    async def turn(self) -> None:
        """Delivers the alerts that are due now."""
        due = await self._in_database_thread(partial(alerts.claim_unsent, lease_s=LEASE_S))
        await asyncio.gather(*(self._deliver(alert) for alert in due))

    async def _deliver(self, alert: Alert) -> None:
        try:
            await webhook.deliver(alert)
        except webhook.NotDelivered as error:
            pause_s = dict(enumerate(PAUSES_S)).get(alert.failed_sends)
            log.warning("alert not delivered", alert=alert.pk, error=str(error), again_in_s=pause_s)
            failure = partial(alerts.record_not_sent, alert, error=str(error), again_in_s=pause_s)
            await self._in_database_thread(failure)
        else:
            await self._in_database_thread(partial(alerts.record_sent, alert))


class ChannelSender:
    """Tells the channels; any number of processes share the work."""

    def __init__(self, in_database_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._in_database_thread = in_database_thread

    async def run(self) -> None:
        """Tells them until cancelled; channels may be added at any time."""
        await run_every(self.turn, every_s=TICK_S, failing="channels not told yet")

    async def turn(self) -> None:
        """Tells what is due now."""
        due = await self._in_database_thread(partial(channel_deliveries.claim_due, lease_s=LEASE_S))
        await asyncio.gather(*(self._tell(delivery) for delivery in due))

    async def _tell(self, delivery: AlertDelivery) -> None:
        try:
            await transports.tell(delivery.channel, delivery.alert)
        except webhook.NotDelivered as error:
            pause_s = dict(enumerate(PAUSES_S)).get(delivery.failed_sends)
            log.warning("channel not told", channel=delivery.channel_id, error=str(error), again_in_s=pause_s)
            await self._in_database_thread(
                partial(channel_deliveries.record_not_told, delivery, error=str(error), again_in_s=pause_s)
            )
        else:
            await self._in_database_thread(partial(channel_deliveries.record_told, delivery))
