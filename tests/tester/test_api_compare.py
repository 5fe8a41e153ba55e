"""`POST /v1/routing_group/{id}/compare`: two configurations under the same seeds, and nothing stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from groups.actions import update_group
from groups.deployments.placements import Placement
from tester.comparing import performing
from tester.comparing.serializers import ONE_OF_THEM
from tester.models import Run
from tester.runs.pool import pool
from tests.factories import make_group

Compare = Callable[..., dict[str, Any]]
FEW = {"num_requests": 40, "seeds": 3, "seed": 7}


@pytest.fixture
def address(group) -> str:
    return f"/v1/routing_group/{group.pk}/compare"


@pytest.fixture
def compare(as_bob, address) -> Compare:
    """Compares the group; gives the answer."""

    def ask(against: dict[str, Any], **asked: Any) -> dict[str, Any]:
        answer = as_bob.post(address, {"against": against, **FEW, **asked})
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    return ask


@pytest.fixture
def alone(group):
    """A group of the first deployment only."""
    return make_group(
        name="alone",
        strategy="priority-failover",
        models=[group.deployments.first().model],
        retry_config=group.retry_config,
    )


def by_metric(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["metric"]: one for one in told["differences"]}


def draft_of(as_bob, group, **changes: Any) -> dict[str, Any]:
    stored: dict[str, Any] = as_bob.get(f"/v1/routing_group/{group.pk}").json()
    return {**stored, **changes}


def test_a_group_compared_with_itself_differs_in_nothing(compare, group):
    told = compare({"routing_group_id": str(group.pk)}, scenario="rate-limited-primary", num_requests=150)
    assert told["a"] == told["b"]
    assert told["a"]["fallback_count"] > 0
    assert {(one["low"], one["high"], one["better"]) for one in told["differences"]} == {(0, 0, None)}
    assert all(one["a"] == one["b"] for one in told["differences"])


def test_a_fallback_for_a_dead_primary_is_better(as_bob, group, alone, ids):
    asked = {**FEW, "failure_injection": {"deployment_failure_rates": {ids[0]: 1}}}
    there, back = (
        as_bob.post(f"/v1/routing_group/{a.pk}/compare", {**asked, "against": {"routing_group_id": str(b.pk)}}).json()
        for a, b in ((alone, group), (group, alone))
    )
    success = by_metric(there)["success_rate"]
    assert success == {"metric": "success_rate", "a": 0, "b": 1, "low": 1, "high": 1, "better": "b"}
    assert by_metric(back)["success_rate"]["better"] == "a"
    assert by_metric(there)["latency_p95_ms"]["low"] is None, "nothing was answered on one side"
    assert there["names"] == {"a": "alone", "b": "chat"}


def test_both_sides_are_results_with_ranges(compare, group):
    told = compare({"router": "native"}, scenario="rate-limited-primary", num_requests=100)
    assert (told["seeds"], told["notes"]) == (3, [])
    for side in ("a", "b"):
        result = told[side]
        assert (result["total_requests"], result["seed"]) == (100, 7)
        assert "run_id" not in result
        assert all(low <= middle <= high for low, middle, high in result["ranges"].values())
        assert result["ranges"]["success_rate"][1] == by_metric(told)["success_rate"][side]


def test_the_first_result_is_that_of_a_run_with_this_seed(compare, simulate, group):
    asked = {"num_requests": 60, "scenario": "rate-limited-primary", "seed": 7}
    told, ran = compare({"routing_group_id": str(group.pk)}, **asked)["a"], simulate(**asked)
    names = ("traffic_distribution", "latency_p99_ms", "cost_usd", "fallback_count", "flow_data")
    assert {name: told[name] for name in names} == {name: ran[name] for name in names}


def test_a_draft_is_compared_and_not_saved(compare, as_bob, group, ids):
    revision = group.revision
    draft = draft_of(as_bob, group, deployments=[{"model_id": ids[0], "priority": 1}])
    told = compare({"draft": draft}, failure_injection={"deployment_failure_rates": {ids[0]: 1}})
    assert by_metric(told)["success_rate"]["better"] == "a"
    assert told["names"] == {"a": "chat, saved", "b": "chat, draft"}
    group.refresh_from_db()
    assert (group.revision, group.deployments.count()) == (revision, 2)
    assert not Run.objects.exists()


def test_an_earlier_revision_is_compared_as_it_was(compare, group, bob, ids):
    first = group.revision
    update_group(by=bob, group=group, deployments=[Placement(model_id=UUID(ids[0]), priority=1)])
    rates = {"deployment_failure_rates": {ids[0]: 1}}
    told = compare({"revision": first}, failure_injection=rates)
    assert by_metric(told)["success_rate"]["better"] == "b"
    assert told["names"] == {"a": f"chat, revision {first + 1}", "b": f"chat, revision {first}"}
    now = compare({"revision": first + 1}, failure_injection=rates)
    assert now["a"] == now["b"]


def test_a_litellm_proxy_is_rehearsed_and_what_is_left_out_there_is_said(compare, group):
    told = compare({"router": "litellm"}, num_requests=20, seeds=2, workers=4)
    assert told["names"]["b"] == "chat, LiteLLM's Router"
    assert told["b"]["total_requests"] == 20
    assert told["notes"] == [
        "chat, LiteLLM's Router: LiteLLM's Router was rehearsed without the other 3 server processes."
    ]
    scenario = {"faults": [{"kind": "capacity", "target": "primary", "slots": 2}]}
    told = compare({"router": "litellm"}, num_requests=5, seeds=1, workers=1, scenario=scenario)
    assert told["notes"][0].endswith("without the capacities of upstreams.")
    clients = {"num_requests": 5, "clients": {"retries": 1}}
    prices = {"faults": [{"kind": "price", "target": "primary", "factor": 2}]}
    told = compare({"router": "litellm"}, seeds=1, workers=1, scenario=prices, workload=clients)
    assert told["notes"][0].endswith("without changes of prices, callers that ask again or leave.")


def test_the_same_request_gets_the_same_bytes(as_bob, address):
    asked = {**FEW, "scenario": "rate-limited-primary", "against": {"router": "native"}}
    assert as_bob.post(address, asked).content == as_bob.post(address, asked).content


@pytest.mark.parametrize(
    ("against", "says"),
    [
        ({}, {ONE_OF_THEM}),
        ({"revision": 1, "router": "litellm"}, {ONE_OF_THEM}),
        ({"revision": 99}, {"revision"}),
        ({"revision": 0}, {"revision"}),
        ({"revision": "first"}, {"revision"}),
        ({"routing_group_id": str(uuid4())}, {"routing_group_id"}),
        ({"routing_group_id": "chat"}, {"routing_group_id"}),
        ({"router": "nginx"}, {"router"}),
        ({"routing_group": "x"}, {"routing_group"}),
        ({"draft": {"routing_group_name": "chat"}}, {"draft"}),
    ],
)
def test_bad_input_on_the_other_side_is_said_by_field(as_bob, address, against, says):
    answer = as_bob.post(address, {**FEW, "against": against})
    assert (answer.status_code, set(answer.json())) == (400, {"against"})
    assert set(answer.json()["against"]) == says


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"deployments": [{"model_id": str(uuid4()), "priority": 1}]}, "deployments"),
        ({"fallback_config": {"fallback_groups": ["nobody"]}}, "fallback_config"),
        ({"retry_config": {"num_retries": -1}}, "retry_config"),
        ({"routing_group_name": "no spaces"}, "routing_group_name"),
    ],
)
def test_a_draft_that_could_not_be_saved_is_refused_by_field(as_bob, address, group, changes, field):
    answer = as_bob.post(address, {**FEW, "against": {"draft": draft_of(as_bob, group, **changes)}})
    assert answer.status_code == 400
    assert list(answer.json()["against"]["draft"]) == [field]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"mock": False}, "mock"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": 1000}, "seeds"),
        ({"num_requests": 100_000, "seeds": 10}, "num_requests"),
        ({"scenario": "meteor"}, "scenario"),
        ({"against": None}, "against"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_bad_input_is_said_by_field(as_bob, address, asked, field):
    answer = as_bob.post(address, {"against": {"router": "native"}, **asked})
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_too_much_work_is_refused_with_what_would_fit(as_bob, address):
    asked = {"num_requests": 20_000, "seeds": 10}
    answer = as_bob.post(address, {**asked, "against": {"router": "native"}})
    assert "Give at most 15,000, or fewer seeds" in answer.json()["num_requests"][0]
    answer = as_bob.post(address, {**asked, "against": {"router": "litellm"}})
    assert "Give at most 2,727," in answer.json()["num_requests"][0]


def test_only_operators_compare(as_charlie, as_dora, as_nobody, address):
    asked = {"against": {"router": "native"}}
    assert [client.post(address, asked).status_code for client in (as_charlie, as_dora, as_nobody)] == [403, 403, 401]


def test_other_methods_and_unknown_groups(as_bob, address):
    assert as_bob.get(address).status_code == 405
    asked = {"against": {"router": "native"}}
    assert as_bob.post(f"/v1/routing_group/{uuid4()}/compare", asked).status_code == 404
    assert as_bob.post("/v1/routing_group/none/compare", asked).status_code == 404


def test_without_a_result_in_time_it_says_so_and_the_worker_is_not_used_again(as_bob, address, monkeypatch):
    monkeypatch.setattr(performing.compare, "__kwdefaults__", {**performing.compare.__kwdefaults__, "within_s": -1.0})
    answer = as_bob.post(address, {**FEW, "against": {"router": "native"}})
    assert answer.status_code == 503
    assert "Give fewer requests or seeds" in answer.json()["detail"]


def test_a_process_that_cannot_start_is_said(as_bob, address, monkeypatch):
    monkeypatch.setattr(pool, "_start", lambda: (_ for _ in ()).throw(OSError(12, "Cannot allocate memory")))
    pool.close()
    answer = as_bob.post(address, {**FEW, "against": {"router": "native"}})
    assert (answer.status_code, "Cannot allocate memory" in answer.json()["detail"]) == (503, True)


def test_the_number_of_queries(as_bob, address, group, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        assert as_bob.post(address, {**FEW, "against": {"routing_group_id": str(group.pk)}}).status_code == 200
