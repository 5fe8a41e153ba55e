"""The recent activity of groups, and the cells of the list that show it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_group
from tests.page import HTMX, html_of
from tests.usage.log import finished, log
from usage.health.activity import Activity, GroupHealth, GroupState, Served, activity_of, health_of


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
        ([failed()] * 3, GroupState.FAILING, "Nebius failed 3 of 3"),
        ([failed(), *[attempt()] * 19], GroupState.HEALTHY, "Nebius failed 1 of 20"),
        ([failed(), *[attempt()] * 9], GroupState.DEGRADED, "Nebius failed 1 of 10"),
        ([*[failed("Azure")] * 4, *[attempt()] * 40], GroupState.FAILING, "Azure failed 4 of 4"),
        ([failed(code=400)] * 5, GroupState.IDLE, ""),
        ([{**failed(code=401), "own_key": True}] * 3, GroupState.IDLE, ""),
        ([attempt(status="cancelled")] * 5, GroupState.IDLE, ""),
    ],
)
def test_a_group_is_as_its_worst_deployment(attempts, state, why):
    health = health_of(attempts)
    assert (health.state, health.why) == (state, why)


@pytest.mark.parametrize(
    ("served", "attempts", "state", "why"),
    [
        (Served(40, 40), [], GroupState.FAILING, "40 of 40 requests failed"),
        (Served(40, 40), [failed()] * 4, GroupState.FAILING, "40 of 40 requests failed"),
        (Served(100, 12), [attempt()] * 50, GroupState.DEGRADED, "12 of 100 requests failed"),
        (Served(100, 12), [failed()] * 4, GroupState.FAILING, "Nebius failed 4 of 4"),
        (Served(100, 5, is_alarming=True), [attempt()] * 50, GroupState.FAILING, "5 of 100 requests failed"),
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
    record(1, status=503, attempts=[failed()] * 3)
    address = f"/groups/activity?id={group.pk}"
    cells = html_of(client.get(address, headers=HTMX))
    assert f'<span id="health-{group.pk}" hx-swap-oob="innerHTML">' in cells
    assert "Failing" in cells
    assert "Nebius failed 3 of 3" in cells
    page = html_of(client.get(address))
    assert "<html" in page
    assert "1 failed" in page


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
