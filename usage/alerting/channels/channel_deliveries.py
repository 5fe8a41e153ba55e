"""What channels are still to be told: queued with an alert, claimed by one process, tried again, given up."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from usage.alerting.channels.quiet_hours import QuietHours
from usage.models import Alert, AlertChannel, AlertDelivery

AT_ONCE = 20


def queue(alert: Alert, *, now: datetime) -> None:
    """Every enabled channel for this kind is to be told, after its quiet hours; one or two queries."""
    channels = [one for one in AlertChannel.objects.filter(is_enabled=True) if not one.kinds or alert.kind in one.kinds]
    waiting = [(channel, quiet_until(channel, now)) for channel in channels]
    AlertDelivery.objects.bulk_create(
        AlertDelivery(alert=alert, channel=channel, send_at=held or now, held_until=held) for channel, held in waiting
    )


def queue_end(alerts: Collection[int], *, now: datetime) -> None:
    """The channels of these alerts are to be told that they are over, but for those that still wait for the start."""
    told = AlertDelivery.objects.filter(alert__in=alerts)
    told.filter(told_at=None, held_until__gt=now).delete()
    for delivery in told.filter(channel__is_enabled=True).select_related("channel"):
        held = quiet_until(delivery.channel, now)
        delivery.send_at, delivery.held_until = held or now, held
        delivery.failed_sends, delivery.error = 0, ""
        delivery.save(update_fields=["send_at", "held_until", "failed_sends", "error"])


def quiet_until(channel: AlertChannel, now: datetime) -> datetime | None:
    """The end of a channel's quiet hours; None if it may be told now."""
    if channel.quiet_from is None or channel.quiet_until is None:
        return None
    return QuietHours(channel.quiet_from, channel.quiet_until, channel.timezone).ends_at(now)


def claim_due(*, lease_s: float) -> list[AlertDelivery]:
    """Claims the deliveries that are due; no other process gets them within the lease."""
    now = timezone.now()
    due = AlertDelivery.objects.filter(send_at__lte=now, channel__is_enabled=True).order_by("send_at")
    until = now + timedelta(seconds=lease_s)
    return [
        one
        for one in due.select_related("alert", "channel")[:AT_ONCE]
        if AlertDelivery.objects.filter(pk=one.pk, send_at=one.send_at).update(send_at=until)
    ]


def record_told(delivery: AlertDelivery) -> None:
    """The channel took it. A change in the meantime (the alert is over) is still to be sent."""
    _unless_over(delivery).update(send_at=None)
    AlertDelivery.objects.filter(pk=delivery.pk).update(told_at=timezone.now(), held_until=None, error="")


def record_not_told(delivery: AlertDelivery, *, error: str, again_in_s: float | None) -> None:
    """The channel did not take it; tries again at the given time, or gives up without one."""
    again = None if again_in_s is None else timezone.now() + timedelta(seconds=again_in_s)
    failure = {"failed_sends": F("failed_sends") + 1, "error": error[:256], "held_until": None}
    _unless_over(delivery).update(send_at=again, **failure)


def _unless_over(delivery: AlertDelivery) -> QuerySet[AlertDelivery]:
    """The row, unless its alert has ended since it was claimed."""
    same = AlertDelivery.objects.filter(pk=delivery.pk)
    is_same = Alert.objects.filter(pk=delivery.alert_id, resolved_at=delivery.alert.resolved_at).exists()
    return same if is_same else same.none()
