"""The first page of a group: its real traffic, live, and at a moment of its day."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from access.models import User
from engine.outcomes import Outcome
from groups.models import Deployment, RoutingGroup
from pages.groups.detail import HOME_SNIPPETS
from pages.groups.home import live_parts
from pages.groups.home.day_strip import strip_of
from pages.groups.home.production_frame import frame_of
from pages.groups.home.shared_views import SharedViews
from tester.scene import Mode, scene_of
from tester.scene.drawings import drawn_group
from tests.factories import make_model, make_provider
from tests.page import html_of, on_one_line
from tests.usage.cooling import cooling
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.group_traffic.periods import DaySlice, last, slice_at, traffic_in
from usage.health import standby_proofs
from usage.health.standby_proofs import ProofResult
from usage.models import Alert, AlertKind, BreakerState, RequestRecord, ServerProcess

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)


@pytest.fixture
def group() -> RoutingGroup:
    """Nebius, then Azure."""
    group = RoutingGroup.objects.create(name="chat", strategy="priority-failover", created_by="t", updated_by="t")
    for number, name in enumerate(("Nebius", "Azure")):
        model = make_model(provider=make_provider(name=name))
        Deployment.objects.create(group=group, position=number, priority=number + 1, model=model)
    return group


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_parts, "shared", SharedViews(seconds=0.0))


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A period that does not move on between two looks at it."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


def ids(group: RoutingGroup) -> list[str]:
    return [str(pk) for pk in group.deployments.order_by("position").values_list("model_id", flat=True)]


def answered(group: RoutingGroup, **fields: Any) -> RequestRecord:
    return finished(model_group=group.name, attempts=[tried("Nebius", deployment_id=ids(group)[0])], **fields)


def fell_back(group: RoutingGroup, **fields: Any) -> RequestRecord:
    first, second = ids(group)
    bad = tried("Nebius", deployment_id=first, status="error", error_class="RateLimitError", status_code=429)
    good = tried("Azure", deployment_id=second, tier=2, fallback_depth=1)
    return finished(model_group=group.name, fell_back=True, attempts=[bad, good], **fields)


def lost(group: RoutingGroup, **fields: Any) -> RequestRecord:
    attempts = [
        tried(name, deployment_id=pk, tier=n, status="error", error_class="ServiceUnavailableError")
        for n, (name, pk) in enumerate(zip(("Nebius", "Azure"), ids(group), strict=True), start=1)
    ]
    usual = {"status": 503, "error_class": "ServiceUnavailableError", "fell_back": True}
    return finished(model_group=group.name, attempts=attempts, **{**usual, **fields})


def page_of(client: Client, person: User, group: RoutingGroup, query: str = "") -> str:
    client.force_login(person)
    return html_of(client.get(f"/groups/{group.pk}{query}"))


def now_of(client: Client, group: RoutingGroup, query: str = "") -> dict[str, Any]:
    return dict(json.loads(client.get(f"/groups/{group.pk}/now{query}").content))


def test_the_page_shows_what_the_log_has_of_the_last_15_minutes(client, charlie, group):
    log(*(answered(group) for _ in range(6)), *(fell_back(group) for _ in range(3)), lost(group))
    log(answered(group, days_ago=0.02), fell_back(group, days_ago=0.5))
    html = page_of(client, charlie, group)
    assert "1 of 10 failed" in html
    assert "90.0\u202f%" in html
    assert [card.served.text for card in client.get(f"/groups/{group.pk}").context["scene"].cards] == ["6", "3"]
    assert "429" in html
    period = last(QUARTER, now=timezone.now())
    logged = RequestRecord.objects.filter(model_group="chat", started_at__gte=period.since)
    assert logged.count() == traffic_in("chat", period).requests == 10


def test_the_links_to_the_log_lead_to_exactly_the_requests_counted(client, charlie, group):
    log(answered(group), lost(group), lost(group), lost(group, days_ago=0.1))
    client.force_login(charlie)
    state = client.get(f"/groups/{group.pk}").context["state"]
    for url, count in ((state.failed_url, 2), (state.log_url, 3), (state.fell_back_url, 2)):
        rows = client.get(url).context["rows"]
        assert len(rows) == count


def test_a_group_without_traffic_says_so_and_has_no_number_of_nothing(client, charlie, group):
    html = page_of(client, charlie, group)
    assert "No requests in the last 15 minutes." in html
    assert "no answers yet" in html
    assert "No request fell back" in html
    assert "Run Simulation" not in html
    assert "100\u202f%" not in html.partition('data-part="strip"')[0].rpartition('data-part="figures"')[2]


def test_callers_that_are_failed_are_what_is_going_on(client, charlie, group):
    log(*(lost(group) for _ in range(5)))
    assert "5 of 5 requests failed" in page_of(client, charlie, group)
    Alert.objects.create(
        kind=AlertKind.GROUP_FAILING, subject="chat", message="chat failed 5 of 5.", raised_at=timezone.now()
    )
    html = page_of(client, charlie, group)
    assert "chat failed 5 of 5." in html
    assert "Failing" in html


def test_requests_that_fell_back_are_listed_with_their_cause(client, charlie, group):
    log(fell_back(group, call_id="f" * 32))
    html = page_of(client, charlie, group)
    assert "No caller saw an error." in html
    assert f"/requests/{'f' * 32}" in html
    assert "not answered" not in html.partition('data-part="fallbacks"')[2]


def test_a_cooldown_is_shown_and_only_those_who_may_can_reset_it(client, charlie, bob, group):
    pk = ids(group)[0]
    cooling(deployment_id=UUID(pk))
    assert "Reset" not in page_of(client, charlie, group)
    html = page_of(client, bob, group)
    assert f"/providers/cooldowns/deployment:{pk}/end" in html
    assert "cooling" in html


def test_ten_minutes_of_the_day_are_shown_in_the_same_diagram(client, charlie, group):
    then = timezone.now() - timedelta(hours=5)
    log(answered(group), lost(group, started_at=then), fell_back(group, started_at=then))
    since = slice_at(then).since
    html = page_of(client, charlie, group, f"?at={since:%Y-%m-%dT%H:%M:%SZ}")
    assert "1 of 2 failed" in html
    assert "Back to live" in html
    assert f"Rewind to {since:%H:%M}" in html
    assert "data-home=" not in html
    assert "1 of 1 failed" not in page_of(client, charlie, group, "?at=never")


@pytest.mark.usefixtures("stopped_clock")
def test_an_open_page_takes_in_what_is_new_and_nothing_if_nothing_is(client, charlie, group):
    client.force_login(charlie)
    before = now_of(client, group)
    assert client.get(f"/groups/{group.pk}/now?seen={before['seen']}").status_code == 204
    log(answered(group))
    after = now_of(client, group, f"?seen={before['seen']}")
    assert after["p"]["n0"]["#text"] == "1"
    assert "0 of 1 failed" in after["parts"]["figures"]
    assert after["cards"] == ids(group)
    assert "breakers" not in after["parts"], "it is as before"


@pytest.mark.usefixtures("stopped_clock")
def test_what_is_taken_in_is_what_the_page_would_show(client, charlie, group):
    log(answered(group), fell_back(group), lost(group))
    html = page_of(client, charlie, group)
    for name, part in now_of(client, group)["parts"].items():
        assert on_one_line(part).strip() in html, name


def test_fifty_viewers_cost_one_computation():
    made: list[int] = []
    now_s = [0.0]
    views = SharedViews[int](seconds=2.0, clock=lambda: now_s[0])

    def make() -> int:
        made.append(1)
        return len(made)

    assert {views.get("group", make) for _ in range(50)} == {1}
    assert views.get("another", make) == 2
    now_s[0] = 2.0
    assert {views.get("group", make) for _ in range(50)} == {3}


def test_a_view_that_could_not_be_made_is_made_again_and_old_ones_give_room():
    views = SharedViews[str](seconds=2.0, most=2, clock=lambda: 0.0)
    with pytest.raises(ZeroDivisionError):
        views.get("a", lambda: str(1 / 0))
    assert [views.get(key, partial(str, key)) for key in "abc"] == ["a", "b", "c"]


def test_a_day_is_told_by_bars_and_incidents():
    began = slice_at(timezone.now()).since
    day = [DaySlice(began + timedelta(minutes=10 * n), began + timedelta(minutes=10 * (n + 1))) for n in range(6)]
    counts = [(100, 0, 0), (90, 10, 0), (50, 50, 5), (99, 0, 20), (2, 0, 1), (0, 0, 0)]
    for one, (good, bad, moved) in zip(day, counts, strict=True):
        one.outcomes.update({Outcome.ANSWERED: good, Outcome.FAILED: bad})
        one.fell_back = moved
    strip = strip_of(day)
    assert [(one.is_loss, one.failed, one.fell_back, one.minutes) for one in strip.incidents] == [
        (True, 60, 5, 20),
        (False, 0, 20, 10),
    ]
    assert strip.worst == strip.incidents[0]
    assert [bar.height for bar in strip.bars] == [40.0, 40.0, 40.0, 39.6, 1.5, 0.0]
    assert strip.bars[2].failed == 20.0
    assert strip_of([]).worst is None


def test_streams_of_production_are_those_of_the_diagram(group):
    log(*(answered(group) for _ in range(8)), fell_back(group), lost(group))
    traffic = traffic_in("chat", last(QUARTER, now=timezone.now()))
    first, second = ids(group)
    frame = frame_of(traffic, traffic, cooldowns_s={first: 7.0}, seconds=900.0)
    assert frame["deployments"][first]["errors"] == {"RateLimitError": 1, "ServiceUnavailableError": 1}
    assert frame["deployments"][second]["success_count"] == 1
    scene = scene_of(drawn_group(group), frame, Mode.ORDERED)
    assert [card.served.text for card in scene.cards] == ["8", "1"]


@pytest.mark.parametrize(("person", "status"), [("bob", 200), ("charlie", 200), ("dora", 403)])
def test_every_role_may_follow_and_a_stranger_may_not(client, request, person, status, group):
    client.force_login(request.getfixturevalue(person))
    assert client.get(f"/groups/{group.pk}/now").status_code == status


def test_a_standby_says_when_it_was_proven_and_one_whose_tests_fail_is_down(client, charlie, group):
    first, second = ids(group)
    standby_proofs.enlist([first, second], after_s=3600, rng=Random(1))
    log(answered(group))
    standby_proofs.record(second, ProofResult(), after_s=3600, rng=Random(1))
    assert "Standby, proven " in page_of(client, charlie, group)
    for _ in range(3):
        standby_proofs.record(second, ProofResult("Azure answered 404: gone."), after_s=3600, rng=Random(1))
    html = on_one_line(page_of(client, charlie, group))
    assert "Standby" not in html
    assert "would not help.</strong> It has no traffic, and its tests fail since" in html
    assert "Azure answered 404: gone." in html
    assert "Nothing unusual" not in html
    assert "No requests in the last" not in html


def test_a_deployment_that_one_request_at_a_time_tries_reads_probing_and_not_degraded(client, charlie, group):
    log(*(answered(group) for _ in range(3)), fell_back(group))
    assert "is-probing" not in page_of(client, charlie, group)
    now = timezone.now()
    process = ServerProcess.objects.create(id=uuid4(), started_at=now, seen_at=now)
    cooling(deployment_id=UUID(ids(group)[0]), state=BreakerState.HALF_OPEN, process=process.pk)
    assert "is-probing" in page_of(client, charlie, group)


@pytest.mark.parametrize(("times", "state"), [(1, "is-degraded"), (2, "is-down")])
def test_a_deployment_that_only_failed_in_the_period_is_no_standby(client, charlie, group, times, state):
    """Its breaker is gone with the process that had it, and nobody has asked it for minutes."""
    log(*(lost(group, days_ago=5 / 1440) for _ in range(times)))
    html = page_of(client, charlie, group)
    assert state in html
    assert "is-standby" not in html


def test_it_says_how_to_call_the_group_in_as_many_clients_as_can_be_chosen(client, charlie, group):
    client.force_login(charlie)
    html = html_of(client.get(f"/groups/{group.pk}"))
    shown = html.partition('class="of-client"')[2].partition("</section>")[0]
    assert html.count('type="radio" name="client"') == shown.count('<div class="code">') == HOME_SNIPPETS == 3
