"""The Live Tester rehearses what clients call: what it offers, starts, refuses and shows."""

from __future__ import annotations

from typing import Any

import pytest

from access.actions import issue_key
from access.keys import COMMAND_LINE
from groups.virtual import actions as virtual_models
from groups.virtual.tiers import TierPlan
from pages.live_tester import views
from tests.factories import make_group, make_model, make_provider
from tests.page import html_of
from tests.pages.live_tester.test_live_tester_page import FORM, make_run


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The jobs that were started; nothing is rehearsed."""
    found: list[Any] = []
    monkeypatch.setattr(views, "conduct_in_background", lambda run, job: found.append(job))
    monkeypatch.setattr("tester.runs.pool.pool.warm", lambda: None)
    return found


@pytest.fixture
def small(bob):
    """A pool of the virtual model `smart`."""
    groups = [
        make_group(name=name, models=[make_model(provider=make_provider(name=name))]) for name in ("small", "large")
    ]
    virtual_models.create_virtual_model(
        by=bob, tiers=[TierPlan(pool="small"), TierPlan(pool="large", minimum_score=200)], name="smart"
    )
    return groups[0]


def test_the_names_that_lead_to_a_group_and_the_persons_keys_are_offered(client, bob, small, jobs):
    key, _ = issue_key(by=COMMAND_LINE, owner=bob, name="app", rpm=5)
    client.force_login(bob)
    html = html_of(client.get(f"/groups/{small.pk}/live"))
    assert '<option value="smart">' in html
    assert f'<option value="{key.pk}">app of bob</option>' in html


def test_a_virtual_model_with_a_key_is_started_and_can_be_run_again(client, bob, small, jobs):
    key, _ = issue_key(by=COMMAND_LINE, owner=bob, name="app", rpm=5)
    client.force_login(bob)
    answer = client.post(f"/groups/{small.pk}/live", {**FORM, "called_as": "smart", "key": str(key.pk)})
    assert answer.status_code == 302, answer.content
    (job,) = jobs
    assert (job.called.name, job.called.key.name) == ("smart", "app")
    html = html_of(client.get(answer["Location"].partition("?")[0]))
    assert 'value="smart"' in html
    assert f'value="{key.pk}"' in html


def test_a_group_by_its_own_name_is_rehearsed_as_ever(client, bob, small, jobs):
    client.force_login(bob)
    client.post(f"/groups/{small.pk}/live", {**FORM, "called_as": "small"})
    assert jobs[0].called is None


@pytest.mark.parametrize(
    ("said", "words"),
    [({"called_as": "nobody"}, "be called. There are"), ({"key": "no-key"}, "Give the id of an API key")],
)
def test_what_cannot_be_called_is_said_beside_its_field(client, bob, small, jobs, said, words):
    client.force_login(bob)
    answer = client.post(f"/groups/{small.pk}/live", {**FORM, **said})
    assert answer.status_code == 422
    html = html_of(answer)
    assert words in html
    assert '<details class="mock-only" id="around" open>' in html
    assert jobs == []


def test_a_run_shows_what_came_to_each_group_and_what_the_key_refused(client, bob, small, jobs):
    client.force_login(bob)
    count = {"group": "small", "tier": "simple", "requests": 9, "answered": 4, "failed": 0, "refused_by_key": 5}
    result = {
        "total_requests": 9, "successful_requests": 4, "failed_requests": 0, "refused_requests": 5,
        "fallback_count": 0, "avg_latency_ms": 1.0, "cost_usd": 0.0, "traffic_distribution": [], "groups": [count],
        "refused_by_key": [{"code": "c", "why": "This key may use 4 requests a minute.", "requests": 5}],
    }  # fmt: skip
    run = make_run(small, result=result, group_name="smart")
    html = html_of(client.get(f"/runs/{run.pk}"))
    assert "Called as smart" in html
    assert "Refused 5: This key may use 4 requests a minute." in html
