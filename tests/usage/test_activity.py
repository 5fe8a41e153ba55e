"""The recent activity of groups, and the cells of the list that show it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_group
from tests.page import HTMX, html_of
from tests.usage.log import finished, log
from usage.alerting import settle
from usage.health.activity import (
    GROUPS_AT_ONCE,
    NEWEST,
    Activity,
    GroupHealth,
    GroupState,
    Served,
    activity_of,
    health_of,
    newest_attempts,
)

STATES = ("Failing", "Degraded", "Healthy", "No traffic")


def attempt(provider: str = "Nebius", status: str = "success", code: int = 200) -> dict[str, Any]:
    return {"deployment_id": provider, "provider": provider, "status": status, "status_code": code}


def failed(provider: str = "Nebius", code: int = 503) -> dict[str, Any]:
    return attempt(provider, "error", code)


def record(number: int, group: str = "chat", *, age_min: float = 1, attempts: Any = (), **fields: Any) -> None:
    name, days_ago = f"{group}-{number}", age_min / 1440
    finished(name, model_group=group, days_ago=days_ago, attempts=list(attempts), **fields).save()


@pytest.mark.parametrize(
    ("attempts", "state", "why"),
    [
        ([], GroupState.IDLE, ""),
        ([attempt()], GroupState.HEALTHY, ""),
        ([failed()], GroupState.DEGRADED, "Nebius failed 1 of 1"),
        ([failed()] * 3, GroupState.DEGRADED, "Nebius failed 3 of 3"),
        ([failed(), *[attempt()] * 19], GroupState.HEALTHY, "Nebius failed 1 of 20"),
        ([failed(), *[attempt()] * 9], GroupState.DEGRADED, "Nebius failed 1 of 10"),
        ([*[failed("Azure")] * 4, *[attempt()] * 40], GroupState.DEGRADED, "Azure failed 4 of 4"),
        ([failed(code=400)] * 5, GroupState.IDLE, ""),
        ([{**failed(code=401), "own_key": True}] * 3, GroupState.IDLE, ""),
        ([attempt(status="cancelled")] * 5, GroupState.IDLE, ""),
    ],
)
def test_a_deployment_that_fails_makes_a_group_degraded_while_others_answer(attempts, state, why):
    health = health_of(attempts)
    assert (health.state, health.why) == (state, why)


@pytest.mark.parametrize(
    ("served", "attempts", "state", "why"),
    [
        (Served(40, 40, is_failing=True), [], GroupState.FAILING, "40 of 40 requests failed"),
        (Served(40, 40, is_failing=True), [failed()] * 4, GroupState.FAILING, "40 of 40 requests failed"),
        (Served(40, 0), [failed()] * 4, GroupState.DEGRADED, "Nebius failed 4 of 4"),
        (Served(3, 3), [failed()] * 3, GroupState.DEGRADED, "3 of 3 requests failed"),
        (Served(100, 12), [attempt()] * 50, GroupState.DEGRADED, "12 of 100 requests failed"),
        (Served(100, 12), [failed()] * 4, GroupState.DEGRADED, "12 of 100 requests failed"),
        (Served(100, 5, is_failing=True), [attempt()] * 50, GroupState.FAILING, "5 of 100 requests failed"),
        (Served(1, 1), [], GroupState.DEGRADED, "1 of 1 requests failed"),
        (Served(100, 1), [attempt()], GroupState.HEALTHY, "1 of 100 requests failed"),
        (Served(40, 0), [], GroupState.IDLE, ""),
    ],
)
def test_a_group_is_unhealthy_when_its_callers_got_errors_for_any_state_of_its_deployments(
    served, attempts, state, why
):
    health = health_of(attempts, served)
    assert (health.state, health.why) == (state, why)


@pytest.mark.django_db
def test_requests_that_reached_no_deployment_make_a_group_fail():
    cooling = [finished(model_group="chat", status=429, error_class="all_cooling_down") for _ in range(40)]
    log(*cooling, *(finished(model_group="chat", attempts=[attempt()]) for _ in range(60)))
    assert activity_of(["chat"])["chat"].health == GroupHealth(GroupState.DEGRADED, "40 of 100 requests failed")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("requests", "failing", "others_answer", "state"),
    [
        (10, 10, True, "Degraded"),  # every caller was answered by another deployment
        (4, 4, False, "Degraded"),  # fewer than the rule asks for
        (5, 5, False, "Failing"),
        (5, 2, False, "Degraded"),
        (5, 0, False, "Healthy"),
    ],
)
def test_overview_group_page_list_alert_and_api_agree_on_a_group(
    client, alice, requests, failing, others_answer, state
):
    group = make_group(name="chat")
    rescued = [failed(), attempt("Azure")] if others_answer else [failed()]
    status = 200 if others_answer else 503
    records = [finished(model_group="chat", status=status, attempts=rescued) for _ in range(failing)]
    log(*records, *(finished(model_group="chat", attempts=[attempt()]) for _ in range(requests - failing)))
    client.force_login(alice)
    addresses = ("/", f"/groups/{group.pk}", f"/groups/activity?id={group.pk}")
    for _ in range(2):  # before the alerts are evaluated, and after
        assert [[word for word in STATES if word in part_of(client, url)] for url in addresses] == [[state]] * 3
        settle()
    has_alert = state == "Failing"
    assert [alert["subject"] for alert in client.get("/api/v1/llm/alerts").json()["alerts"]] == ["chat"] * has_alert
    assert ("Rewind" in html_of(client.get("/"))) == has_alert


def part_of(client, address) -> str:
    """Where a page says how the group is."""
    html = html_of(client.get(address))
    begin, end = {"/": ('id="overview-trouble"', "</section>"), "/groups/activity": ("state-", "</span>")}.get(
        address.partition("?")[0], ('data-part="health"', "</span>")
    )
    return html.partition(begin)[2].partition(end)[0]


@pytest.mark.django_db
def test_requests_count_for_a_day_and_health_for_minutes():
    record(1, age_min=1, attempts=[attempt()])
    record(2, age_min=60, status=503, attempts=[failed()] * 3)
    record(3, age_min=60, status=400)
    record(4, age_min=60 * 25, status=500)
    record(5, age_min=60, status=499)
    record(6, age_min=60, status=429, error_class="all_cooling_down")
    activity = activity_of(["chat", "silent"])
    chat = activity["chat"]
    assert (chat.requests, chat.successes, chat.failures, chat.refused, chat.left) == (5, 1, 2, 1, 1)
    assert chat.success_rate == pytest.approx(1 / 3)
    assert activity["chat"].health.state == GroupState.HEALTHY
    assert activity["silent"] == Activity()


@pytest.mark.django_db
def test_a_busy_group_leaves_room_for_a_quiet_one(django_assert_num_queries):
    for number in range(60):
        record(number, "busy", attempts=[attempt()])
    record(1, "quiet", age_min=9, attempts=[attempt()])
    with django_assert_num_queries(4):
        assert activity_of(["busy", "quiet"])["quiet"].health.state == GroupState.HEALTHY


@pytest.mark.django_db
def test_the_list_gets_cells_and_a_browser_without_javascript_a_page(client, charlie):
    client.force_login(charlie)
    group = make_group(name="chat")
    log(*(finished(model_group="chat", status=503, attempts=[failed()] * 3) for _ in range(5)))
    address = f"/groups/activity?id={group.pk}"
    cells = html_of(client.get(address, headers=HTMX))
    assert f'<span id="health-{group.pk}" hx-swap-oob="innerHTML">' in cells
    assert "Failing" in cells
    assert "5 of 5 requests failed" in cells
    page = html_of(client.get(address))
    assert "<html" in page
    assert "5 failed" in page


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["", "id=", "id=x", "id=00000000-0000-0000-0000-000000000000"])
def test_ids_that_mean_nothing_show_nothing(client, charlie, query):
    client.force_login(charlie)
    assert "No group was given" in html_of(client.get(f"/groups/activity?{query}"))


@pytest.mark.django_db
def test_strangers_may_not_see_it_and_nobody_posts(client, dora, charlie):
    client.force_login(dora)
    assert client.get("/groups/activity").status_code == 403
    client.force_login(charlie)
    assert client.post("/groups/activity").status_code == 405


@pytest.mark.django_db
def test_only_the_newest_attempts_of_each_of_many_groups_are_read(django_assert_num_queries):
    names = [f"group-{number}" for number in range(GROUPS_AT_ONCE + 1)]
    for number in range(NEWEST + 3):
        record(number, "group-1", age_min=number / 60, attempts=[attempt(f"P{number}")])
    record(0, "group-2", age_min=11, attempts=[attempt()])
    record(0, names[-1], attempts=[attempt(), attempt("Azure")])
    with django_assert_num_queries(2):
        found = newest_attempts(names)
    assert {name: len(tries) for name, tries in found.items()} == {"group-1": NEWEST, names[-1]: 2}
    assert {one["provider"] for one in found["group-1"]} == {f"P{number}" for number in range(NEWEST)}
