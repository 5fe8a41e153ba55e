"""`POST /v1/routing_group/{id}/history`: the answer, the rights, and what it says to bad input."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.keys import COMMAND_LINE
from providers.status_pages import actions
from tester import rules
from tester.history import performing
from tester.history.performing import PastRehearsal
from tester.models import HistoryRun
from tester.runs.pool import Pool
from tests.factories import make_group, make_model, make_provider
from tests.providers.status_pages.statuspage import incident, page
from tests.tester.performers import KILLED, performer

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
    first, again, other = ({**as_bob.post(url, {**DAY, "seed": seed}).json(), "run_id": None} for seed in (1, 1, 9))
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
        ({"services": {"OpenAI": "", "Anthropic": ""}}, "services", "whose incidents it has: anthropic-api"),
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
    assert "whose incidents it has: anthropic-api" in str(answer.json()["services"])


def test_only_operators_rehearse_and_only_groups_that_exist(as_charlie, as_bob, url):
    assert as_charlie.post(url, DAY).status_code == 403
    assert as_bob.put(url, DAY).status_code == 405
    assert as_bob.post(f"/v1/routing_group/{uuid4()}/history", DAY).status_code == 404


@pytest.fixture
def later(monkeypatch) -> list[PastRehearsal]:
    """Those that were handed to the background."""
    found: list[PastRehearsal] = []
    monkeypatch.setattr(PastRehearsal, "conduct_in_background", lambda past: found.append(past))
    return found


def test_the_first_seed_is_answered_at_once_and_the_others_follow(as_bob, url, later):
    first = as_bob.post(url, {**DAY, "seeds": 2}).json()
    assert (first["status"], first["seeds"], first["seeds_done"], first["seeds_asked"]) == ("running", [1], 1, 2)
    address = f"/v1/history/{first['run_id']}"
    assert as_bob.get(address).json()["progress"] == 0.5  # however quick the first seed was
    later[0].conduct()
    run = as_bob.get(address).json()
    assert (run["status"], run["progress"], run["result"]["seeds"]) == ("done", 1, [1, 2])
    low, middle, high = run["result"]["ranges"]["lost"]
    assert low <= middle <= high
    whole = as_bob.post(f"{url}?wait=seeds", {**DAY, "seeds": 2}).json()
    assert {**whole, "run_id": None} == {**run["result"], "run_id": None}


def test_who_does_not_wait_gets_an_address(as_bob, as_charlie, url, later):
    answer = as_bob.post(f"{url}?wait=false", DAY)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    address = f"/v1/history/{answer.json()['run_id']}"
    assert as_charlie.get(address).json()["result"] is None
    (row,) = as_charlie.get(url).json()["runs"]
    assert (row["status"], row["seeds_asked"], row["seeds_done"]) == ("queued", 1, 0)
    assert as_bob.delete(address).status_code == 409
    later[0].conduct()
    done = as_charlie.get(address).json()
    assert (done["status"], done["config"]["from"], done["config"]["seeds"]) == ("done", "2024-12-12T00:00Z", 1)
    assert as_bob.delete(address).json()["deleted"]
    assert as_charlie.get(address).status_code == 404


def test_a_request_is_sent_again_as_it_was_understood(as_bob, url):
    first = as_bob.post(url, DAY).json()
    config = as_bob.get(f"/v1/history/{first['run_id']}").json()["config"]
    assert {**as_bob.post(url, config).json(), "run_id": None} == {**first, "run_id": None}


def test_one_that_is_cancelled_keeps_what_it_has(as_bob, url, later):
    first = as_bob.post(url, {**DAY, "seeds": 3}).json()
    address = f"/v1/history/{first['run_id']}"
    assert as_bob.post(f"{address}/cancel").status_code == 202
    later[0].conduct()
    run = as_bob.get(address).json()
    assert (run["status"], run["seeds_done"], run["result"]["lost"]) == ("cancelled", 1, first["lost"])
    assert as_bob.post(f"{address}/cancel").status_code == 409


def test_only_so_many_are_under_way_at_a_time(as_bob, url, later, monkeypatch):
    monkeypatch.setattr(rules, "MOST_OPEN_HISTORY_RUNS", 1)
    assert as_bob.post(f"{url}?wait=false", DAY).status_code == 202
    answer = as_bob.post(f"{url}?wait=false", DAY)
    assert answer.status_code == 409
    assert "Wait for one to end" in answer.json()["detail"]


def test_one_that_takes_too_long_says_what_to_do(as_bob, url, monkeypatch):
    monkeypatch.setattr(performing, "LONGEST_S", -1.0)
    answer = as_bob.post(url, DAY)
    assert answer.status_code == 503
    assert "Ask for fewer seeds" in answer.json()["detail"]
    assert HistoryRun.objects.get().status == "failed"


def test_a_process_that_dies_ends_it_with_words(as_bob, url, monkeypatch):
    monkeypatch.setattr(performing, "pool", Pool(lambda: 1, lambda: performer(KILLED)))
    answer = as_bob.post(url, DAY)
    assert answer.status_code == 503
    assert "was killed" in answer.json()["detail"]


def test_the_number_of_queries_does_not_grow_with_the_period(as_bob, url, later):
    def queries(**asked: str) -> int:
        with CaptureQueriesContext(connection) as made:
            assert as_bob.post(f"{url}?wait=false", {**DAY, **asked}).status_code == 202
        return len(made)

    queries()
    assert queries(**{"from": "2024-12-01"}) == queries()
