"""`/api/v1/llm/usage`."""

from __future__ import annotations

import pytest

from tests.usage.log import finished, log

pytestmark = pytest.mark.django_db
PATH = "/api/v1/llm/usage"


def test_it_has_what_the_contract_names(as_charlie):
    log(finished(provider="A", input_tokens=3, output_tokens=4, cost_usd=0.5, model="llama", deployment_name="A/llama"))
    log(finished(provider="B", status=502, team="red", team_id="1", owner="ann"))
    answer = as_charlie.get(PATH).json()
    assert (answer["total_requests"], answer["total_tokens"], answer["total_cost_usd"]) == (2, 7, 0.5)
    assert (answer["success_rate"], answer["period"]) == (0.5, "30d")
    assert [(line["provider"], line["requests"], line["cost_usd"]) for line in answer["by_provider"]] == [
        ("A", 1, 0.5),
        ("B", 1, 0.0),
    ]
    assert [line["model"] for line in answer["by_model"]] == ["A/llama"]
    assert [(line["id"], line["team"]) for line in answer["by_team"]] == [("1", "red")]
    assert [line["user"] for line in answer["by_user"]] == ["ann"]
    assert (len(answer["by_day"]), answer["by_day"][-1]["requests"]) == (30, 2)


def test_units_are_told_where_there_are_any(as_charlie):
    log(finished(provider="A", unit="character", units=40.0), finished(provider="B", input_tokens=1))
    answer = as_charlie.get(PATH).json()
    assert (answer["units"], answer["by_day"][-1]["units"]) == ({"character": 40.0}, {"character": 40.0})
    assert {line["provider"]: line["units"] for line in answer["by_provider"]} == {"A": {"character": 40.0}, "B": {}}


@pytest.mark.parametrize(
    ("query", "requests", "days"),
    [("period=7d", 1, 7), ("period=90d", 2, 90), ("days=1", 1, 1), ("days=3", 1, 3), ("period=all", 3, None)],
)
def test_periods(as_charlie, query, requests, days):
    log(finished(), finished(days_ago=50), finished(days_ago=200))
    answer = as_charlie.get(f"{PATH}?{query}").json()
    assert answer["total_requests"] == requests
    assert len(answer["by_day"]) == (days or 201)
    assert answer["since"].startswith(answer["by_day"][0]["date"])


@pytest.mark.parametrize("query", ["team=red", "key=k", "user=ann", "group=chat", "provider=P", "model=P/llama"])
def test_filters(as_charlie, query):
    ours = finished(provider="P", team="red", key_id="k", owner="ann", model_group="chat", deployment_name="P/llama")
    log(ours, finished(provider="Q"))
    assert as_charlie.get(f"{PATH}?{query}").json()["total_requests"] == 1


@pytest.mark.parametrize("user", ["", "ann", "dora"])
def test_a_key_without_a_role_sees_the_own_requests_alone(as_dora, user):
    log(finished(owner="dora"), finished(owner="ann", provider="P"), finished(owner="ann"))
    answer = as_dora.get(f"{PATH}?user={user}").json()
    assert (answer["total_requests"], answer["by_provider"]) == (1, [])
    assert [line["user"] for line in answer["by_user"]] == ["dora"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("period=week", "period"),
        ("period=", "period"),
        ("days=0", "days"),
        ("days=3651", "days"),
        ("days=x", "days"),
        ("days=7&period=7d", "days"),
        (f"team={'x' * 65}", "team"),
        ("team=%00", "team"),
    ],
)
def test_what_is_wrong_is_named(as_charlie, query, name):
    answer = as_charlie.get(f"{PATH}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [name])


def test_an_empty_log(as_charlie):
    answer = as_charlie.get(f"{PATH}?period=all").json()
    assert (answer["total_requests"], answer["success_rate"], answer["since"]) == (0, None, None)


def test_nobody_else_and_nothing_else(as_nobody, as_charlie):
    assert as_nobody.get(PATH).status_code == 401
    assert as_charlie.post(PATH).status_code in (403, 405)


def test_the_number_of_queries_does_not_grow(as_charlie, django_assert_max_num_queries):
    log(*(finished(owner=f"owner-{n}", provider=f"P{n % 5}", days_ago=n) for n in range(20)))
    with django_assert_max_num_queries(8):
        as_charlie.get(PATH)
