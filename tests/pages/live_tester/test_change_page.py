"""Changing a run from its page: what is posted, where it leads, and what comes back when it can't be done."""

from __future__ import annotations

from typing import Any

import pytest

from pages.live_tester import run_change
from tester.models import Frame, Run, RunStatus
from tester.run_planning import RunRequest, plan
from tests.page import html_of
from tests.tester.live.runs import frame_at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, Any]]:
    """The runs that were handed to the background; the e2e tests let them run."""
    found: list[tuple[Run, Any]] = []
    monkeypatch.setattr(run_change, "conduct_in_background", lambda run, job: found.append((run, job)))
    return found


@pytest.fixture
def run(group, ids) -> Run:
    """A run of 20 seconds, with a third of Nebius failing."""
    rates = {"deployment_failure_rates": {ids[0]: 1 / 3}}
    planned = plan(group, RunRequest(seed=7, scenario="primary-outage", failure_injection=rates))
    fields = {"group_name": "chat", "group_revision": 1, "scenario": "primary-outage", "seed": 7, "created_by": "bob"}
    stored = Run.objects.create(
        group=group, config=planned.config, engine_input=planned.engine_input, status=RunStatus.DONE, **fields
    )
    Frame.objects.create(run=stored, n=80, data=frame_at(80, deployments=ids))
    return stored


@pytest.fixture
def post(client, bob, run):
    """Posts the form of the run's page without JavaScript, with changes."""
    client.force_login(bob)
    shown = {"at_ms": "5000", "scenario": "primary-outage", "shown_scenario": "primary-outage", "rate_0": "33"}
    return lambda **said: client.post(f"/runs/{run.pk}/change", {**shown, "rate_1": "0", "num_requests": "77", **said})


def test_a_moved_slider_leads_to_a_run_of_its_own(post, run, started, ids):
    answer = post(rate_1="50")
    ((changed, job),) = started
    assert (answer.status_code, answer.url) == (302, f"/runs/{changed.pk}?play=1&from=5000")
    assert (changed.continues, changed.scenario, changed.created_by) == (run, "primary-outage", "bob")
    assert changed.config["failure_rates"] == {ids[0]: 1 / 3, ids[1]: 0.5}
    assert [(f.target, f.from_s, f.stops_at_s) for f in job.scenario.faults][-1] == (ids[1], 5.0, None)


def test_another_scenario_begins_at_the_moment(post, started):
    post(scenario="everything-down")
    ((changed, job),) = started
    outage, rate, down = job.scenario.faults
    assert (outage.stops_at_s, rate.stops_at_s, down.from_s) == (5.0, None, 5.0)
    assert changed.scenario == "everything-down"


def test_only_what_was_touched_may_be_posted(client, bob, run, started, ids):
    client.force_login(bob)
    client.post(f"/runs/{run.pk}/change", {"at_ms": "5000.5", "scenario": "primary-outage"})
    ((changed, _),) = started
    assert changed.config["changes"][-1]["at_ms"] == 5000.5
    assert changed.config["failure_rates"] == {ids[0]: 1 / 3}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "Nothing is changed."),
        ({"at_ms": "", "rate_0": "0"}, "The run ended at 20,000 ms. Give an earlier moment."),
        ({"at_ms": "soon"}, "Moment of the change: Enter a number."),
        ({"rate_1": "101"}, "Fireworks errors: Ensure this value is less than or equal to 100."),
        ({"scenario": "earthquake"}, "Scenario: Select a valid choice."),
    ],
)
def test_a_change_that_cannot_be_made_is_said_and_nothing_typed_is_lost(post, started, said, why):
    answer = post(**said)
    html = html_of(answer)
    assert answer.status_code == 422
    assert f'data-not-changed="{why}' in html
    assert 'value="77"' in html
    assert started == []


def test_a_choice_that_came_with_a_wrong_moment_is_still_a_change_when_the_moment_is_mended(post, started):
    html = html_of(post(at_ms="99999", scenario="everything-down"))
    assert 'name="shown_scenario" value="primary-outage"' in html
    assert '<option value="everything-down" selected>' in html


def test_the_page_shows_the_controls_as_they_stand(client, bob, run, started):
    client.force_login(bob)
    html = html_of(client.get(f"/runs/{run.pk}"))
    assert f'formaction="/runs/{run.pk}/change"' in html
    assert 'name="rate_0" value="33"' in html
    assert 'name="shown_scenario" value="primary-outage"' in html


def test_a_real_run_has_nothing_to_change(client, bob, run, started):
    Run.objects.update(is_real=True)
    client.force_login(bob)
    assert "formaction" not in html_of(client.get(f"/runs/{run.pk}"))
    answer = client.post(f"/runs/{run.pk}/change", {"at_ms": "5", "scenario": "everything-down"})
    assert (answer.status_code, "real requests" in html_of(answer)) == (422, True)


def test_those_who_may_not_change_runs(client, charlie, run, started):
    assert client.post(f"/runs/{run.pk}/change").status_code == 302
    client.force_login(charlie)
    assert client.post(f"/runs/{run.pk}/change", {"scenario": "everything-down"}).status_code == 403
    assert "formaction" not in html_of(client.get(f"/runs/{run.pk}"))
    assert client.get(f"/runs/{run.pk}/change").status_code == 405
    assert started == []
