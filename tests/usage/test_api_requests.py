"""`/api/v1/llm/requests`."""

from __future__ import annotations

import pytest

from tests.usage.logged import HAS_PARTITIONS, logged, tried

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/requests"


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["call_id"] for row in answer.json()["requests"]]


def test_one_page_after_the_other_newest_first(as_charlie):
    for number in range(5):
        logged(f"a{number}", age_min=number)
    body = as_charlie.get(f"{URL}?size=3").json()
    assert [row["call_id"] for row in body["requests"]] == ["a0", "a1", "a2"]
    rest = as_charlie.get(URL, {"size": 3, "before": body["next"]}).json()
    assert ([row["call_id"] for row in rest["requests"]], rest["next"]) == (["a3", "a4"], None)


def test_a_request_has_its_numbers_and_no_attempts(as_charlie):
    logged("a1", input_tokens=3, cost_usd=0.5, cached_tokens=1, attempts=[tried(), tried()])
    (row,) = as_charlie.get(URL).json()["requests"]
    expected = {"input_tokens": 3, "cached_tokens": 1, "cost_usd": 0.5, "attempt_count": 2, "model": "llama-3.3"}
    assert row.items() >= expected.items()
    assert "attempts" not in row


def test_filters_narrow_it(as_charlie):
    logged("ok", model_group="chat")
    logged("bad", status=500)
    assert ids(as_charlie.get(f"{URL}?outcome=failed")) == ["bad"]
    assert ids(as_charlie.get(f"{URL}?status=failed")) == ["bad"]  # as it was spelled before
    assert ids(as_charlie.get(f"{URL}?call=o&group=chat&status=200")) == ["ok"]


def test_test_requests_to_standbys_are_left_out_or_alone_as_one_wants(as_charlie):
    logged("real", model_group="chat")
    logged("proof", model_group="", owner="standby proof", endpoint="probe")
    assert sorted(ids(as_charlie.get(URL))) == ["proof", "real"]
    assert ids(as_charlie.get(f"{URL}?proofs=false")) == ["real"]
    assert ids(as_charlie.get(f"{URL}?proofs=true")) == ["proof"]
    assert as_charlie.get(f"{URL}?proofs=maybe").json() == {"proofs": ["Give true or false."]}


def test_a_key_without_a_role_sees_its_owners_requests_only(as_dora, as_nobody):
    logged("mine", owner="dora")
    logged("theirs", owner="charlie")
    assert ids(as_dora.get(f"{URL}?user=charlie")) == ["mine"]
    assert as_nobody.get(URL).status_code == 401


def test_nothing_is_posted(as_alice):
    assert as_alice.post(URL, {}).status_code == 405


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=x", "status"),
        ("outcome=ok", "outcome"),
        ("since=x", "since"),
        ("before=x", "before"),
        ("size=0", "size"),
        ("size=201", "size"),
        ("owner=x", "owner"),
    ],
)
def test_what_makes_no_sense_is_named(as_charlie, query, field):
    answer = as_charlie.get(f"{URL}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_three_queries_for_any_number_of_rows(as_charlie, django_assert_num_queries):
    for number in range(20):
        logged(f"a{number}")
    # The key, the teams of its owner, the requests; those of the last day do not fill a page.
    with django_assert_num_queries(3 + HAS_PARTITIONS):
        as_charlie.get(URL)
