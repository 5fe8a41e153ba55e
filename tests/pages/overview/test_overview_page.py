"""The overview: today's numbers, trouble, runs and alerts, and how its parts keep themselves up to date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pages.overview.failing_groups import MOST_SHOWN, ranked_groups
from pages.overview.figures import HEIGHT, PERIODS, cost_today_usd, figures_at, nice_top, picture_of
from tester.models import Run, RunStatus
from tests.factories import make_group, make_provider
from tests.page import HTMX, html_of, on_one_line, signed_in
from tests.usage.cooling import cooling
from tests.usage.logged import logged, tried
from usage.alerting import alerts
from usage.health.activity import GroupState
from usage.models import AlertKind

pytestmark = pytest.mark.django_db
NOON = datetime(2030, 5, 4, 12, 30, tzinfo=UTC)
reader = signed_in("charlie")


@pytest.fixture
def stopped_clock(monkeypatch):
    """A part does not change because a minute goes by between two looks at it."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


def failed(provider: str = "Nebius") -> dict:
    return tried(provider, status="error", moved_on="fallback_error")


def part(client, name: str, seen: str = ""):
    return client.get(f"/?part={name}&seen={seen}", headers=HTMX)


def test_the_bars_are_minutes_with_their_failed_part_above():
    starts = [NOON + timedelta(minutes=n) for n in range(60)]
    picture = picture_of([(start, n * 10, n) for n, start in enumerate(starts)], "minute")
    assert (picture.top, picture.half, len(picture.bars)) == (600, "300", 60)
    assert (picture.requests, picture.failed) == (17_700, 1_770)
    last = picture.bars[-1]
    assert last.y + last.height == pytest.approx(HEIGHT)
    assert last.answered_y == pytest.approx(last.y + last.failed_height)
    assert picture.labels == ("12:30", "12:45", "13:00", "13:14", "13:29")
    assert picture.place_of(NOON + timedelta(minutes=30)) == 50.0
    assert picture.place_of(NOON - timedelta(minutes=1)) is None


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (2, 2), (3, 4), (7, 8), (9, 10), (11, 20), (2_399, 3_000)])
def test_an_axis_ends_at_a_round_number_that_can_be_halved(most, top):
    assert nice_top(most) == top


def test_each_minute_has_its_requests_and_a_window_their_sum(monkeypatch):
    logged("a", age_min=0, cost_usd=0.25, fell_back=True)
    logged("b", age_min=0, status=503)
    logged("c", age_min=20, cost_usd=0.5)
    now = timezone.now()
    quarter, hour = (figures_at(now, PERIODS[word]) for word in ("15m", "1h"))
    assert (quarter.sums.requests, quarter.sums.failed, quarter.sums.success_rate) == (2, 1, 0.5)
    assert (quarter.sums.fell_back, hour.sums.requests) == (1, 3)
    assert [one.sums.cost_usd for one in (quarter, hour)] == pytest.approx([0.25, 0.75])
    assert quarter.picture == hour.picture
    assert (quarter.picture.requests, quarter.picture.failed) == (3, 1)


@pytest.mark.parametrize("word", ["24h", "7d"])
def test_longer_windows_have_the_numbers_of_the_page_of_usage(word):
    logged("a", age_min=0, cost_usd=0.25, fell_back=True)
    logged("b", age_min=0, status=503)
    found = figures_at(timezone.now(), PERIODS[word])
    assert (found.sums.requests, found.sums.failed, found.sums.fell_back) == (2, 1, 1)
    assert (found.picture.requests, found.picture.failed, found.sums.p95_ms is None) == (2, 1, False)


def test_what_people_pay_with_their_own_keys_costs_nothing_here(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    logged("a", age_min=0, cost_usd=0.25)
    logged("b", age_min=0, cost_usd=4.0, is_own_key=True)
    assert [figures_at(NOON, PERIODS[word]).sums.cost_usd for word in PERIODS] == pytest.approx([0.25] * len(PERIODS))
    assert cost_today_usd(NOON) == pytest.approx(0.25)
    assert {figures_at(NOON, PERIODS[word]).sums.requests for word in PERIODS} == {2}


def test_the_numbers_of_today_are_those_of_the_log(reader):
    make_group()
    make_provider(error="Timeout")
    make_provider()
    for number in range(3):
        logged(f"a{number}", age_min=0, cost_usd=0.25)
    logged("bad", age_min=0, status=503)
    html = on_one_line(html_of(reader.get("/")))
    for text in ("today $0.75", "75.0\u202f%", "1 of 4 failed", "4 requests", "1 failing"):
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
    found = [group for group in ranked_groups().groups if group.is_troubled]
    states = [(group.name, group.health.state) for group in found]
    assert states == [("degraded", GroupState.DEGRADED), ("falls-back", GroupState.DEGRADED)]
    assert found[1].health.why == "Nebius failed 10 of 10"
    assert (found[0].id, found[1].id is not None) == (None, True)
    assert [group.name for group in ranked_groups().groups] == ["degraded", "falls-back", "well"]


def test_groups_that_fail_more_callers_come_first_with_their_minutes():
    for number in range(5):
        logged(f"f{number}", model_group="fails", age_min=0, status=503, attempts=[failed()])
        logged(f"w{number}", model_group="well", age_min=0)
    first, second = ranked_groups().groups
    assert (first.name, first.requests, first.failed, first.success_rate) == ("fails", 5, 5, 0.0)
    assert (second.name, second.success_rate, second.health.state) == ("well", 1.0, GroupState.HEALTHY)
    assert (bool(first.failed_path), first.answered_path, bool(second.answered_path), second.failed_path) == (
        *(True, "", True, ""),
    )


def test_a_group_that_is_in_the_list_anyway_is_not_looked_at_and_the_list_is_the_same(monkeypatch):
    for group in range(MOST_SHOWN):
        for number in range(3):
            logged(f"f{group}-{number}", model_group=f"fails-{group}", status=503, attempts=[failed()])
    logged("m", model_group="moves-on", attempts=[failed(), tried("Azure")])
    logged("r", model_group="only-refuses", outcome="refused", status=400, attempts=[failed(), failed("Azure")])
    with CaptureQueriesContext(connection) as queries:
        found = ranked_groups()
    assert sum("moves-on" in str(query["sql"]) for query in queries.captured_queries) == 0
    assert any("only-refuses" in query["sql"] for query in queries.captured_queries)
    assert (len(found.groups), found.more) == (MOST_SHOWN, 2)
    monkeypatch.setattr("pages.overview.failing_groups._is_close", lambda *_: True)
    assert ranked_groups() == found


def test_of_many_groups_in_trouble_the_first_few_are_shown(django_assert_num_queries):
    for number in range(MOST_SHOWN + 3):
        logged(f"a{number}", model_group=f"group-{number}", status=503, attempts=[failed()])
    with django_assert_num_queries(7):
        found = ranked_groups()
    assert (len(found.groups), found.more) == (MOST_SHOWN, 3)


def test_cooldowns_runs_and_alerts_are_listed(reader):
    cooling()
    result = {"total_requests": 200, "failed_requests": 20}
    run = {"group_name": "chat", "group_revision": 1, "scenario": "Rush hour", "seed": 7, "created_by": "bob"}
    Run.objects.create(**run, status=RunStatus.DONE, result=result)
    alerts.raise_alert(kind=AlertKind.PROVIDER_DOWN, subject="a", message="Nebius is down.")
    html = html_of(reader.get("/"))
    for text in ("Llama", "after 2×429", "Rush hour", "90\u202f%", "200 sent", "Nebius is down.", "Open"):
        assert text in html, text


def test_an_open_alert_stands_before_those_that_are_over(reader):
    for subject in ("a", "b"):
        alerts.raise_alert(kind=AlertKind.PROVIDER_DOWN, subject=subject, message=f"{subject} is down.")
    alerts.resolve_alerts(kind=AlertKind.PROVIDER_DOWN, except_subjects=["a"])
    html = html_of(reader.get("/"))
    assert html.index("a is down.") < html.index("b is down.")


@pytest.mark.parametrize("name", ["said", "outages", "figures", "trouble", "providers", "before", "runs", "alerts"])
def test_a_part_is_sent_again_only_when_it_has_changed(reader, name, stopped_clock):
    html = html_of(part(reader, name))
    assert html.strip().startswith(f'<div id="overview-{name}"')
    seen = html.partition("seen=")[2].partition('"')[0]
    assert part(reader, name, seen).status_code == 204
    assert part(reader, name, "other").status_code == 200


def test_a_part_stays_with_its_period(reader):
    logged("a", age_min=0)
    html = html_of(reader.get("/?period=24h"))
    assert "period=24h&amp;seen=" in html
    assert "Requests per hour" in html
    assert "Requests per minute" in html_of(reader.get("/?period=nonsense"))


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


def test_at_most_20_queries(reader, django_assert_max_num_queries):
    for number in range(20):
        logged(f"a{number}", model_group=f"group-{number}", status=503, attempts=[failed(f"P{number}")])
        Run.objects.create(group_name="g", group_revision=1, scenario="s", seed=1, created_by="bob")
    with django_assert_max_num_queries(20):
        reader.get("/")
