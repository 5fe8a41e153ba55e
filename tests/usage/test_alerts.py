"""Alerts: raised once, resolved, and told to a webhook that signs what it gets."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction
from django.utils import timezone

from engine import addresses
from gateway.background.alert_loop import PAUSES_S, WebhookSender
from tests.fakes import Exchange, ScriptedUpstream, Status
from tests.odd_servers import Moved
from usage.alerting import alerts, webhook
from usage.models import Alert, AlertKind

pytestmark = pytest.mark.django_db
DOWN = AlertKind.PROVIDER_DOWN
SECRET = "whsec-of-a-test"


class Taken:
    """A webhook that says 204."""

    async def play(self, exchange: Exchange) -> None:
        exchange.head(204, {"Content-Length": "0"})
        await exchange.writer.drain()


@pytest.fixture
def receiver(settings) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(usual=Taken()) as running:
        settings.ALERT_WEBHOOK_URL = running.url + "/hook?team=a"
        settings.ALERT_WEBHOOK_SECRET = SECRET
        yield running


async def _at_once(work):
    from asgiref.sync import sync_to_async

    return await sync_to_async(work, thread_sensitive=True)()


def deliver() -> None:
    async_to_sync(WebhookSender(_at_once).turn)()


def down(subject: str = "p1", message: str = "Nebius is down") -> Alert:
    return alerts.raise_alert(kind=DOWN, subject=subject, message=message)


def test_an_open_alert_is_raised_once_and_its_words_follow():
    assert down() == down(message="Nebius is still down")
    assert Alert.objects.get().message == "Nebius is still down"


def test_the_database_keeps_it_to_one_open_alert():
    now = timezone.now()
    down()
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(kind=DOWN, subject="p1", message="again", raised_at=now)


def test_what_is_over_is_resolved_and_may_be_raised_again():
    down("p1")
    down("p2")
    assert alerts.resolve_alerts(kind=DOWN, except_subjects=["p2"]) == 1
    assert [alert.subject for alert in Alert.objects.open()] == ["p2"]
    down("p1")
    assert Alert.objects.filter(subject="p1").count() == 2


def test_without_a_webhook_nothing_is_to_be_sent():
    assert down().send_at is None


def test_the_webhook_gets_a_signed_alert_and_its_end(receiver):
    alert = down()
    deliver()
    alerts.resolve_alerts(kind=DOWN)
    deliver()
    deliver()
    first, second = receiver.seen
    assert (first.body["event"], second.body["event"]) == ("alert.raised", "alert.resolved")
    assert first.body.items() >= {"id": alert.pk, "subject": "p1", "message": "Nebius is down"}.items()
    assert second.body["resolved_at"]
    assert is_signed(first)


def is_signed(exchange: Exchange) -> bool:
    """As a receiver checks it."""
    stamp, digest = (part.partition("=")[2] for part in exchange.headers[webhook.SIGNATURE.lower()].split(","))
    body = json.dumps(exchange.body, separators=(",", ":"))
    return digest == hmac.new(SECRET.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()


def test_a_signature_is_reproducible():
    header = webhook.signature(b"{}", secret="s", at=1)[webhook.SIGNATURE]
    assert header == "t=1,v1=" + hmac.new(b"s", b"1.{}", hashlib.sha256).hexdigest()
    assert webhook.signature(b"{}", secret="") == {}


def test_a_webhook_that_fails_is_tried_three_times_more_with_growing_pauses(receiver):
    receiver.usual = Status(500)
    down()
    pauses = []
    for _ in range(len(PAUSES_S) + 1):
        deliver()
        row = Alert.objects.get()
        pauses.append(row.send_at and round((row.send_at - timezone.now()).total_seconds()))
        Alert.objects.exclude(send_at=None).update(send_at=timezone.now() - timedelta(seconds=1))
    assert pauses == [2, 10, 60, None]
    deliver()
    assert (receiver.count, Alert.objects.get().send_error) == (4, "answered 500")


def test_a_redirect_is_no_delivery_and_is_not_followed(receiver):
    receiver.usual = Moved(receiver.url)
    down()
    deliver()
    assert (receiver.count, Alert.objects.get().send_error) == (1, "answered 302")


def test_a_webhook_that_is_no_url_is_named_but_not_repeated(settings):
    settings.ALERT_WEBHOOK_URL = "hooks.example.com/services/secret-of-the-hook"
    down()
    deliver()
    assert "ALERT_WEBHOOK_URL" in Alert.objects.get().send_error
    assert "secret-of" not in Alert.objects.get().send_error


def test_the_webhook_keeps_to_the_address_policy(receiver):
    before = addresses.adopted()
    addresses.adopt(addresses.AddressPolicy())
    down()
    deliver()
    addresses.adopt(before)
    assert receiver.count == 0
    assert "Private addresses are off" in Alert.objects.get().send_error


def test_an_alert_that_is_over_before_it_was_told_is_still_told(receiver):
    alert = down()
    claimed = alerts.claim_unsent(lease_s=60)
    alerts.resolve_alerts(kind=DOWN)
    alerts.record_sent(claimed[0])
    alert.refresh_from_db()
    assert alert.send_at is not None


def test_two_processes_do_not_both_tell_it(receiver):
    down()
    assert len(alerts.claim_unsent(lease_s=60)) == 1
    assert alerts.claim_unsent(lease_s=60) == []


def test_alerts_that_were_over_90_days_ago_are_forgotten_some_at_a_time(monkeypatch):
    monkeypatch.setattr(alerts, "ROWS_AT_ONCE", 2)
    for age_days in (91, 92, 93, 89, 0):
        ended = timezone.now() - timedelta(days=age_days)
        Alert.objects.create(kind=DOWN, subject=str(age_days), raised_at=ended, resolved_at=ended if age_days else None)
    assert [alerts.forget_old_alerts() for _ in range(3)] == [2, 1, 0]
    assert set(Alert.objects.values_list("subject", flat=True)) == {"89", "0"}


def test_when_the_webhook_took_it_is_kept(receiver):
    down()
    deliver()
    assert Alert.objects.get().told_at is not None


def test_the_host_of_a_webhook_that_is_no_url_is_unknown(settings):
    for url, host in (("https://hooks.example.com/secret", "hooks.example.com"), ("http://[", ""), ("", "")):
        settings.ALERT_WEBHOOK_URL = url
        assert webhook.host() == host
