"""The pages of the alerts: open, resolved, rules, and channels with the webhook."""

from __future__ import annotations

import socket
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.actions import issue_key
from access.keys import COMMAND_LINE
from pages.alerts import views as pages
from tests.factories import make_group, make_provider
from tests.fakes import ScriptedUpstream, Status
from tests.page import HTMX, html_of, on_one_line, signed_in
from usage.alerting import alerts
from usage.models import Alert, AlertKind, AlertRule

pytestmark = pytest.mark.django_db
URL, RESOLVED, RULES, CHANNELS = "/alerts", "/alerts/resolved", "/alerts/rules", "/alerts/channels"
DOWN = AlertKind.PROVIDER_DOWN
THRESHOLDS = {
    "provider_down": "4",
    "cost_spike": "2.5",
    "error_rate": "5",
    "rate_limit": "80",
    "group_failing": "5",
    "secrets_differ": "1",
    "standby_dead": "3",
}
SWITCHES = {f"{kind}_is_on": "on" for kind in THRESHOLDS if kind != "rate_limit"}
reader = signed_in("charlie")


@pytest.fixture
def editor(alice):
    client = Client()
    client.force_login(alice)
    return client


def raised(kind: AlertKind = DOWN, subject: str = "", message: str = "Nebius is down.") -> Alert:
    return alerts.raise_alert(kind=kind, subject=subject or str(uuid4()), message=message)


def saved() -> dict[str, tuple[float, bool]]:
    return {rule.kind: (rule.threshold, rule.is_enabled) for rule in AlertRule.objects.all()}


def test_without_alerts_it_says_what_is_watched(reader):
    html = html_of(reader.get(URL))
    assert "No open alerts" in html
    assert "are checked every 15 seconds" in html
    assert "No resolved alerts" in html_of(reader.get(RESOLVED))


def test_an_open_alert_leads_to_what_it_is_about(reader, charlie):
    provider = make_provider(name="Nebius")
    key, _ = issue_key(by=COMMAND_LINE, owner=charlie, name="ci")
    raised(subject=str(provider.pk))
    raised(AlertKind.RATE_LIMIT, str(key.pk))
    raised(AlertKind.COST_SPIKE, "console")
    html = html_of(reader.get(URL))
    for text in (f'href="/providers/{provider.pk}">Nebius', f'href="/keys/{key.pk}">ci', 'href="/usage?period=7d"'):
        assert text in html, text


def test_dead_standbys_lead_to_their_provider_or_group_and_to_their_test_requests(reader):
    provider, group = make_provider(name="Nebius"), make_group(name="chat")
    raised(AlertKind.STANDBY_DEAD, str(provider.pk))
    raised(AlertKind.STANDBY_DEAD, "chat")
    html = html_of(reader.get(URL))
    assert f'href="/providers/{provider.pk}">Nebius' in html
    assert f'href="{reverse("group-detail", args=[group.pk])}">chat' in html
    assert (html.count("user=standby+proof"), html.count("provider=Nebius")) == (2, 1)


def test_what_is_gone_and_the_keys_of_others_are_named_without_a_link(reader, alice):
    key, _ = issue_key(by=COMMAND_LINE, owner=alice, name="hers")
    raised()
    raised(AlertKind.ERROR_RATE, "Old name")
    raised(AlertKind.RATE_LIMIT, str(key.pk))
    html = html_of(reader.get(URL))
    for text in ("A provider that is gone", "Old name", "An API key"):
        assert text in html, text
    assert str(key.pk) not in html


def test_what_is_resolved_has_a_tab_with_pages(reader, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    for number in range(3):
        raised(message=f"No {number} is down.")
        alerts.resolve_alerts(kind=DOWN)
    raised(message="Still down.")
    assert "No 2 is down." not in html_of(reader.get(URL))
    first, second = html_of(reader.get(RESOLVED)), html_of(reader.get(f"{RESOLVED}?page=2"))
    assert "Still down." not in first
    assert first.index("No 2 is down.") < first.index("No 1 is down.")
    assert ("No 0 is down." in first, "No 0 is down." in second) == (False, True)
    assert f'hx-get="{RESOLVED}?page=2"' in second


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "No webhook told"),
        ({"told_at": timezone.now()}, "Webhook told"),
        ({"send_at": timezone.now()}, "Webhook is being told"),
        ({"send_at": timezone.now(), "send_error": "answered 500"}, "answered 500; it is tried again"),
        ({"send_error": "answered 500", "failed_sends": 4}, "answered 500; it was given up after 4 attempts"),
    ],
)
def test_each_alert_says_whether_the_webhook_was_told_and_if_not_why(reader, settings, fields, text):
    raised()
    Alert.objects.update(**fields)
    settings.ALERT_WEBHOOK_URL = "https://hooks.example.com"
    assert text in html_of(reader.get(URL))


def test_what_waits_for_a_webhook_that_was_unset_says_so(reader, settings):
    settings.ALERT_WEBHOOK_URL = "https://hooks.example.com"
    raised()
    settings.ALERT_WEBHOOK_URL = ""
    assert "Webhook not told: no webhook is set" in html_of(reader.get(URL))
    settings.ALERT_WEBHOOK_URL = "https://hooks.example.com"
    assert "Webhook is being told" in html_of(reader.get(URL))


def test_how_long_it_lasted_is_said(reader):
    raised()
    alerts.resolve_alerts(kind=DOWN)
    assert "under a minute" in html_of(reader.get(RESOLVED))
    Alert.objects.update(raised_at=timezone.now() - timedelta(hours=3, minutes=5))
    assert "3\xa0hours" in html_of(reader.get(RESOLVED))


def test_htmx_gets_the_lists_alone(reader):
    for url, part in ((URL, "open-alerts"), (RESOLVED, "resolved-alerts")):
        html = on_one_line(html_of(reader.get(url, headers=HTMX)))
        assert html.strip().startswith(f'<section id="{part}"')
        assert "<nav" not in html.partition("</section>")[2]


def test_an_admin_sets_thresholds_and_switches(editor):
    answer = editor.post(f"{URL}/rules", {**THRESHOLDS, **SWITCHES})
    assert (answer.status_code, answer.url) == (302, RULES)
    assert saved() == {"provider_down": (4, True), "cost_spike": (2.5, True), "rate_limit": (80, False)}
    html = html_of(editor.get(RULES))
    assert "The thresholds are saved." in html
    assert 'value="2.5"' in html
    answer = editor.post(f"{URL}/rules", {**THRESHOLDS, "rate_limit_is_on": "on"}, headers=HTMX)
    assert html_of(answer).strip().startswith('<section class="card" id="alert-rules"')
    assert saved()["rate_limit"] == (80, True)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_threshold_that_makes_no_sense_is_said_beside_it_and_what_was_typed_stays(editor, headers):
    typed = {**THRESHOLDS, **SWITCHES, "provider_down": "2.5", "error_rate": "many", "rate_limit": ""}
    answer = editor.post(f"{URL}/rules", typed, headers=headers)
    html = html_of(answer)
    assert (answer.status_code, saved()) == (422, {})
    for text in ("Give a whole number from 1 to 100.", 'value="2.5"', 'value="many"', "Give a number from 1 to 99."):
        assert text in html, text


def test_viewers_read_and_only_admins_write(reader, client, bob, dora):
    html = html_of(reader.get(RULES))
    assert "Changing them needs the role admin." in html
    assert "Save thresholds" not in html
    for person in (bob, dora):
        client.force_login(person)
        assert client.post(f"{URL}/rules", THRESHOLDS).status_code == 403
        assert client.post(f"{URL}/test").status_code == 403
    assert client.get(URL).status_code == 403
    assert saved() == {}


def test_the_anonymous_are_asked_to_sign_in_and_wrong_methods_refused(client, editor):
    assert client.get(URL).url == f"/sign-in?next={URL}"
    assert (editor.post(URL).status_code, editor.post(CHANNELS).status_code, editor.put(RULES).status_code) == (
        405,
        405,
        405,
    )
    assert editor.get(f"{URL}/test").status_code == 405


def test_without_a_webhook_the_settings_are_named(editor, settings):
    settings.ALERT_WEBHOOK_URL = ""
    html = html_of(editor.get(CHANNELS))
    assert "ALERT_WEBHOOK_URL" in html
    assert "Send a test alert" not in html
    assert "No webhook is set" in html_of(editor.post(f"{URL}/test"))


def test_only_admins_are_told_the_host_and_nobody_the_address(editor, reader, settings):
    settings.ALERT_WEBHOOK_URL = "https://hooks.example.com/services/secret-of-the-hook"
    settings.ALERT_WEBHOOK_SECRET = ""
    html, readers = html_of(editor.get(CHANNELS)), html_of(reader.get(CHANNELS))
    assert ("hooks.example.com" in html, "hooks.example.com" in readers) == (True, False)
    assert "secret-of" not in html + readers
    assert "ALERT_WEBHOOK_SECRET" in html


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_test_alert_is_sent_at_once_and_the_page_says_what_came_of_it(editor, settings, headers):
    with ScriptedUpstream() as receiver:
        settings.ALERT_WEBHOOK_URL = f"{receiver.url}/hook"
        assert "The webhook accepted it." in html_of(editor.post(f"{URL}/test", headers=headers))
        receiver.usual = Status(500)
        assert "Not delivered: answered 500" in html_of(editor.post(f"{URL}/test", headers=headers))
    assert receiver.seen[0].body["event"] == "alert.test"
    assert "alice" in receiver.seen[0].body["message"]
    assert not Alert.objects.exists()


def test_a_webhook_that_does_not_listen_is_an_error_on_the_page(editor, settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{free.getsockname()[1]}/hook"
        html = html_of(editor.post(f"{URL}/test"))
    assert "Not delivered: " in html


def test_few_queries_for_any_number_of_alerts(reader, charlie, django_assert_num_queries):
    for _ in range(5):
        raised(subject=str(make_provider().pk))
        raised(AlertKind.RATE_LIMIT, str(issue_key(by=COMMAND_LINE, owner=charlie, name="ci")[0].pk))
        raised(AlertKind.ERROR_RATE)
        alerts.resolve_alerts(kind=AlertKind.ERROR_RATE)
    with django_assert_num_queries(
        7
    ):  # session, person, the list, subjects (2), who was told, the count of the sidebar
        reader.get(URL)
    with django_assert_num_queries(7):  # session, person, the page with its number, subjects, who was told, the count
        reader.get(RESOLVED)


def test_an_operator_acknowledges_and_withdraws_on_the_page_and_comes_back(bob, reader):
    operator = Client()
    operator.force_login(bob)
    alert = raised()
    assert "Acknowledge<" not in html_of(reader.get(URL))
    assert f'name="acknowledge" value="{alert.pk}"' in on_one_line(html_of(operator.get(URL)))
    answer = operator.post(f"{URL}/acknowledge", {"acknowledge": alert.pk, "next": "/?period=1h"})
    assert (answer.status_code, answer["Location"]) == (302, "/?period=1h")
    assert "Acknowledged by bob," in on_one_line(html_of(reader.get(URL)))
    operator.post(f"{URL}/acknowledge", {"withdraw": alert.pk})
    assert "Acknowledged by" not in on_one_line(html_of(reader.get(URL)))


def test_what_can_not_be_acknowledged_is_said(bob):
    operator = Client()
    operator.force_login(bob)
    alert = raised()
    alerts.resolve_alerts(kind=DOWN)
    html = html_of(operator.post(f"{URL}/acknowledge", {"acknowledge": alert.pk}, follow=True))
    assert "only open ones are acknowledged" in html
    asked: list[dict[str, str]] = [{}, {"acknowledge": "all"}, {"withdraw": "9" * 30}]
    asked.append({"acknowledge": f"{alert.pk + 1}"})
    assert {operator.post(f"{URL}/acknowledge", one).status_code for one in asked} == {404}
