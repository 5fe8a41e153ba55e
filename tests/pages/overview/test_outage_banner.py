"""The banner of the overview: the open alerts about groups, and nothing else; told aloud once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pydantic_core import from_json

from groups.models import RoutingGroup
from pages.formats import ms
from pages.groups.home.home_state import home_of
from pages.overview.before_list import first_failures
from pages.overview.failing_groups import ranked_groups
from tests.factories import make_group
from tests.page import HTMX, html_of, on_one_line, signed_in
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.alerting import acknowledge, settle
from usage.alerting.alerts import resolve_alerts
from usage.alerting.webhook import body_of
from usage.health.causes import callers_of
from usage.models import Alert, AlertKind

pytestmark = pytest.mark.django_db
reader = signed_in("charlie")


def failed(times: int, *, group: str = "chat", **fields: Any) -> None:
    attempt = tried("OpenAI", status="error")
    log(*(finished(model_group=group, status=503, attempts=[attempt], **fields) for _ in range(times)))
    settle([AlertKind.GROUP_FAILING])


def part(client: Any, name: str, seen: str = "") -> Any:
    return client.get(f"/?part={name}&seen={seen}", headers=HTMX)


def digest_of(client: Any, name: str) -> str:
    return html_of(part(client, name)).partition("seen=")[2].partition('"')[0]


def test_it_says_which_group_since_when_how_many_callers_why_and_what_to_do(reader):
    group = make_group(name="chat")
    failed(5, owner="ada")
    failed(3, owner="ada", key_id="k1")
    failed(2, owner="bob", key_id="k2")
    html = html_of(part(reader, "outages"))
    (alert,) = Alert.objects.open()
    assert "chat fails its callers" in html
    assert f"{alert.raised_at:%H:%M} UTC" in html
    assert "failed 10 of 10 requests in the last 10 minutes (100\u202f%): OpenAI answered 503." in html
    assert "3 callers got an error" in html
    addresses = (f"/groups/{group.pk}", "/requests?group=chat&amp;outcome=failed", f"/groups/{group.pk}/live")
    assert [address for address in addresses if f'href="{address}"' not in html] == []


def test_it_has_the_words_of_the_alert_and_goes_with_it(reader):
    failed(5)
    (alert,) = Alert.objects.open()
    assert alert.message in html_of(reader.get("/"))
    resolve_alerts(kind=AlertKind.GROUP_FAILING)
    html = html_of(reader.get("/"))
    assert "fails its callers" not in html
    assert 'role="alert"' not in html


def test_no_other_part_says_that_all_is_well_while_it_is_there(reader):
    group = make_group(name="chat")
    failed(40)
    log(*(finished(model_group="chat", attempts=[tried()]) for _ in range(60)))
    settle([AlertKind.GROUP_FAILING])
    html = html_of(reader.get("/"))
    assert "chat fails its callers" in html
    assert "state-healthy" not in html
    assert "40 of 100 requests failed" in html_of(part(reader, "trouble"))
    assert "40 of 100 requests failed" in html_of(reader.get(f"/groups/activity?id={group.pk}", headers=HTMX))


def test_what_happened_before_has_changes_and_the_first_failures_in_order(reader):
    make_group(name="chat")
    failed(5)
    html = on_one_line(html_of(reader.get("/")))
    assert "What happened before" in html
    assert "OpenAI answers 503, first caller fails" in html
    assert f"Rewind chat to {Alert.objects.get().raised_at:%H:%M}" in html


def test_each_provider_is_told_once_with_its_first_failure():
    at = datetime(2030, 5, 4, 9, 12, tzinfo=UTC)
    failures = [
        (at, [tried("Nebius", status="error")]),
        (at, [tried("Nebius", status="error"), tried("Azure", status="error", status_code=None)]),
    ]
    assert [(one.says, one.is_loss) for one in first_failures(failures)] == [
        ("Nebius answers 503, first caller fails", True),
        ("Azure can't be reached or breaks off", True),
    ]


def test_while_nothing_fails_there_is_none(reader):
    log(finished(model_group="chat", attempts=[tried()]))
    settle()
    html = html_of(reader.get("/"))
    assert "fails its callers" not in html
    assert "state-healthy" in html
    assert "What happened before" not in html


def test_it_is_told_aloud_once_and_not_with_every_number(reader):
    failed(5)
    said, shown = digest_of(reader, "said"), digest_of(reader, "outages")
    assert html_of(part(reader, "said")).count('role="alert"') == 1
    failed(5)
    assert part(reader, "said", said).status_code == 204
    assert part(reader, "outages", shown).status_code == 200
    failed(5, group="other")
    assert part(reader, "said", said).status_code == 200


def test_a_lone_model_has_a_banner_without_a_group_to_open(reader):
    failed(5, group="OpenAI/gpt-4o")
    html = html_of(part(reader, "outages"))
    assert "OpenAI/gpt-4o fails its callers" in html
    assert "Open the group" not in html
    assert "/requests?group=OpenAI/gpt-4o&amp;outcome=failed" in html


def test_the_page_the_api_and_the_webhook_of_alerts_name_the_group(reader, as_charlie):
    group = make_group(name="chat")
    failed(5)
    html = html_of(reader.get("/alerts"))
    assert "Group failing" in html
    assert f'<a href="/groups/{group.pk}">chat</a>' in html
    (said,) = as_charlie.get("/api/v1/llm/alerts?kind=group_failing").json()["alerts"]
    assert (said["kind"], said["subject"]) == ("group_failing", "chat")
    posted = from_json(body_of(Alert.objects.get()))
    assert (posted["event"], posted["kind"], posted["subject"]) == ("alert.raised", "group_failing", "chat")


def test_the_group_that_fails_the_most_callers_now_comes_first_in_banners_and_list(reader):
    for name, times in (("first", 5), ("worst", 9), ("second", 6)):
        failed(times, group=name)
    log(*(finished(model_group="second", attempts=[tried("OpenAI", status="error"), tried()]) for _ in range(20)))
    names = ["worst", "second", "first"]
    outages = html_of(part(reader, "outages"))
    assert sorted(names, key=lambda name: outages.index(f"{name} fails its callers")) == names
    trouble = ranked_groups().groups
    assert [(group.name, group.failed) for group in trouble] == [("worst", 9), ("second", 6), ("first", 5)]
    html = html_of(part(reader, "trouble"))
    assert "9 of 9 requests failed" in html
    assert "/requests?group=worst&amp;outcome=failed" in html


def test_the_answers_of_all_groups_are_added_up_once_a_page_for_any_number_of_outages(reader):
    for name in ("first", "second", "third"):
        failed(5, group=name)
    with CaptureQueriesContext(connection) as found:
        html = html_of(reader.get("/"))
    assert html.count("fails its callers") >= 3
    sums = [one["sql"] for one in found if "usage_recentcount" in one["sql"] and "'group'" in one["sql"]]
    assert len([sql for sql in sums if "subject" in sql and " IN (" not in sql]) == 1


def test_callers_are_counted_by_the_database_by_key_and_without_one_by_person(monkeypatch, django_assert_num_queries):
    for key_id, owner in (("k1", "ann"), ("k1", "ben"), ("k2", "ann"), ("", "ann"), ("", "ann")):
        failed(1, group="chat", key_id=key_id, owner=owner)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with django_assert_num_queries(1):
        assert callers_of("chat", since=long_ago) == "3 callers"
    assert callers_of("nobody", since=long_ago) == "0 callers"
    monkeypatch.setattr("usage.health.causes.MOST_CALLERS", 5)
    assert callers_of("chat", since=long_ago) == "at least 3 callers"


def test_an_acknowledged_outage_stays_but_calm_and_below_those_that_nobody_has_taken(reader, bob):
    failed(9, group="taken")
    failed(5, group="open")
    acknowledge(by=bob, alert_id=Alert.objects.get(subject="taken").pk)
    html = on_one_line(html_of(part(reader, "outages")))
    assert html.index("open fails its callers") < html.index("taken fails its callers")
    assert (html.count("alert outage bad"), html.count("alert outage is-acknowledged")) == (1, 1)
    assert "Acknowledged by bob," in html
    assert 'name="acknowledge"' not in html
    assert "Acknowledged</span>" in on_one_line(html_of(part(reader, "alerts")))


def test_an_operator_acknowledges_the_banner(bob):
    operator = Client()
    operator.force_login(bob)
    failed(5)
    before = html_of(operator.get("/"))
    alert = Alert.objects.get()
    assert f'id="acknowledge-{alert.pk}"' in before
    assert digest_of(operator, "outages") == digest_of(operator, "outages")
    operator.post("/alerts/acknowledge", {"acknowledge": alert.pk, "next": "/"})
    assert f'id="withdraw-{alert.pk}"' in html_of(operator.get("/"))


def test_the_p95_of_a_group_is_that_of_its_page(reader):
    group = make_group(name="chat")
    log(*(finished(model_group="chat", duration_ms=100.0 * n, attempts=[tried()]) for n in range(1, 21)))
    failed(5)
    (ranked,) = ranked_groups().groups
    home = home_of(RoutingGroup.objects.with_deployments().get(pk=group.pk), now=timezone.now())
    assert ranked.p95_ms == home.p95_ms is not None
    assert f'<td class="number p95">{ms(ranked.p95_ms)}</td>' in html_of(part(reader, "trouble"))
