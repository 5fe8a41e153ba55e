"""Channels of alerts: who is told what and when, and what of a channel is stored and shown."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from access.keys import COMMAND_LINE
from engine import addresses
from gateway.background.alert_loop import PAUSES_S, ChannelSender
from lib.exceptions import NotAllowed
from tests.fakes import Exchange, ScriptedUpstream, Status
from usage.alerting import alerts, webhook
from usage.alerting.channels import channel_changes
from usage.alerting.channels.channel_changes import ChannelDraft, save_channel
from usage.alerting.channels.quiet_hours import QuietHours
from usage.models import AlertChannel, AlertDelivery, AlertKind, ChannelKind

DOWN, COST = AlertKind.PROVIDER_DOWN, AlertKind.COST_SPIKE
HOOK, SLACK, EMAIL = ChannelKind.WEBHOOK, ChannelKind.SLACK, ChannelKind.EMAIL


class Taken:
    """A receiver that says 204."""

    async def play(self, exchange: Exchange) -> None:
        exchange.head(204, {"Content-Length": "0"})
        await exchange.writer.drain()


@pytest.fixture
def receiver() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(usual=Taken()) as running:
        yield running


async def _at_once(work: Callable[[], Any]) -> Any:
    return await sync_to_async(work, thread_sensitive=True)()


def deliver() -> None:
    async_to_sync(ChannelSender(_at_once).turn)()


def channel(address: str, kind: ChannelKind = HOOK, *, name: str = "ops", **fields: Any) -> AlertChannel:
    return save_channel(by=COMMAND_LINE, draft=ChannelDraft(name, kind, address, **fields))


def down(subject: str = "p1") -> None:
    alerts.raise_alert(kind=DOWN, subject=subject, message="Nebius is down.")


@pytest.mark.parametrize(
    ("start", "end", "zone", "now", "ends"),
    [
        ("22:00", "07:00", "UTC", "2030-01-01T23:30", "2030-01-02T07:00"),
        ("22:00", "07:00", "UTC", "2030-01-01T06:59", "2030-01-01T07:00"),
        ("22:00", "07:00", "UTC", "2030-01-01T07:00", None),
        ("12:00", "13:00", "UTC", "2030-01-01T12:00", "2030-01-01T13:00"),
        ("12:00", "13:00", "UTC", "2030-01-01T11:59", None),
        ("22:00", "07:00", "Europe/Berlin", "2030-01-01T21:30", "2030-01-02T06:00"),
        ("22:00", "07:00", "Europe/Berlin", "2030-07-01T20:30", "2030-07-02T05:00"),
        ("22:00", "07:00", "America/New_York", "2030-01-01T21:30", None),
    ],
)
def test_quiet_hours_end_by_the_clock_of_their_zone(start, end, zone, now, ends):
    hours = QuietHours(time.fromisoformat(start), time.fromisoformat(end), zone)
    found = hours.ends_at(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == (ends and datetime.fromisoformat(ends).replace(tzinfo=UTC))


@pytest.mark.django_db
def test_a_webhook_gets_signed_json_and_slack_a_text(receiver):
    channel(f"{receiver.url}/a", secret="whsec")
    channel(f"{receiver.url}/b", SLACK, name="slack")
    down()
    deliver()
    alerts.resolve_alerts(kind=DOWN)
    deliver()
    deliver()
    seen = {path: [one for one in receiver.seen if one.path == path] for path in ("/v1/a", "/v1/b")}
    assert [one.body["event"] for one in seen["/v1/a"]] == ["alert.raised", "alert.resolved"]
    assert [one.body["text"] for one in seen["/v1/b"]] == [
        "Raised: Provider down. Nebius is down.",
        "Resolved: Provider down. Nebius is down.",
    ]
    stamp, digest = (part.partition("=")[2] for part in seen["/v1/a"][0].headers[webhook.SIGNATURE.lower()].split(","))
    body = json.dumps(seen["/v1/a"][0].body, separators=(",", ":"))
    assert digest == hmac.new(b"whsec", f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    assert webhook.SIGNATURE.lower() not in seen["/v1/b"][0].headers


@pytest.mark.django_db
def test_an_e_mail_says_it_in_its_subject(settings):
    channel("ada@example.com; bob@example.com", EMAIL)
    down()
    deliver()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (
        ["ada@example.com", "bob@example.com"],
        "[Routing Console] Raised: Provider down. Nebius is down.",
    )


@pytest.mark.django_db
def test_without_a_mail_server_the_delivery_says_which_setting_is_missing(settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", ""
    channel("ada@example.com", EMAIL)
    down()
    deliver()
    assert "EMAIL_URL" in AlertDelivery.objects.get().error


@pytest.mark.django_db
def test_a_channel_gets_the_kinds_that_it_is_for(receiver):
    channel(receiver.url, kinds=[COST])
    down()
    assert not AlertDelivery.objects.exists()
    alerts.raise_alert(kind=COST, subject="all", message="Today is expensive.")
    assert AlertDelivery.objects.get().alert.kind == COST


@pytest.mark.django_db
def test_a_disabled_channel_is_told_nothing(receiver):
    one = channel(receiver.url)
    down()
    save_channel(by=COMMAND_LINE, draft=ChannelDraft("ops", HOOK, is_enabled=False), channel=one)
    deliver()
    down("p2")
    deliver()
    assert (receiver.count, AlertDelivery.objects.count()) == (0, 1)


def quiet_now(**more: Any) -> dict[str, Any]:
    """Quiet hours around now, in UTC."""
    now = timezone.now()
    ends = [(now + timedelta(hours=hours)).time().replace(second=0, microsecond=0) for hours in (-2, 2)]
    return {"quiet_from": ends[0], "quiet_until": ends[1], **more}


@pytest.mark.django_db
def test_in_quiet_hours_an_alert_waits_and_one_that_is_over_by_then_is_not_told(receiver):
    channel(receiver.url, **quiet_now())
    down("p1")
    down("p2")
    deliver()
    assert receiver.count == 0
    assert {row.send_at for row in AlertDelivery.objects.all()} == {
        row.held_until for row in AlertDelivery.objects.all()
    }
    alerts.resolve_alerts(kind=DOWN, except_subjects=["p2"])
    AlertDelivery.objects.update(send_at=timezone.now())  # the quiet hours are over
    deliver()
    (told,) = receiver.seen
    assert (told.body["event"], told.body["subject"]) == ("alert.raised", "p2")


@pytest.mark.django_db
def test_a_channel_that_fails_is_tried_three_times_more_and_then_given_up(receiver):
    receiver.usual = Status(500)
    channel(receiver.url)
    down()
    waits = []
    for _ in range(len(PAUSES_S) + 1):
        deliver()
        row = AlertDelivery.objects.get()
        waits.append(row.send_at is not None)
        AlertDelivery.objects.exclude(send_at=None).update(send_at=timezone.now() - timedelta(seconds=1))
    deliver()
    assert (waits, receiver.count, row.error) == ([True, True, True, False], 4, "answered 500")


@pytest.mark.django_db
def test_what_is_stored_is_encrypted_and_an_empty_address_keeps_it(receiver):
    one = channel(f"{receiver.url}/services/very-secret", secret="whsec")
    assert "very-secret" not in f"{one.ciphertext} {one.hint} {one!r}"
    assert (one.hint, one.is_signed) == ("127.0.0.1", True)
    save_channel(by=COMMAND_LINE, draft=ChannelDraft("renamed", HOOK), channel=one)
    down()
    deliver()
    assert (receiver.seen[0].path, webhook.SIGNATURE.lower() in receiver.seen[0].headers) == (
        "/v1/services/very-secret",
        True,
    )
    unsigned = save_channel(by=COMMAND_LINE, draft=ChannelDraft("renamed", HOOK, is_unsigned=True), channel=one)
    assert not unsigned.is_signed


@pytest.mark.django_db
def test_a_channel_keeps_to_the_addresses_that_upstreams_may_have(receiver, monkeypatch):
    one = channel(receiver.url)
    monkeypatch.setattr(addresses, "_adopted", addresses.AddressPolicy(allows_private=False))
    with pytest.raises(ValidationError, match="ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS"):
        channel(receiver.url, name="second")
    with pytest.raises(webhook.NotDelivered):
        channel_changes.send_test(by=COMMAND_LINE, channel=one)
    assert receiver.count == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"address": ""}, "address"),
        ({"address": "hooks.example.com"}, "address"),
        ({"address": "https://user:pass@hooks.example.com/"}, "address"),
        ({"address": "http://169.254.169.254/latest"}, "address"),
        ({"kind": EMAIL, "address": "not an address"}, "address"),
        ({"kind": EMAIL, "address": ", ".join(f"a{n}@example.com" for n in range(21))}, "address"),
        ({"quiet_from": time(22)}, "quiet_until"),
        ({"quiet_from": time(22), "quiet_until": time(22)}, "quiet_until"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_field_is_named(fields, field):
    good = {"name": "ops", "kind": HOOK, "address": "https://hooks.example.com/x"}
    with pytest.raises(ValidationError) as caught:
        save_channel(by=COMMAND_LINE, draft=ChannelDraft(**{**good, **fields}))
    assert [*caught.value.message_dict] == [field]
    assert not AlertChannel.objects.exists()


@pytest.mark.django_db
def test_a_name_is_used_once_and_only_admins_change_channels(bob):
    channel("https://hooks.example.com/x")
    with pytest.raises(ValidationError):
        channel("https://hooks.example.com/y")
    with pytest.raises(NotAllowed):
        save_channel(by=bob, draft=ChannelDraft("second", HOOK, "https://hooks.example.com/x"))
