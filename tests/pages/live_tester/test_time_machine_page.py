"""The page of the outage time machine: its form, its answer in pictures and words, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pages.live_tester.time_machine import views
from pages.live_tester.time_machine.heat import heat_map, sentence_of
from tester.exceptions import RunBroken
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

    def perform(plan):
        plans.append(plan)
        return RESULT

    monkeypatch.setattr(views, "rehearse_history", perform)
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


def test_a_year_is_told_in_a_picture_in_a_table_and_in_words(client, bob, address, asked):
    client.force_login(bob)
    html = html_of(client.post(address, FORM))
    assert "2024 with this group: 99.7%" in html
    assert "With OpenAI alone 95.9% in the week of 9 December 2024, with this group 99.4%; 60 of the 60 lost" in html
    assert 'aria-label="OpenAI, week by week: 98%, worst week 95.9%, from 9 December 2024"' in html
    assert html.count("<rect") == 6
    assert "12 December 2024, 02:00 to 07:00 UTC: 59.6 lost" in html
    assert "No incidents are known of it, so it never fails here." in html
    assert "$12.50 at the prices of today" in html
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
        ({"service_0": "", "service_1": ""}, "Say which service each is"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form(client, bob, address, asked, change, words):
    client.force_login(bob)
    answer = client.post(address, {**FORM, **change})
    assert answer.status_code == 422
    assert words in html_of(answer)
    assert asked == []


def test_a_rehearsal_that_broke_is_said_above_the_form(client, bob, address, monkeypatch):
    def broken(plan):
        raise RunBroken("No result within 900 s.")

    monkeypatch.setattr(views, "rehearse_history", broken)
    client.force_login(bob)
    answer = client.post(address, FORM)
    assert answer.status_code == 503
    assert "No result within 900 s." in html_of(answer)


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
