"""One alert -> one message to one channel: a signed JSON, a Slack-compatible text, or an e-mail."""

from __future__ import annotations

import json
import smtplib
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from pydantic_core import to_json

from engine.upstreams.reasons import reason_of
from providers import secrets
from providers.exceptions import UnreadableKey
from usage.alerting.webhook import TRIAL, NotDelivered, body_of, post
from usage.models import Alert, AlertChannel, AlertKind, ChannelKind

NO_MAIL = "no mail server is set: start the server with EMAIL_URL"
NO_URL = "its address is not a URL any more; give it again"
TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, repr=False)
class ChannelAddress:
    """The decrypted part of a channel: a URL, or e-mail addresses with commas between; `secret` signs a webhook."""

    address: str
    secret: str = ""

    def to_text(self) -> str:
        """What is encrypted."""
        return json.dumps({"address": self.address, "secret": self.secret})


def address_of(channel: AlertChannel) -> ChannelAddress:
    """Raises UnreadableKey."""
    return ChannelAddress(**json.loads(secrets.opened(channel.ciphertext, of=channel.whose).reveal()))


async def tell(channel: AlertChannel, alert: Alert) -> None:
    """Raises NotDelivered unless the channel took it."""
    try:
        to = address_of(channel)
    except UnreadableKey as error:
        raise NotDelivered(str(error)) from None
    if channel.kind == ChannelKind.EMAIL:
        await sync_to_async(_mail, thread_sensitive=False)(to.address.split(","), alert)
    elif channel.kind == ChannelKind.SLACK:
        await post(to.address, to_json({"text": text_of(alert)}), secret="", no_url=NO_URL)
    else:
        await post(to.address, body_of(alert), secret=to.secret, no_url=NO_URL)


def text_of(alert: Alert) -> str:
    """`Raised: Provider down. Nebius has failed 3 probes in a row.`"""
    if alert.kind == TRIAL:
        return f"Routing Console: {alert.message}"
    verb = "Resolved" if alert.resolved_at else "Raised"
    return f"{verb}: {AlertKind(alert.kind).label}. {alert.message}"


def _mail(to: list[str], alert: Alert) -> None:
    if not settings.EMAIL_HOST and "smtp" in settings.EMAIL_BACKEND:
        raise NotDelivered(NO_MAIL)
    text = text_of(alert)
    began = f"Since {alert.raised_at:%Y-%m-%d %H:%M:%S} UTC."
    over = f"Over since {alert.resolved_at:%Y-%m-%d %H:%M:%S} UTC." if alert.resolved_at else ""
    message = EmailMessage(
        subject=f"[Routing Console] {text}"[:150].replace("\n", " "),
        body="\n\n".join(part for part in (text, began, over) if part),
        from_email=settings.ALERT_EMAIL_FROM,
        to=to,
        connection=get_connection(timeout=TIMEOUT_S) if "smtp" in settings.EMAIL_BACKEND else get_connection(),
    )
    try:
        message.send()
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(f"the mail server answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise NotDelivered("the mail server refused the addresses") from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"the mail server: {reason_of(error)}") from None
