"""Whether the webhook knows of an alert, as people and programs read it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from usage.models import Alert


class Told(StrEnum):
    """How far the newest news of an alert, that it was raised or is over, have come."""

    TOLD = "told"
    WAITING = "waiting"
    FAILED = "failed"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class News:
    """What became of telling the webhook; `why` not, or not yet."""

    state: Told
    why: str = ""


def news_of(alert: Alert, *, has_webhook: bool) -> News:
    """By the alert's own columns; what waits goes nowhere while there is no webhook."""
    if alert.send_at is not None and not has_webhook:
        return News(Told.OFF, "no webhook is set")
    if alert.send_at is not None:
        return News(Told.WAITING, f"{alert.send_error}; it is tried again" if alert.send_error else "")
    if alert.send_error:
        return News(Told.FAILED, f"{alert.send_error}; it was given up after {alert.failed_sends} attempts")
    return News(Told.TOLD if alert.told_at else Told.OFF)
