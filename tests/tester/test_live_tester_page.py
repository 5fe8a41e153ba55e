"""The Live Tester's pages, as the server draws them."""

from __future__ import annotations

from typing import Any

import pytest

from tester.views import live
from tester.models import Frame, Run, RunStatus
from tests.factories import make_group, make_model
from tests.page import html_of

pytestmark = pytest.mark.django_db
FORM = {"num_requests": "50", "concurrency": "5", "mode": "mock", "scenario": "healthy", "seed": "7"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, Any]]:
    """The runs that were handed to the background; the e2e tests let them run."""
    found: list[tuple[Run, Any]] = []
    monkeypatch.setattr(live, "conduct_in_background", lambda run, job: found.append((run, job)))
    return found


@pytest.fixture
def group():
    return make_group(name="prod-chat", strategy="priority-failover", models=[make_model(), make_model()])


def make_run(group, **fields: Any) -> Run:
    defaults = {"group_name": group.name, "group_revision": 1, "scenario": "healthy", "seed": 7, "created_by": "bob"}
    config = {"num_requests": 20, "concurrency": 4}
    return Run.objects.create(group=group, config=config, **{**defaults, "status": RunStatus.DONE, **fields})


def test_a_group_at_rest_is_drawn_with_its_controls(client, bob, group):
    client.force_login(bob)
    html = html_of(client.get(f"/groups/{group.pk}/live"))
    assert "Ordered Fallback" in html
    assert "Sending to <strong>prod-chat</strong>" in html
    assert "Switch to Weighted" in html
    assert "No rehearsal yet" in html


def test_the_other_picture_can_be_previewed(client, bob, group):
    client.force_login(bob)
    html = html_of(client.get(f"/groups/{group.pk}/live?mode=weighted"))
    assert "Switch to Ordered" in html
    assert client.get(f"/groups/{group.pk}/live?mode=nonsense").status_code == 200


def test_a_rehearsal_starts_and_is_shown(client, bob, group, started):
    client.force_login(bob)
    answer = client.post(f"/groups/{group.pk}/live", {**FORM, "rate_0": "30"})
    ((run, job),) = started
    assert answer.url == f"/runs/{run.pk}?play=1"
    assert (run.seed, run.created_by, job.workload.num_requests, job.workload.concurrency) == (7, "bob", 50, 5)
    assert [fault.probability for fault in job.scenario.faults] == [0.3]


@pytest.mark.parametrize(
    "bad", [{"num_requests": "0"}, {"num_requests": "x"}, {"concurrency": ""}, {"scenario": "nope"}, {"rate_0": "101"}]
)
def test_a_bad_form_comes_back_and_starts_nothing(client, bob, group, started, bad):
    client.force_login(bob)
    answer = client.post(f"/groups/{group.pk}/live", {**FORM, **bad})
    assert answer.status_code == 422
    assert 'class="error"' in html_of(answer)
    assert started == []


def test_more_real_requests_than_allowed_say_so(client, bob, group, started, settings):
    settings.REAL_RUN_MAX_REQUESTS = 10
    client.force_login(bob)
    answer = client.post(f"/groups/{group.pk}/live", {**FORM, "mode": "real"})
    assert answer.status_code == 422
    assert "REAL_RUN_MAX_REQUESTS" in html_of(answer)
    assert started == []


def test_a_run_that_has_ended_shows_its_last_frame_and_can_be_repeated(client, bob, group):
    run = make_run(group)
    empty = {"started": 0, "succeeded": 0, "failed": 0, "in_flight": 0, "fallbacks": 0}
    Frame.objects.create(run=run, n=0, data=frame(group, {**empty, "started": 12, "succeeded": 12}))
    client.force_login(bob)
    html = html_of(client.get(f"/runs/{run.pk}"))
    assert ">12<" in html
    assert 'value="20"' in html
    assert ">12<" not in html_of(client.get(f"/runs/{run.pk}?play=1"))


def frame(group, requests: dict[str, int]) -> dict[str, Any]:
    return {"type": "frame", "at_ms": 0.0, "requests": requests, "deployments": {}, "last_traces": []}


def test_a_failed_run_says_why(client, bob, group):
    run = make_run(group, status=RunStatus.FAILED, error="The rehearsal process was killed.")
    client.force_login(bob)
    assert "The rehearsal process was killed." in html_of(client.get(f"/runs/{run.pk}"))


def test_stopping_and_deleting(client, bob, group):
    client.force_login(bob)
    run = make_run(group, status=RunStatus.RUNNING)
    client.post(f"/runs/{run.pk}/cancel")
    run.refresh_from_db()
    assert run.cancel_requested
    client.post(f"/runs/{run.pk}/delete")
    assert Run.objects.filter(pk=run.pk).exists()
    over = make_run(group)
    assert client.post(f"/runs/{over.pk}/delete").url == f"/groups/{group.pk}/live"
    assert not Run.objects.filter(pk=over.pk).exists()


def test_a_viewer_watches_and_starts_nothing(client, charlie, group, started):
    client.force_login(charlie)
    assert "needs the role operator" in html_of(client.get(f"/groups/{group.pk}/live"))
    assert client.post(f"/groups/{group.pk}/live", FORM).status_code == 403
    run = make_run(group)
    assert client.get(f"/runs/{run.pk}").status_code == 200
    assert client.post(f"/runs/{run.pk}/delete").status_code == 403
    assert started == []


def test_strangers_see_nothing(client, dora, group):
    run = make_run(group)
    assert client.get(f"/runs/{run.pk}").status_code == 302
    client.force_login(dora)
    assert client.get(f"/runs/{run.pk}").status_code == 403
    assert client.get(f"/groups/{group.pk}/live").status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_runs(client, bob, group, django_assert_max_num_queries):
    client.force_login(bob)
    for _ in range(15):
        run = make_run(group)
    with django_assert_max_num_queries(12):
        client.get(f"/runs/{run.pk}")
