"""The overview: today's numbers, trouble, runs and alerts, and how its parts keep themselves up to date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pages.overview.failing_groups import MOST_SHOWN, worst_groups
from pages.overview.figures import HEIGHT, split
from tester.models import Run, RunStatus
from tests.factories import make_group, make_provider
from tests.page import HTMX, html_of, signed_in
from tests.usage.cooling import cooling
from tests.usage.logged import logged, tried
from usage.alerting import alerts
from usage.analytics import Point, Totals
from usage.health.activity import GroupState
from usage.models import AlertKind

pytestmark = pytest.mark.django_db
NOON = datetime(2030, 5, 4, 12, 30, tzinfo=UTC)
reader = signed_in("charlie")


def point(hours_ago: int, requests: int, failures: int = 0) -> Point:
    start = NOON.replace(minute=0) - timedelta(hours=hours_ago)
    return Point(start, Totals(requests, requests - failures, failures, cost_usd=requests / 100))


def failed(provider: str = "Nebius") -> dict:
    return tried(provider, status="error", moved_on="fallback_error")


def part(client, name: str, seen: str = ""):
    return client.get(f"/?part={name}&seen={seen}", headers=HTMX)


def test_yesterday_counts_until_the_same_time():
    now, before, hours = split([point(24, 10), point(25, 6), point(20, 99), point(0, 12, 3), point(2, 8)], NOON)
    assert (now.requests, now.failures, now.success_rate) == (20, 3, 0.85)
    assert before.requests == 11
    assert before.cost_usd == pytest.approx(0.11)
    assert [h.requests for h in hours[10:13]] == [8, 0, 12]
    assert (hours[16].before, hours[16].is_ahead, hours[12].is_ahead) == (HEIGHT, True, False)


def test_a_day_without_requests_has_no_rates_and_no_bars():
    now, before, hours = split([], NOON)
    assert (now.success_rate, before.requests, len(hours)) == (None, 0, 24)
    assert not any(hour.height or hour.before for hour in hours)


def test_the_numbers_of_today_are_those_of_the_log(reader):
    make_group()
    make_provider(error="Timeout")
    make_provider()
    for number in range(3):
        logged(f"a{number}", age_min=0, cost_usd=0.25)
    logged("bad", age_min=0, status=503)
    html = html_of(reader.get("/"))
    for text in ("$0.75", "75.0\u2009%", "1 failed", "of 1", "1 failing"):
        assert text in html, text
    assert "From here to the first answer" not in html


def test_a_newcomer_is_led_from_a_provider_to_the_first_request(client, alice, charlie):
    client.force_login(alice)
    html = html_of(client.get("/"))
    for address in ("/providers/new", "/groups/new", "/groups", "/api/docs"):
        assert f'href="{address}"' in html, address
    make_provider()
    assert "step-provider" not in html_of(client.get("/"))
    client.force_login(charlie)
    assert "An operator can do this" in html_of(client.get("/"))


def test_groups_with_trouble_come_worst_first_also_when_the_callers_were_answered():
    make_group(name="falls-back")
    for number in range(10):
        logged(f"f{number}", model_group="falls-back", attempts=[failed(), tried("Azure")])
        logged(f"w{number}", model_group="well")
        logged(f"d{number}", model_group="degraded", attempts=[failed() if number < 2 else tried(), tried("Azure")])
    logged("old", model_group="over", age_min=30, status=503, attempts=[failed()])
    found = worst_groups().groups
    states = [(group.name, group.health.state) for group in found]
    assert states == [("falls-back", GroupState.FAILING), ("degraded", GroupState.DEGRADED)]
    assert found[0].health.why == "Nebius failed 10 of 10"
    assert (found[0].id is not None, found[1].id) == (True, None)


def test_of_many_groups_in_trouble_the_first_few_are_shown(django_assert_num_queries):
    for number in range(MOST_SHOWN + 3):
        logged(f"a{number}", model_group=f"group-{number}", status=503, attempts=[failed()])
    with django_assert_num_queries(4):
        found = worst_groups()
    assert (len(found.groups), found.more) == (MOST_SHOWN, 3)


def test_cooldowns_runs_and_alerts_are_listed(reader):
    cooling()
    result = {"total_requests": 200, "failed_requests": 20}
    run = {"group_name": "chat", "group_revision": 1, "scenario": "Rush hour", "seed": 7, "created_by": "bob"}
    Run.objects.create(**run, status=RunStatus.DONE, result=result)
    alerts.raise_alert(kind=AlertKind.PROVIDER_DOWN, subject="a", message="Nebius is down.")
    html = html_of(reader.get("/"))
    for text in ("Llama", "after 2×429", "Rush hour", "90\u2009%", "200 sent", "Nebius is down.", "Open"):
        assert text in html, text


def test_an_open_alert_stands_before_those_that_are_over(reader):
    for subject in ("a", "b"):
        alerts.raise_alert(kind=AlertKind.PROVIDER_DOWN, subject=subject, message=f"{subject} is down.")
    alerts.resolve_alerts(kind=AlertKind.PROVIDER_DOWN, except_subjects=["a"])
    html = html_of(reader.get("/"))
    assert html.index("a is down.") < html.index("b is down.")


@pytest.mark.parametrize("name", ["said", "outages", "figures", "trouble", "runs", "alerts"])
def test_a_part_is_sent_again_only_when_it_has_changed(reader, name):
    html = html_of(part(reader, name))
    assert html.strip().startswith(f'<div id="overview-{name}"')
    seen = html.partition("seen=")[2].partition('"')[0]
    assert part(reader, name, seen).status_code == 204
    assert part(reader, name, "other").status_code == 200


def test_a_request_changes_the_figures(reader):
    seen = html_of(part(reader, "figures")).partition("seen=")[2].partition('"')[0]
    logged("a", age_min=0)
    assert part(reader, "figures", seen).status_code == 200


def test_a_part_that_is_none_is_the_whole_page(reader):
    assert "<h1>Overview</h1>" in html_of(part(reader, "nothing"))
    assert "<h1>Overview</h1>" in html_of(reader.get("/?part=runs"))


def test_strangers_are_refused_and_the_anonymous_asked_to_sign_in(client, dora):
    assert client.get("/").url == "/sign-in?next=/"
    client.force_login(dora)
    answer = client.get("/")
    assert answer.status_code == 403
    assert "see the overview" in html_of(answer)
    assert client.post("/").status_code == 405


def test_at_most_18_queries(reader, django_assert_max_num_queries):
    for number in range(20):
        logged(f"a{number}", model_group=f"group-{number}", status=503, attempts=[failed(f"P{number}")])
        Run.objects.create(group_name="g", group_revision=1, scenario="s", seed=1, created_by="bob")
    with django_assert_max_num_queries(18):
        reader.get("/")
