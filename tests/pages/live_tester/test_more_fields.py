"""The Live Tester's folded controls: what they ask for, and that nothing typed is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from pages.live_tester import views
from tester.models import Run
from tests.page import html_of

FORM = {"num_requests": "50", "concurrency": "5", "mode": "mock", "scenario": "healthy", "seed": "7"}
CALLERS = {"client_retries": "1", "gives_up_after_s": "2.5", "obeys_retry_after": "on"}
MORE = {"seeds": "3", "slots": "4", "queue": "2", **CALLERS}


@pytest.fixture
def started(monkeypatch) -> list[Any]:
    """The jobs that were handed to the background."""
    found: list[Any] = []
    monkeypatch.setattr(views, "conduct_in_background", lambda run, job: found.append(job))
    return found


@pytest.fixture
def press(client, bob, group, started):
    """Presses Run Simulation."""
    client.force_login(bob)
    return lambda **said: client.post(f"/groups/{group.pk}/live", {**FORM, **said})


def speeds(content: object) -> SimpleUploadedFile:
    text = content if isinstance(content, str) else json.dumps(content)
    return SimpleUploadedFile("speeds.json", text.encode())


def test_seeds_callers_and_capacity_are_those_of_the_run(press, started):
    assert press(**MORE).status_code == 302
    (job,) = started
    assert Run.objects.get().seeds == 3
    clients = job.workload.clients
    assert (clients.retries, clients.gives_up_after_s, clients.obeys_retry_after) == (1, 2.5, True)
    (aimed,) = job.scenario.faults
    assert (aimed.target, aimed.fault.slots, aimed.fault.queue) == ("*", 4, 2)


def test_what_is_empty_is_as_by_default(press, started):
    press()
    (job,) = started
    assert (job.workload.clients, job.scenario.faults, Run.objects.get().seeds) == (None, (), 1)


def test_capacity_comes_beside_a_scenario(press, started):
    press(slots="4", scenario="primary-outage")
    kinds = {aimed.fault.kind for aimed in started[0].scenario.faults}
    assert "capacity" in kinds
    assert len(kinds) > 1


def test_own_speeds_come_from_a_file(press, started, ids):
    press(profiles_file=speeds({ids[0]: {"first_token_ms": 123, "tokens_per_s": 50}}))
    profiles = started[0].profiles
    assert (profiles[ids[0]].first_token_ms, profiles[ids[0]].source) == (123, "given")
    assert profiles[ids[1]].source != "given"


def test_the_page_of_a_run_has_its_values_again(client, press, ids, started):
    press(**MORE, profiles_file=speeds({ids[0]: {"first_token_ms": 123}}))
    run = Run.objects.get()
    html = html_of(client.get(f"/runs/{run.pk}"))
    for name, value in MORE.items():
        assert f'name="{name}"' in html
        assert name == "obeys_retry_after" or f'name="{name}" value="{value}"' in html
    assert "Your speeds are kept" in html
    assert '<details class="mock-only" id="around" open>' in html
    assert "Faults of this run:" not in html, "the capacity is in its own fields"


def test_a_file_is_kept_while_something_else_is_wrong(press, started, ids):
    answer = press(seeds="many", profiles_file=speeds({ids[0]: {"first_token_ms": 123}}))
    html = html_of(answer)
    assert (answer.status_code, started) == (422, [])
    assert "first_token_ms&quot;: 123" in html
    assert "Your speeds are kept" in html
    press(profiles=json.dumps({ids[0]: {"first_token_ms": 123}}))
    assert started[0].profiles[ids[0]].first_token_ms == 123


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"seeds": "0"}, "seeds", "greater than or equal to 1"),
        ({"seeds": "101"}, "seeds", "less than or equal to 100"),
        ({"num_requests": "100000", "seeds": "50"}, "seeds", "Give 1 to 10"),
        ({"client_retries": "-1"}, "client_retries", "greater than or equal to 0"),
        ({"gives_up_after_s": "soon"}, "gives_up_after_s", "Enter a number"),
        ({"queue": "5", "slots": ""}, "slots", "Say how many are served"),
        ({"slots": "0"}, "slots", "greater than or equal to 1"),
        ({"profiles_file": "{"}, "profiles_file", "This is not valid JSON"),
        ({"profiles_file": "[1]"}, "profiles_file", "Give an object of deployment ids"),
        (
            {"profiles_file": '{"nobody": {"first_token_ms": 1}}'},
            "profiles_file",
            "nobody: No deployment that",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(press, started, wrong, field, words):
    given = {name: speeds(value) if name == "profiles_file" else value for name, value in wrong.items()}
    answer = press(**{**MORE, **given})
    html = html_of(answer)
    assert (answer.status_code, started) == (422, [])
    assert f'id="id_{field}_error">{words}' in html or words in html.split(f'id="id_{field}_error">')[1][:300]
    assert 'name="gives_up_after_s" value="' in html
    assert '<details class="mock-only" id="around" open>' in html
