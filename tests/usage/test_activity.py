"""What groups did of late, and the cells of the list that show it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.factories import make_group
from tests.page import html_of
from usage.activity import Activity, State, activity_of, health_of
from usage.models import RequestRecord

HTMX = {"HX-Request": "true"}


def attempt(provider: str = "Nebius", status: str = "success", code: int = 200) -> dict[str, Any]:
    return {"deployment_id": provider, "provider": provider, "status": status, "status_code": code}


def failed(provider: str = "Nebius", code: int = 503) -> dict[str, Any]:
    return attempt(provider, "error", code)


def record(number: int, group: str = "chat", *, age_min: float = 1, status: int = 200, attempts: Any = ()) -> None:
    started = timezone.now() - timedelta(minutes=age_min)
    RequestRecord.objects.create(
        call_id=f"{group}-{number}",
        model_group=group,
        started_at=started,
        duration_ms=1,
        status=status,
        attempts=list(attempts),
    )


@pytest.mark.parametrize(
    ("attempts", "state", "why"),
    [
        ([], State.IDLE, ""),
        ([attempt()], State.HEALTHY, ""),
        ([failed()], State.DEGRADED, "Nebius failed 1 of 1"),
        ([failed()] * 3, State.FAILING, "Nebius failed 3 of 3"),
        ([failed(), *[attempt()] * 19], State.HEALTHY, "Nebius failed 1 of 20"),
        ([failed(), *[attempt()] * 9], State.DEGRADED, "Nebius failed 1 of 10"),
        ([*[failed("Azure")] * 4, *[attempt()] * 40], State.FAILING, "Azure failed 4 of 4"),
        ([failed(code=400)] * 5, State.IDLE, ""),
        ([attempt(status="cancelled")] * 5, State.IDLE, ""),
    ],
)
def test_a_group_is_as_its_worst_deployment(attempts, state, why):
    health = health_of(attempts)
    assert (health.state, health.why) == (state, why)


@pytest.mark.django_db
def test_requests_count_for_a_day_and_health_for_minutes():
    record(1, age_min=1, attempts=[attempt()])
    record(2, age_min=60, status=503, attempts=[failed()] * 3)
    record(3, age_min=60, status=400)
    record(4, age_min=60 * 25, status=500)
    activity = activity_of(["chat", "silent"])
    assert (activity["chat"].requests, activity["chat"].failures) == (3, 1)
    assert activity["chat"].health.state == State.HEALTHY
    assert activity["silent"] == Activity()


@pytest.mark.django_db
def test_a_busy_group_leaves_room_for_a_quiet_one(django_assert_num_queries):
    for number in range(60):
        record(number, "busy", attempts=[attempt()])
    record(1, "quiet", age_min=9, attempts=[attempt()])
    with django_assert_num_queries(2):
        assert activity_of(["busy", "quiet"])["quiet"].health.state == State.HEALTHY


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
    assert "No group was asked for" in html_of(client.get(f"/groups/activity?{query}"))


@pytest.mark.django_db
def test_strangers_may_not_see_it_and_nobody_posts(client, dora, charlie):
    client.force_login(dora)
    assert client.get("/groups/activity").status_code == 403
    client.force_login(charlie)
    assert client.post("/groups/activity").status_code == 405
