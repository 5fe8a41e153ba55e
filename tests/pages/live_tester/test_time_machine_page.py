"""The page of the outage time machine: its form, its answer in pictures and words, and what it refuses."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from pages.live_tester.time_machine.heat import heat_map, sentence_of
from tester import rules
from tester.history.performing import PastRehearsal
from tester.models import HistoryRun
from tests.factories import make_group, make_model
from tests.page import html_of
from tests.tester.history.conftest import group

__all__ = ["group"]

FORM = {
    "year": "2024", "seeds": "1", "minor": "10", "major": "50", "critical": "100",
    "service_0": "openai-api", "service_1": "anthropic-api",
}  # fmt: skip
RESULT: dict[str, Any] = {
    "from": "2024-12-02T00:00Z",
    "until": "2024-12-16T00:00Z",
    "availability": 0.997,
    "ranges": {
        "availability": [0.996, 0.997, 0.998],
        "alone:OpenAI": [0.979, 0.98, 0.981],
        "alone:Anthropic": [1.0, 1.0, 1.0],
    },
    "alone": {"OpenAI": 0.98, "Anthropic": 1.0},
    "requests": 20_160,
    "lost": 60.4,
    "cost_usd": 12.5,
    "weeks": [
        {"starts": "2024-12-02T00:00Z", "availability": 1.0, "alone": {"OpenAI": 1.0, "Anthropic": 1.0}, "lost": 0},
        {
            "starts": "2024-12-09T00:00Z",
            "availability": 0.994,
            "alone": {"OpenAI": 0.959, "Anthropic": 1.0},
            "lost": 60.4,
        },
    ],
    "worst": [
        {
            "from": "2024-12-12T02:00Z",
            "until": "2024-12-12T07:00Z",
            "lost": 59.6,
            "down": ["openai-api", "anthropic-api"],
        }
    ],
    "seeds": [1, 2],
    "services": {"OpenAI": "openai-api"},
    "without_service": ["Anthropic"],
    "notes": [],
}


@pytest.fixture
def asked(monkeypatch):
    """The plans that were performed; the answer is known."""
    plans = []

    def perform(past: PastRehearsal) -> None:
        plans.append(past._plan)
        HistoryRun.objects.filter(pk=past._run.pk).update(result=RESULT, status="done", seeds_done=1)

    monkeypatch.setattr(PastRehearsal, "conduct_in_background", perform)
    return plans


@pytest.fixture
def address(group):
    return f"/groups/{group.pk}/time-machine"


def test_the_form_knows_the_providers_and_guesses_their_services(client, charlie, address):
    client.force_login(charlie)
    html = html_of(client.get(address))
    assert "OpenAI is" in html
    assert '<option value="anthropic-api" selected>' in html
    assert "Rehearsing needs the role operator" in html
    assert "Send the year through" not in html


def test_where_no_incidents_are_known_the_first_press_shows_those_of_others_and_says_so(client, bob, asked):
    group = make_group(models=[make_model(), make_model(), make_model()])
    client.force_login(bob)
    address = f"/groups/{group.pk}/time-machine"
    html = html_of(client.get(address))
    assert "those of other services stand for theirs" in html
    assert re.findall(r'<option value="([^"]*)" selected>', html)[-3:] == ["openai-api", "anthropic-api", ""]


def test_a_year_is_told_in_a_picture_in_a_table_and_in_words(client, bob, address, asked):
    client.force_login(bob)
    html = html_of(client.post(address, FORM, follow=True))
    assert "2024 with this group: 99.7\u202f%" in html
    assert (
        "With OpenAI alone 95.9\u202f% in the week of 9 December 2024, with this group 99.4\u202f%; 60 of the 60 lost"
        in html
    )
    assert 'aria-label="OpenAI, week by week: 98\u202f%, worst week 95.9\u202f%, from 9 December 2024"' in html
    assert html.count("<rect") == 6
    assert "12 December 2024, 02:00 to 07:00 UTC: 59.6 lost" in html
    assert "No incidents are known of it, so it never fails here." in html
    assert "$12.50 at the prices of today" in html
    assert '<option value="2024" selected>' in html
    (plan,) = asked
    assert (plan.job.seeds, plan.job.services) == (1, {"OpenAI": "openai-api", "Anthropic": "anthropic-api"})


def test_shares_are_given_in_percent(client, bob, address, asked):
    client.force_login(bob)
    client.post(address, {**FORM, "major": "25"})
    assert asked[0].shares["major"] == 0.25


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"year": "1999"}, "Select a valid choice"),
        ({"major": "120"}, "less than or equal to 100"),
        ({"critical": ""}, "This field is required"),
        ({"service_0": "nobody"}, "Select a valid choice"),
        ({"service_0": "", "service_1": ""}, "Say for at least one of them whose incidents it has"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form(client, bob, address, asked, change, words):
    client.force_login(bob)
    answer = client.post(address, {**FORM, **change})
    assert answer.status_code == 422
    assert words in html_of(answer)
    assert asked == []


@pytest.fixture
def under_way(group):
    """One whose process lives."""

    def make(**fields: Any) -> HistoryRun:
        about = {"status": "running", "seeds": 5, "config": {"year": 2024, "seeds": 5}, "created_by": "bob"}
        return HistoryRun.objects.create(
            group=group, group_name=group.name, group_revision=group.revision, **{**about, **fields}
        )

    return make


def ask_again(client, run: HistoryRun, seen: int) -> HttpResponse:
    """As htmx does."""
    return client.get(f"/time-machine/{run.pk}?seen={seen}", headers={"HX-Request": "true"})


def test_one_that_is_under_way_says_how_far_it_is_and_can_be_left(client, charlie, address, under_way):
    run = under_way(progress=0.34)
    client.force_login(charlie)
    html = html_of(client.get(f"/time-machine/{run.pk}"))
    assert 'value="0.340"' in html
    assert "0 of 5 seeds done" in html
    assert '<meta http-equiv="refresh" content="2">' in html
    assert f'hx-get="/time-machine/{run.pk}"' in html
    assert ">Stop</button>" not in html
    assert f'href="/time-machine/{run.pk}"' in html_of(client.get(address))


def test_those_before_are_listed_without_the_one_that_is_shown(client, bob, under_way):
    before, shown = under_way(status="done", result=RESULT, seeds_done=5), under_way()
    client.force_login(bob)
    listed = html_of(client.get(f"/time-machine/{shown.pk}")).split("Rehearsed before")[1]
    assert f'href="/time-machine/{before.pk}"' in listed
    assert f'href="/time-machine/{shown.pk}"' not in listed


def test_the_first_answer_is_shown_while_the_others_are_under_way(client, bob, under_way):
    run = under_way(result=RESULT, seeds_done=1, progress=0.2)
    client.force_login(bob)
    html = html_of(client.get(f"/time-machine/{run.pk}"))
    assert "1 of 5 seeds done" in html
    assert "2024 with this group: 99.7\u202f%" in html
    assert ">Stop</button>" in html


def test_htmx_gets_an_answer_only_when_it_is_new_and_asks_no_more_at_the_end(client, bob, under_way):
    run = under_way(result=RESULT, seeds_done=1)
    client.force_login(bob)
    known, new = ask_again(client, run, 1), ask_again(client, run, 0)
    assert (known.status_code, "tm-answer" in html_of(known)) == (200, False)
    assert 'hx-swap-oob="innerHTML:#tm-answer"' in html_of(new)
    HistoryRun.objects.update(status="done", seeds_done=5)
    last = ask_again(client, run, 5)
    assert (last.status_code, "tm-answer" in html_of(last)) == (286, True)


def test_one_that_broke_or_lost_its_server_says_so(client, bob, under_way):
    broken = under_way(status="failed", error="It was not done within 60 minutes.")
    lost = under_way(heartbeat_at=timezone.now() - timedelta(minutes=5))
    client.force_login(bob)
    assert "It was not done within 60 minutes." in html_of(client.get(f"/time-machine/{broken.pk}"))
    assert "The server that ran it went away" in html_of(client.get(f"/time-machine/{lost.pk}"))


def test_it_is_stopped_and_deleted_on_its_page(client, bob, charlie, under_way):
    run = under_way()
    client.force_login(charlie)
    assert client.post(f"/time-machine/{run.pk}/cancel").status_code == 403
    client.force_login(bob)
    assert client.post(f"/time-machine/{run.pk}/cancel").status_code == 302
    run.refresh_from_db()
    assert run.cancel_requested
    HistoryRun.objects.update(status="cancelled")
    assert "Stopped after 0 of 5 seeds" in html_of(client.get(f"/time-machine/{run.pk}"))
    assert "Delete this rehearsal?" in html_of(client.get(f"/time-machine/{run.pk}/delete"))
    assert client.post(f"/time-machine/{run.pk}/delete").status_code == 302
    assert not HistoryRun.objects.exists()


def test_it_outlives_its_group(client, bob, group, under_way):
    run = under_way(status="done", result=RESULT, seeds_done=5)
    group.delete()
    client.force_login(bob)
    assert "2024 with this group: 99.7\u202f%" in html_of(client.get(f"/time-machine/{run.pk}"))


def test_too_many_at_a_time_are_refused_at_the_form(client, bob, address, asked, monkeypatch):
    monkeypatch.setattr(rules, "MOST_OPEN_HISTORY_RUNS", 0)
    client.force_login(bob)
    answer = client.post(address, FORM)
    assert answer.status_code == 422
    assert "Wait for one to end" in html_of(answer)
    assert asked == []


def test_only_operators_send_a_year_through(client, charlie, dora, address, asked):
    client.force_login(charlie)
    assert client.post(address, FORM).status_code == 403
    client.force_login(dora)
    assert client.get(address).status_code == 403
    assert asked == []


def test_the_colour_of_a_week_follows_its_availability():
    levels = [[cell.level for cell in row.cells] for row in heat_map(RESULT).rows]
    assert levels == [[0, 2], [0, 3], [0, 0]]


def test_a_year_without_losses_is_said_plainly():
    weeks = [{**RESULT["weeks"][0]}]
    assert "Nothing that was reported" in sentence_of({**RESULT, "weeks": weeks, "worst": [], "lost": 0})
