"""The delivery of an alert to the webhook, for people and programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from usage.models import Alert


class WebhookState(StrEnum):
    """The delivery state of an alert's latest event (raised or resolved)."""

    TOLD = "told"
    WAITING = "waiting"
    FAILED = "failed"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """The delivery to the webhook; `why` it failed or waits."""

    state: WebhookState
    why: str = ""


def news_of(alert: Alert, *, has_webhook: bool) -> WebhookDelivery:
    """By the alert's own columns; waiting events are not sent while there is no webhook."""
    if alert.send_at is not None and not has_webhook:
        return WebhookDelivery(WebhookState.OFF, "no webhook is set")
    if alert.send_at is not None:
        return WebhookDelivery(
            WebhookState.WAITING, f"{alert.send_error}; it is tried again" if alert.send_error else ""
        )
    if alert.send_error:
        return WebhookDelivery(
            WebhookState.FAILED, f"{alert.send_error}; it was given up after {alert.failed_sends} attempts"
        )
    return WebhookDelivery(WebhookState.TOLD if alert.told_at else WebhookState.OFF)
