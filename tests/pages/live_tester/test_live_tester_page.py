"""The Live Tester's pages, as the server draws them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.rehearsal.jobs import FRAMES_PER_INTERVAL
from pages.live_tester import views
from providers.models import LanguageModel
from tester.models import Frame, Run, RunStatus
from tester.run_planning import RunRequest, plan
from tests.factories import make_group, make_model
from tests.page import Tags, html_of

pytestmark = pytest.mark.django_db
FORM = {"num_requests": "50", "concurrency": "5", "mode": "mock", "scenario": "healthy", "seed": "7"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, Any]]:
    """The runs that were handed to the background; the e2e tests let them run."""
    found: list[tuple[Run, Any]] = []
    monkeypatch.setattr(views, "conduct_in_background", lambda run, job: found.append((run, job)))
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


def test_without_javascript_a_new_run_is_shown_as_it_is_and_not_as_it_began(client, bob, group):
    client.force_login(bob)
    done, running = make_run(group), make_run(group, status=RunStatus.RUNNING)
    for run in (done, running):
        html = html_of(client.get(f"/runs/{run.pk}?play=1"))
        assert f'<noscript><meta http-equiv="refresh" content="0; url=/runs/{run.pk}"></noscript>' in html
        assert html.count("http-equiv") == 1
    assert "http-equiv" not in html_of(client.get(f"/runs/{done.pk}"))
    html = html_of(client.get(f"/runs/{running.pk}"))
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in html
    assert html.count("http-equiv") == 1


def test_the_playback_is_told_what_the_engine_goes_by(client, bob, group):
    client.force_login(bob)
    run = make_run(group)
    html = html_of(client.get(f"/runs/{run.pk}"))
    (bar,) = [attributes for _, attributes in Tags(html).found if "data-run" in attributes]
    assert set(bar["data-final"].split()) == set(RunStatus) - {RunStatus.QUEUED, RunStatus.RUNNING}
    assert float(bar["data-frame-ms"]) == 1000 * plan(group, RunRequest()).job.frame_every_s
    assert int(bar["data-frames-per-interval"]) == FRAMES_PER_INTERVAL


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


def test_requests_can_come_at_a_rate(client, bob, group, started):
    client.force_login(bob)
    client.post(f"/groups/{group.pk}/live", {**FORM, "traffic": "poisson", "rate_per_s": "2.5", "concurrency": "many"})
    ((run, job),) = started
    assert (job.workload.kind, job.workload.rate_per_s, job.workload.num_requests) == ("poisson", 2.5, 50)
    html = html_of(client.get(f"/runs/{run.pk}"))
    assert ("traffic", "poisson") in checked(html)
    assert 'name="rate_per_s" value="2.5"' in html


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"traffic": "poisson"}, "This field is required."),
        ({"traffic": "poisson", "rate_per_s": "0"}, "greater than or equal to 0.01"),
        ({"traffic": "poisson", "rate_per_s": "0.01", "num_requests": "100000"}, "at most 7 can be rehearsed"),
        ({"traffic": "closed", "concurrency": "0", "rate_per_s": "x"}, "greater than or equal to 1."),
        ({"traffic": "trickle"}, "Select a valid choice"),
    ],
)
def test_bad_traffic_says_why_and_keeps_what_was_typed(client, bob, group, started, bad, why):
    client.force_login(bob)
    answer = client.post(f"/groups/{group.pk}/live", {**FORM, **bad})
    assert answer.status_code == 422
    assert why in html_of(answer)
    assert f'value="{bad.get("num_requests", 50)}"' in html_of(answer)
    assert started == []


def test_the_run_page_has_the_controls_of_the_run(client, bob, group, started):
    client.force_login(bob)
    client.post(f"/groups/{group.pk}/live", {**FORM, "scenario": "flapping-primary", "rate_1": "40"})
    html = html_of(client.get(f"/runs/{started[0][0].pk}"))
    assert '<option value="flapping-primary" selected>' in html
    assert 'name="rate_1" value="40"' in html
    assert 'name="rate_0" value="0"' in html


def test_send_test_sends_one_request_and_leaves_the_controls_alone(client, bob, group, started):
    client.force_login(bob)
    answer = client.post(f"/groups/{group.pk}/live", {**FORM, "send": "one", "concurrency": "", "rate_0": "30"})
    ((run, job),) = started
    assert (job.workload.num_requests, job.workload.concurrency, job.scenario.faults[0].probability) == (1, 1, 0.3)
    assert 'name="num_requests" value="50"' in html_of(client.get(answer.url))
    assert answer.url.startswith(f"/runs/{run.pk}?play=1&num_requests=50")


REAL = {**FORM, "mode": "real", "num_requests": "20"}


@pytest.fixture
def priced():
    models = [make_model(input_cost_per_million=1000, output_cost_per_million=1000) for _ in range(2)]
    return make_group(name="dear", strategy="priority-failover", models=models)


def checked(html: str) -> set[tuple[str | None, str | None]]:
    return {(row.get("name"), row.get("value")) for _, row in Tags(html).found if "checked" in row}


def hidden(html: str) -> dict[str, str]:
    found = [attributes for tag, attributes in Tags(html).found if tag == "input" and attributes["type"] == "hidden"]
    return {row["name"] or "": row.get("value") or "" for row in found if row["name"] != "csrfmiddlewaretoken"}


def test_before_real_requests_the_page_asks_and_says_what_they_cost(client, bob, priced, started):
    client.force_login(bob)
    answer = client.post(f"/groups/{priced.pk}/live", REAL)
    html = html_of(answer)
    assert (answer.status_code, started) == (200, [])
    assert "Send 20 real requests?" in html
    assert "about $1.40" in html
    assert priced.deployments.first().model.provider.name in html
    assert {"num_requests": "20", "confirmed": "1"}.items() <= hidden(html).items()
    assert float(hidden(html)["max_cost_usd"]) == pytest.approx(1.4, abs=0.001)


def test_a_confirmed_question_sends_what_was_asked_for(client, bob, priced, started):
    client.force_login(bob)
    asked = hidden(html_of(client.post(f"/groups/{priced.pk}/live", {**REAL, "send": "one"})))
    assert client.post(f"/groups/{priced.pk}/live", asked).status_code == 302
    ((run, job),) = started
    assert (run.is_real, job.is_real, job.workload.num_requests) == (True, True, 1)


def test_nothing_is_sent_when_the_price_has_risen_meanwhile(client, bob, priced, started):
    client.force_login(bob)
    asked = hidden(html_of(client.post(f"/groups/{priced.pk}/live", REAL)))
    LanguageModel.objects.update(input_cost_per_million=2000)
    answer = client.post(f"/groups/{priced.pk}/live", asked)
    assert (answer.status_code, started) == (422, [])
    assert "The price has changed since you were asked." in html_of(answer)


def test_an_unknown_price_is_said_and_the_way_back_keeps_everything(client, bob, group, started):
    client.force_login(bob)
    html = html_of(client.post(f"/groups/{group.pk}/live", REAL))
    assert "is unknown. Give it one in the catalog" in html
    assert "max_cost_usd" not in hidden(html)
    back = html_of(client.post(f"/groups/{group.pk}/live", {**hidden(html), "back": "1"}))
    assert 'name="num_requests" value="20"' in back
    assert ("mode", "real") in checked(back)
    assert started == []


def test_free_requests_are_asked_about_too(client, bob, started):
    free: dict[str, Any] = {"input_cost_per_million": 0, "output_cost_per_million": 0}
    group = make_group(name="free", strategy="weighted", models=[make_model(**free)])
    client.force_login(bob)
    assert "nothing, these models are free" in html_of(client.post(f"/groups/{group.pk}/live", REAL))
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


def test_deleting_asks_first(client, bob, group):
    client.force_login(bob)
    run = make_run(group)
    answer = client.get(f"/runs/{run.pk}/delete")
    assert "Delete this run?" in html_of(answer)
    assert Run.objects.filter(pk=run.pk).exists()


def test_all_runs_are_listed_in_pages(client, charlie, group):
    result = {"total_requests": 2000, "failed_requests": 20}
    make_run(group, scenario="everything-down", result=result)
    for seed in range(20):
        make_run(group, seed=seed, status=RunStatus.FAILED)
    client.force_login(charlie)
    html = html_of(client.get(f"/groups/{group.pk}/runs"))
    assert "1–20 of 21 runs" in html
    assert "Everything down" not in html
    last = html_of(client.get(f"/groups/{group.pk}/runs?page=2"))
    assert all(text in last for text in ("Everything down", "2,000", "99\u202f%", "Ended", "by bob"))
    assert "Delete" not in last


def test_a_group_without_runs_says_how_to_make_one(client, bob, group):
    client.force_login(bob)
    assert "Open the Live Tester" in html_of(client.get(f"/groups/{group.pk}/runs"))
    assert client.post(f"/groups/{group.pk}/runs").status_code == 405


def test_a_viewer_watches_and_starts_nothing(client, charlie, group, started):
    client.force_login(charlie)
    assert "needs the role operator" in html_of(client.get(f"/groups/{group.pk}/live"))
    for form in (FORM, REAL, {**REAL, "confirmed": "1"}):
        assert client.post(f"/groups/{group.pk}/live", form).status_code == 403
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
    assert client.get(f"/groups/{group.pk}/runs").status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_runs(client, bob, group, django_assert_max_num_queries):
    client.force_login(bob)
    for _ in range(15):
        run = make_run(group)
    with django_assert_max_num_queries(12):
        client.get(f"/runs/{run.pk}")
    with django_assert_max_num_queries(6):
        client.get(f"/groups/{group.pk}/runs")
