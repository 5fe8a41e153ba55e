"""One alert, or a test alert -> one signed POST to the webhook in the settings."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp
from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils import timezone
from pydantic_core import to_json

from access.models import Actor, Role
from access.rules import check_role
from engine.upstreams.connections import new_session
from engine.upstreams.reasons import reason_of
from usage.models import Alert

SIGNATURE = "X-Routing-Console-Signature"
TIMEOUT_S = 10.0
# A kind that is only for tests.
TRIAL = "test"
NO_URL = "ALERT_WEBHOOK_URL is not a URL: give one such as https://hooks.example.com/…"
UNSET = "No webhook is set: start the server with ALERT_WEBHOOK_URL."


class NotDelivered(Exception):
    """The webhook did not accept an alert; the message says why."""


async def deliver(alert: Alert) -> None:
    """Posts an alert; raises NotDelivered unless the answer is a success. Redirects are not followed."""
    await post(settings.ALERT_WEBHOOK_URL, body_of(alert), secret=settings.ALERT_WEBHOOK_SECRET, no_url=NO_URL)


async def post(url: str, body: bytes, *, secret: str, no_url: str) -> None:
    """Posts JSON; raises NotDelivered unless the answer is a success, with `no_url` for a URL that is none."""
    headers = {"Content-Type": "application/json", **signature(body, secret=secret)}
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            new_session() as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            status = answer.status
    except TimeoutError:
        raise NotDelivered(f"no answer within {TIMEOUT_S:g} s") from None
    except aiohttp.InvalidURL:  # its message would contain the URL, which is often a secret
        raise NotDelivered(no_url) from None
    except aiohttp.ClientError as error:
        raise NotDelivered(reason_of(error)) from None
    if not 200 <= status < 300:
        raise NotDelivered(f"answered {status}")


def send_test_alert(*, by: Actor) -> None:
    """Sends a test alert once, like any other. Raises NotDelivered, NotAllowed."""
    check_role(by, Role.ADMIN, to="send a test alert")
    if not settings.ALERT_WEBHOOK_URL:
        raise NotDelivered(UNSET)
    message = f"A test alert that {by.name} sent: nothing is wrong, and there is nothing to do."
    trial = Alert(kind=TRIAL, subject=TRIAL, message=message, raised_at=timezone.now())
    async_to_sync(deliver)(trial)


def host() -> str:
    """The host of the webhook; the rest of its URL is often a secret. Empty if none is set."""
    try:
        return urlsplit(settings.ALERT_WEBHOOK_URL).hostname or ""
    except ValueError:
        return ""


def body_of(alert: Alert) -> bytes:
    """The body of the webhook. `event` is `alert.raised`, `.resolved` or `.test`; times are ISO 8601."""
    return to_json(
        {
            "event": f"alert.{_event(alert)}",
            "id": alert.pk,
            "kind": alert.kind,
            "subject": alert.subject,
            "message": alert.message,
            "raised_at": _iso(alert.raised_at),
            "resolved_at": _iso(alert.resolved_at),
        }
    )


def signature(body: bytes, *, secret: str, at: int | None = None) -> dict[str, str]:
    """The header that authenticates a body and its time (Unix seconds); none without a secret."""
    if not secret:
        return {}
    stamp = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {SIGNATURE: f"t={stamp},v1={digest}"}


def _event(alert: Alert) -> str:
    if alert.kind == TRIAL:
        return "test"
    return "resolved" if alert.resolved_at else "raised"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
