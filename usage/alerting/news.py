"""The delivery of an alert to the webhook, for people and programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from usage.models import Alert


class Told(StrEnum):
    """The delivery state of an alert's latest event (raised or resolved)."""

    TOLD = "told"
    WAITING = "waiting"
    FAILED = "failed"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class News:
    """The delivery to the webhook; `why` it failed or waits."""

    state: Told
    why: str = ""


def news_of(alert: Alert, *, has_webhook: bool) -> News:
    """By the alert's own columns; waiting events are not sent while there is no webhook."""
    if alert.send_at is not None and not has_webhook:
        return News(Told.OFF, "no webhook is set")
    if alert.send_at is not None:
        return News(Told.WAITING, f"{alert.send_error}; it is tried again" if alert.send_error else "")
    if alert.send_error:
        return News(Told.FAILED, f"{alert.send_error}; it was given up after {alert.failed_sends} attempts")
    return News(Told.TOLD if alert.told_at else Told.OFF)
