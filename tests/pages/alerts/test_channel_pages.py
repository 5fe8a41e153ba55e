"""Channels on the page of alerts: added, changed, tested and deleted; and the requests behind an alert."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from access.keys import COMMAND_LINE
from tests.factories import make_group, make_provider
from tests.fakes import ScriptedUpstream, Status
from tests.page import HTMX, html_of, signed_in
from tests.usage.logged import logged
from usage.alerting import alerts
from usage.alerting.channels.channel_changes import ChannelDraft, save_channel
from usage.models import AlertChannel, AlertDelivery, AlertKind, ChannelKind

pytestmark = pytest.mark.django_db
URL, CHANNELS = "/alerts", "/alerts/channels"
NEW = f"{URL}/channels/new"
FIELDS = {
    "name": "Ops room",
    "kind": "slack",
    "address": "https://hooks.example.com/services/T0/secret-part",
    "kinds": ["group_failing", "provider_down"],
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "timezone": "Europe/Berlin",
    "is_enabled": "on",
}
admin, reader = signed_in("alice"), signed_in("charlie")


def ops(address: str = "https://hooks.example.com/x") -> AlertChannel:
    return save_channel(by=COMMAND_LINE, draft=ChannelDraft("Ops room", ChannelKind.WEBHOOK, address))


def test_a_channel_is_added_and_its_address_never_shown_again(admin):
    assert admin.post(NEW, FIELDS).url == "/"
    html = html_of(admin.get(CHANNELS))
    for text in ("Ops room", "hooks.example.com", "Group failing, Provider down", "quiet 22:00 to 07:00 Europe/Berlin"):
        assert text in html, text
    one = AlertChannel.objects.get()
    for page in (URL, f"{URL}/channels/{one.pk}"):
        assert "secret-part" not in html_of(admin.get(page))


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_is_wrong_stands_beside_its_field_and_the_address_is_not_repeated(admin, headers):
    answer = admin.post(NEW, {**FIELDS, "timezone": "Mars", "kinds": []}, headers=headers)
    assert answer.status_code == 422
    html = html_of(answer)
    assert "secret-part" not in html
    answer = admin.post(NEW, {**FIELDS, "timezone": "Mars"}, headers=headers)
    assert "Give a time zone such as Europe/Berlin" in html_of(answer)
    assert not AlertChannel.objects.exists()


def test_a_channel_is_changed_without_its_address_and_deleted_after_a_question(admin):
    one = ops()
    path = f"{URL}/channels/{one.pk}"
    assert admin.post(path, {**FIELDS, "kind": "webhook", "address": "", "name": "Night watch"}).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.hint) == ("Night watch", "hooks.example.com")
    assert "Delete this channel?" in html_of(admin.get(f"{path}/delete"))
    assert admin.post(f"{path}/delete").url == CHANNELS
    assert not AlertChannel.objects.exists()


def test_a_test_says_whether_it_arrived(admin):
    with ScriptedUpstream() as hook:
        one = ops(hook.url)
        answer = admin.post(f"{URL}/channels/{one.pk}/test", follow=True)
        assert "Ops room took the test alert." in html_of(answer)
        hook.usual = Status(500)
        answer = admin.post(f"{URL}/channels/{one.pk}/test", follow=True)
        assert "Ops room did not get the test alert: answered 500." in html_of(answer)
        assert hook.seen[0].body["event"] == "alert.test"


def test_readers_see_which_channels_there_are_but_not_where(reader):
    ops()
    html = html_of(reader.get(CHANNELS))
    assert "Ops room" in html
    assert "hooks.example.com" not in html
    assert "Add channel" not in html


def test_an_alert_says_what_each_channel_knows(reader):
    ops()
    alerts.raise_alert(kind=AlertKind.PROVIDER_DOWN, subject="p1", message="Nebius is down.")
    assert "Ops room: is being told" in html_of(reader.get(URL))
    AlertDelivery.objects.update(send_at=None, told_at=timezone.now())
    assert "Ops room: told" in html_of(reader.get(URL))
    AlertDelivery.objects.update(error="answered 500")
    assert "Ops room: answered 500; given up" in html_of(reader.get(URL))
    AlertDelivery.objects.update(held_until=timezone.now() + timedelta(hours=1))
    assert "waits for the end of quiet hours" in html_of(reader.get(URL))


def test_an_alert_leads_to_the_requests_behind_it(reader):
    make_group(name="chat")
    logged("lost", age_min=2, status=503, model_group="chat")
    logged("fine", age_min=2, model_group="chat")
    logged("old", age_min=60, status=503, model_group="chat")
    alerts.raise_alert(kind=AlertKind.GROUP_FAILING, subject="chat", message="chat fails.")
    (row,) = reader.get(URL).context["open"]
    assert parse_qs(urlsplit(row.requests_url).query).keys() == {"group", "outcome", "since"}
    rows = reader.get(row.requests_url).context["rows"]
    assert [found.record.call_id for found in rows] == ["lost"]


def test_the_link_of_a_provider_names_it_and_ends_with_the_alert(reader):
    provider = make_provider(name="Nebius")
    alerts.raise_alert(kind=AlertKind.ERROR_RATE, subject=str(provider.pk), message="Nebius fails.")
    alerts.resolve_alerts(kind=AlertKind.ERROR_RATE)
    (row,) = reader.get(f"{URL}/resolved").context["resolved"]
    assert parse_qs(urlsplit(row.requests_url).query).keys() == {"provider", "since", "until"}
    assert reader.get(row.requests_url).status_code == 200


def test_the_start_of_the_window_is_whole_minutes_before_the_alert(reader):
    make_group(name="chat")
    alert = alerts.raise_alert(kind=AlertKind.GROUP_FAILING, subject="chat", message="chat fails.")
    (row,) = reader.get(URL).context["open"]
    (since,) = parse_qs(urlsplit(row.requests_url).query)["since"]
    assert since == f"{alert.raised_at - timedelta(minutes=10):%Y-%m-%dT%H:%M}"
