"""Admins add, change, test and delete channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.transaction import atomic
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from access.models import Actor, Role
from access.rules import check_role
from engine import addresses
from engine.addresses import ForbiddenAddress
from lib.audit import CHANGED, CREATED, DELETED, changes_between, keep, texts_of
from providers import secrets
from providers.exceptions import UnreadableKey
from usage.alerting.channels.transports import ChannelAddress, address_of, tell
from usage.alerting.webhook import TRIAL
from usage.models import Alert, AlertChannel, AlertKind, ChannelKind

MOST_MAILS = 20
LONGEST_URL = 2048
FIELDS = ("name", "kind", "hint", "is_signed", "kinds", "quiet_from", "quiet_until", "timezone", "is_enabled")
NO_URL = "Give a URL such as https://hooks.example.com/…, without a password."
ROLE = "set where alerts are told"


@dataclass(frozen=True, slots=True)
class ChannelDraft:
    """The editable fields of a channel. An empty `address` or `secret` keeps the stored one; `is_unsigned` removes the
    secret."""

    name: str
    kind: ChannelKind
    address: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    is_unsigned: bool = False
    kinds: Sequence[AlertKind] = ()
    quiet_from: time | None = None
    quiet_until: time | None = None
    timezone: str = "UTC"
    is_enabled: bool = True


@atomic
def save_channel(*, by: Actor, draft: ChannelDraft, channel: AlertChannel | None = None) -> AlertChannel:
    """A new channel, or a changed one; raises ValidationError by field."""
    check_role(by, Role.ADMIN, to=ROLE)
    row = channel or AlertChannel()
    before = texts_of(row, FIELDS) if channel else {}
    _check(draft, channel)
    _write(row, draft, by)
    row.full_clean(exclude=["ciphertext", "hint", "updated_by"])
    row.save()
    keep(CHANGED if channel else CREATED, row, changes_between(before, texts_of(row, FIELDS)), by=by)
    return row


@atomic
def delete_channel(*, by: Actor, channel: AlertChannel) -> None:
    """What waits for it is not sent any more."""
    check_role(by, Role.ADMIN, to=ROLE)
    keep(DELETED, channel, changes_between(texts_of(channel, FIELDS), {}), by=by)
    channel.delete()


def send_test(*, by: Actor, channel: AlertChannel) -> None:
    """A test alert to one channel, at once and also in its quiet hours. Raises NotDelivered, NotAllowed."""
    check_role(by, Role.ADMIN, to="send a test alert")
    message = f"A test alert that {by.name} sent: nothing is wrong, and there is nothing to do."
    async_to_sync(tell)(channel, Alert(kind=TRIAL, subject=TRIAL, message=message, raised_at=timezone.now()))


@sensitive_variables("draft", "held")
def _write(row: AlertChannel, draft: ChannelDraft, by: Actor) -> None:
    held = _held(row)
    address = _tidy(draft.address, draft.kind) or held.address
    if not address:
        raise ValidationError({"address": "The stored address can't be read; give it again."})
    secret = "" if draft.is_unsigned or draft.kind != ChannelKind.WEBHOOK else draft.secret or held.secret
    for name in ("name", "kind", "quiet_from", "quiet_until", "timezone", "is_enabled"):
        setattr(row, name, getattr(draft, name))
    row.kinds = [] if set(draft.kinds) == set(AlertKind) else sorted(draft.kinds)
    row.hint, row.is_signed, row.updated_by = _hint(address, draft.kind), bool(secret), by.name
    if ChannelAddress(address, secret) != held:
        row.ciphertext = secrets.encrypt(ChannelAddress(address, secret).to_text())


def _held(row: AlertChannel) -> ChannelAddress:
    """Empty for a new channel, and for one that the ENCRYPTION_KEYS do not read any more."""
    try:
        return address_of(row) if row.ciphertext else ChannelAddress("")
    except UnreadableKey:
        return ChannelAddress("")


def _check(draft: ChannelDraft, channel: AlertChannel | None) -> None:
    if not draft.address and (channel is None or channel.kind != draft.kind):
        raise ValidationError({"address": "Give the address that alerts are sent to."})
    if draft.address:
        _check_mails(draft.address) if draft.kind == ChannelKind.EMAIL else _check_url(draft.address)
    if (draft.quiet_from is None) != (draft.quiet_until is None):
        raise ValidationError({"quiet_until": "Give both ends of the quiet hours, or neither."})
    if draft.quiet_from is not None and draft.quiet_from == draft.quiet_until:
        raise ValidationError({"quiet_until": "Give another time than the start; to be silent all day, disable it."})
    try:
        ZoneInfo(draft.timezone)
    except (ValueError, OSError, KeyError):
        raise ValidationError({"timezone": "Give a time zone such as Europe/Berlin, or UTC."}) from None


def _check_url(url: str) -> None:
    """The rules of upstreams; the connection checks the address again after DNS."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or len(url) > LONGEST_URL:
            raise ValueError
        addresses.adopted().check_url(url)
    except ForbiddenAddress as error:
        raise ValidationError({"address": error.strerror or "This address can't be called."}) from None
    except ValueError:
        raise ValidationError({"address": NO_URL}) from None


def _check_mails(text: str) -> None:
    mails = _mails(text)
    if len(mails) > MOST_MAILS:
        raise ValidationError({"address": f"Give at most {MOST_MAILS} e-mail addresses."})
    for mail in mails:
        try:
            validate_email(mail)
        except ValidationError:
            raise ValidationError({"address": "Give e-mail addresses, with commas between."}) from None


def _mails(text: str) -> list[str]:
    return [mail.strip() for mail in text.replace(";", ",").split(",") if mail.strip()]


def _tidy(address: str, kind: ChannelKind) -> str:
    return ",".join(_mails(address)) if kind == ChannelKind.EMAIL else address.strip()


def _hint(address: str, kind: ChannelKind) -> str:
    """The host of a URL, whose path is often a secret; the first e-mail address and how many more."""
    if kind != ChannelKind.EMAIL:
        return (urlsplit(address).hostname or "")[:160]
    first, *more = address.split(",")
    return f"{first[:140]} and {len(more)} more" if more else first[:160]
