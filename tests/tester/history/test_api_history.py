"""`POST /v1/routing_group/{id}/history`: the answer, the rights, and what it says to bad input."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.keys import COMMAND_LINE
from providers.status_pages import actions
from tests.factories import make_group, make_model, make_provider
from tests.providers.status_pages.statuspage import incident, page

DAY = {"from": "2024-12-12", "until": "2024-12-13", "seeds": 1, "requests_per_hour": 6}
FIELDS = {"availability", "ranges", "alone", "requests", "lost", "weeks", "worst"}


def test_a_day_of_the_past_has_every_field_of_the_contract(as_bob, url):
    answer = as_bob.post(url, DAY)
    assert answer.status_code == 200, answer.content
    result = answer.json()
    assert set(result) >= FIELDS
    assert set(result["alone"]) == {"OpenAI", "Anthropic"}
    assert result["services"] == {"OpenAI": "openai-api", "Anthropic": "anthropic-api"}
    assert result["requests"] == 24 * 6
    assert result["alone"]["OpenAI"] < result["availability"] < 1
    assert set(result["worst"][0]) == {"from", "until", "lost", "down"}
    assert set(result["weeks"][0]) >= {"starts", "availability", "alone"}
    assert result["cost_usd"] > 0
    assert result["without_service"] == []


def test_the_same_seeds_give_the_same_answer_and_others_another(as_bob, url):
    first, again, other = (as_bob.post(url, {**DAY, "seed": seed}).json() for seed in (1, 1, 9))
    assert first == again
    assert first["lost"] != other["lost"] or first["cost_usd"] != other["cost_usd"]


def test_shares_of_impacts_decide_how_much_is_lost(as_bob, url):
    nothing = dict.fromkeys(("minor", "major", "critical"), 0)
    result = as_bob.post(url, {**DAY, "impact_shares": nothing}).json()
    assert (result["availability"], result["lost"]) == (1, 0)


def test_a_provider_can_have_any_service_or_none(as_bob, url):
    result = as_bob.post(url, {**DAY, "services": {"Anthropic": "", "OpenAI": "openai-chatgpt"}}).json()
    assert result["services"] == {"OpenAI": "openai-chatgpt"}
    assert result["without_service"] == ["Anthropic"]
    assert result["alone"]["Anthropic"] == 1


def test_incidents_of_a_request_are_rehearsed_too(as_bob, url):
    mine = {"service": "mine", "start": "2024-12-12T00:00Z", "impact": "critical"}
    result = as_bob.post(url, {**DAY, "services": {"Anthropic": "mine"}, "incidents": [mine]}).json()
    assert result["alone"]["Anthropic"] == 0  # it is open until the end


def test_incidents_of_imported_status_pages_are_rehearsed_too(as_bob, url):
    told = incident(12, started_at="2024-12-12T00:00Z", resolved_at="2024-12-13T00:00Z", impact="critical")
    actions.import_content(by=COMMAND_LINE, content=page(told))
    result = as_bob.post(url, {**DAY, "services": {"Anthropic": "acme-ai-chat-api"}}).json()
    assert result["alone"]["Anthropic"] == 0


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"from": None, "until": None}, "year", "Give a year"),
        ({"year": 2024}, "year", "not both"),
        ({"until": "2024-12-11"}, "until", "after from"),
        ({"from": "soon"}, "from", "2024-12-11T23:17Z"),
        ({"from": "2020-01-01"}, "until", "three years"),
        ({"from": "2022-01-01", "until": "2022-02-01"}, "year", "Known: 2023-01-05 to 2024-12-27"),
        ({"services": {"OpenAI": "nobody"}}, "services", "openai-api"),
        ({"services": {"Nobody": "openai-api"}}, "services", "It has: OpenAI, Anthropic"),
        ({"services": {"OpenAI": "", "Anthropic": ""}}, "services", "Say which service"),
        ({"impact_shares": {"awful": 1}}, "impact_shares.awful", "Unknown"),
        ({"impact_shares": {"minor": 10}}, "impact_shares", "less than or equal to 1"),
        ({"incidents": [{"service": "x"}]}, "incidents[0].start", "needed"),
        ({"requests_per_hour": 36_000, "seeds": 100, "from": "2024-01-01"}, "requests_per_hour", "the most are"),
        ({"seeds": 0}, "seeds", "1"),
        ({"weeks": 3}, "weeks", "Unknown"),
    ],
)
def test_what_cannot_be_rehearsed_has_a_clear_answer(as_bob, url, change, field, words):
    answer = as_bob.post(url, {**DAY, **change})
    assert answer.status_code == 400, answer.content
    assert field in answer.json()
    assert words in str(answer.json()[field])


def test_the_future_is_not_known(as_bob, url):
    year = timezone.now().year + 1
    answer = as_bob.post(url, {"year": year})
    assert answer.status_code == 400
    assert f"to {year - 1}" in str(answer.json()["year"])
    answer = as_bob.post(url, {**DAY, "until": f"{year}-12-31"})
    assert "in the future" in str(answer.json()["until"])


def test_a_group_without_known_providers_is_told_which_services_there_are(as_bob, db):
    group = make_group(name="mine", models=[make_model(provider=make_provider(name="Mine"))])
    answer = as_bob.post(f"/v1/routing_group/{group.pk}/history", {"year": 2024})
    assert answer.status_code == 400
    assert "Known: anthropic-api" in str(answer.json()["services"])


def test_only_operators_rehearse_and_only_groups_that_exist(as_charlie, as_bob, url):
    assert as_charlie.post(url, DAY).status_code == 403
    assert as_bob.get(url).status_code == 405
    assert as_bob.post(f"/v1/routing_group/{uuid4()}/history", DAY).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_period(as_bob, url):
    as_bob.post(url, DAY)
    with CaptureQueriesContext(connection) as few:
        as_bob.post(url, DAY)
    with CaptureQueriesContext(connection) as many:
        as_bob.post(url, {**DAY, "from": "2024-12-01"})
    assert len(many) == len(few)
