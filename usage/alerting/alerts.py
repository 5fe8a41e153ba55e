"""Raises each alert once, and resolves it when it is over. The webhook and the channels are
called later (see `webhook.py` and `channels/`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.transaction import atomic
from django.utils import timezone

from usage.alerting.channels.channel_deliveries import queue, queue_end
from usage.models import Alert, AlertKind

MESSAGE_LIMIT = 512
KEPT_FOR = timedelta(days=90)
ROWS_AT_ONCE = 500


@atomic
def raise_alert(*, kind: AlertKind, subject: str, message: str) -> Alert:
    """Opens an alert, or updates the message of the open one for this subject."""
    now, words = timezone.now(), message[:MESSAGE_LIMIT]
    new = {"message": words, "raised_at": now, "send_at": now if settings.ALERT_WEBHOOK_URL else None}
    alert, is_new = Alert.objects.get_or_create(kind=kind, subject=subject, resolved_at=None, defaults=new)
    if not is_new and alert.message != words:
        alert.message = words
        alert.save(update_fields=["message"])
    if is_new:
        queue(alert, now=now)
    return alert


@atomic
def resolve_alerts(
    *, kind: AlertKind, except_subjects: Iterable[str] = (), raised_before: datetime | None = None
) -> int:
    """Closes the open alerts of a kind, except for these subjects and newer ones; returns their number."""
    now = timezone.now()
    news = {"send_at": now, "failed_sends": 0, "send_error": ""} if settings.ALERT_WEBHOOK_URL else {}
    found = Alert.objects.open().filter(kind=kind, raised_at__lte=raised_before or now)
    over = list(found.exclude(subject__in=list(except_subjects)).values_list("pk", flat=True))
    ended = Alert.objects.open().filter(pk__in=over).update(resolved_at=now, **news) if over else 0
    if ended:
        queue_end(over, now=now)
    return ended


def forget_old_alerts() -> int:
    """Deletes some of the alerts that ended long ago; call it periodically. Returns their number."""
    old = Alert.objects.filter(resolved_at__lt=timezone.now() - KEPT_FOR)
    return Alert.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:ROWS_AT_ONCE])).delete()[0]


def claim_unsent(*, lease_s: float) -> list[Alert]:
    """Claims the alerts that are due for the webhook; no other process gets them within the lease."""
    now = timezone.now()
    due = Alert.objects.filter(send_at__lte=now).order_by("send_at")[:20]
    until = now + timedelta(seconds=lease_s)
    return [a for a in due if Alert.objects.filter(pk=a.pk, send_at=a.send_at).update(send_at=until)]


def record_sent(alert: Alert) -> None:
    """The webhook accepted it. A change in the meantime (it is over) is still to be sent."""
    _unless_changed(alert).update(send_at=None, told_at=timezone.now(), send_error="")


def record_not_sent(alert: Alert, *, error: str, again_in_s: float | None) -> None:
    """The webhook did not accept it; tries again at the given time, or gives up without one."""
    again = None if again_in_s is None else timezone.now() + timedelta(seconds=again_in_s)
    _unless_changed(alert).update(send_at=again, failed_sends=F("failed_sends") + 1, send_error=error[:256])


def _unless_changed(alert: Alert) -> QuerySet[Alert]:
    return Alert.objects.filter(pk=alert.pk, resolved_at=alert.resolved_at)
