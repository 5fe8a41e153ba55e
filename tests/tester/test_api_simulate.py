"""`POST /v1/routing_group/{id}/simulate`: the result, the rights, and that it is the same every time."""

from __future__ import annotations

import time
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tester.models import Run, RunStatus, TraceChunk
from tester.runs.pool import pool
from tests.factories import make_group, make_model

SEED_FIELDS = {
    "total_requests", "successful_requests", "failed_requests", "avg_latency_ms", "fallback_count",
    "traffic_distribution", "flow_data",
}  # fmt: skip
OUR_FIELDS = {
    "run_id", "seed", "virtual_duration_ms", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "cost_usd",
    "failures_by_cause", "untried_requests", "faults_not_struck", "refused_requests", "rescued_requests",
    "hedged_requests", "cached_share", "ttft_p50_ms", "ttft_p95_ms", "ttft_p99_ms", "skipped",
}  # fmt: skip
TRAFFIC_FIELDS = {
    "deployment_id", "deployment_name", "provider", "request_count", "success_count", "failure_count",
    "avg_latency_ms", "percent_of_total", "priority", "weight",
}  # fmt: skip


def test_a_run_answers_every_field_of_the_contract(simulate, ids):
    result = simulate(num_requests=60, concurrency=5)
    assert set(result) == SEED_FIELDS | OUR_FIELDS
    assert (result["total_requests"], result["successful_requests"], result["failed_requests"]) == (60, 60, 0)
    assert [set(row) >= TRAFFIC_FIELDS for row in result["traffic_distribution"]] == [True, True]
    assert [row["deployment_id"] for row in result["traffic_distribution"]] == ids
    assert set(result["flow_data"][0]) == {"from_deployment", "to_deployment", "request_count", "reason"}
    assert 0 < result["latency_p50_ms"] <= result["latency_p95_ms"] <= result["latency_p99_ms"]
    assert result["cost_usd"] > 0


def test_the_defaults_are_the_seeds(simulate):
    result = simulate()
    run = Run.objects.get()
    assert (result["total_requests"], run.config["concurrency"], run.config["mock"]) == (100, 10, True)


def test_failures_are_injected_where_they_are_wanted(simulate, ids):
    result = simulate(num_requests=50, failure_injection={"deployment_failure_rates": {ids[0]: 1}}, seed=1)
    first, second = result["traffic_distribution"]
    assert (first["success_count"], second["success_count"]) == (0, 50)
    assert result["fallback_count"] == 50
    assert {"primary", "fallback_error"} <= {step["reason"] for step in result["flow_data"]}


def test_a_scenario_may_be_named_or_described(simulate, ids):
    down = {"name": "mine", "faults": [{"kind": "outage", "target": "*"}]}
    for scenario in ("everything-down", down):
        assert simulate(num_requests=20, scenario=scenario)["successful_requests"] == 0
    assert sorted(Run.objects.values_list("scenario", flat=True)) == ["everything-down", "mine"]


def test_one_seed_gives_the_same_bytes_in_any_process(as_bob, url):
    asked = {"num_requests": 200, "scenario": "rate-limited-primary", "seed": 7}

    def answer() -> bytes:
        content = as_bob.post(url, asked).content
        return content.replace(str(Run.objects.latest("created_at").pk).encode(), b"")

    first, again = answer(), answer()
    pool.close()
    assert first == again == answer()
    assert first != as_bob.post(url, {**asked, "seed": 8}).content


def test_a_missing_seed_is_drawn_and_said(simulate):
    first, second = (simulate(num_requests=20) for _ in range(2))
    assert first["seed"] != second["seed"]
    assert simulate(num_requests=20, seed=first["seed"])["latency_p99_ms"] == first["latency_p99_ms"]


def test_a_stored_run_can_be_read_and_repeated(simulate, as_charlie):
    result = simulate(num_requests=30, workload={"kind": "poisson", "rate_per_s": 5}, seed=3)
    run = as_charlie.get(f"/v1/runs/{result['run_id']}").json()
    assert (run["status"], run["seed"], run["scenario"], run["created_by"]) == ("done", 3, "healthy", "bob")
    assert run["result"] == result
    assert run["config"]["workload"]["kind"] == "poisson"
    assert {profile["source"] for profile in run["config"]["profiles"].values()} == {"default"}


def test_given_profiles_are_rehearsed_and_given_back(simulate, as_charlie, ids):
    given = {"first_token_ms": {"quantiles": [[0, 20], [1, 30]]}, "tokens_per_s": 10_000}
    result = simulate(num_requests=30, profiles=dict.fromkeys(ids, given), seed=3)
    assert result["latency_p99_ms"] < 100
    profile = as_charlie.get(f"/v1/runs/{result['run_id']}").json()["config"]["profiles"][ids[0]]
    assert (profile["first_token_ms"], profile["source"]) == ({"quantiles": [[0, 20], [1, 30]]}, "given")


def test_a_wrong_profile_is_a_400_with_its_path(as_bob, url, ids):
    answer = as_bob.post(url, {"profiles": {ids[0]: {"first_token_ms": {"samples": [5, -1]}}}})
    assert answer.status_code == 400
    assert answer.json() == {f"profiles.{ids[0]}.first_token_ms.samples[1]": ["Give a number from 0 to 3,600,000."]}, (
        answer.content
    )


def test_a_trace_is_replayed_as_it_came(simulate):
    rows = ["TIMESTAMP,ContextTokens,GeneratedTokens", *(f"2023-11-16 18:15:{n:02},100,{n}" for n in range(30))]
    result = simulate(workload={"kind": "trace", "csv": "\n".join(rows)})
    assert result["total_requests"] == 30
    assert result["virtual_duration_ms"] >= 29_000


def test_what_was_never_answered_has_no_percentiles(simulate):
    result = simulate(num_requests=10, scenario="everything-down")
    assert [result[f"latency_p{p}_ms"] for p in (50, 95, 99)] == [None] * 3


def test_streams_say_how_long_their_clients_wait_for_the_first_token(simulate):
    streamed = simulate(num_requests=50, workload={"kind": "closed", "is_stream": True}, seed=1)
    waits = [streamed[f"ttft_p{p}_ms"] for p in (50, 95, 99)]
    assert 0 < waits[0] <= waits[1] <= waits[2] < streamed["latency_p99_ms"]
    whole = simulate(num_requests=10)
    assert [whole[f"ttft_p{p}_ms"] for p in (50, 95, 99)] == [None] * 3


def test_those_that_were_passed_over_are_counted_by_the_reason(simulate, ids):
    result = simulate(scenario="primary-outage", seed=7)
    assert list(result["skipped"]) == [ids[0]]
    assert result["skipped"][ids[0]]["cooling"] > 10
    assert simulate(num_requests=10)["skipped"] == {}


def test_a_fault_that_never_struck_is_said(simulate):
    struck, missed = (simulate(num_requests=count, scenario="primary-outage", seed=7) for count in (200, 10))
    assert struck["faults_not_struck"] == []
    (fault,) = missed["faults_not_struck"]
    assert (fault["kind"], fault["target"], fault["from_s"], fault["until_s"]) == ("outage", "primary", 10, 70)
    assert "before it began" in fault["message"]


def test_an_inactive_group_can_be_tried_before_it_serves(as_bob):
    group = make_group(models=[make_model()], is_active=False)
    assert as_bob.post(f"/v1/routing_group/{group.pk}/simulate", {"num_requests": 5}).json()["successful_requests"] == 5


def test_fallback_groups_are_part_of_it(as_bob, group, simulate, ids):
    spare = make_group(name="spare", models=[make_model(name="spare-model")])
    asleep = make_group(name="asleep", models=[make_model(name="never")], is_active=False)
    group.fallback_config = {"fallback_groups": [asleep.name, spare.name]}
    group.save()
    rates = dict.fromkeys(ids, 1)
    result = simulate(num_requests=20, failure_injection={"deployment_failure_rates": rates})
    answered = {row["deployment_name"]: row["success_count"] for row in result["traffic_distribution"]}
    assert answered["spare-model"] == 20
    assert "never" not in answered


def test_a_group_without_a_usable_deployment_fails_every_request(as_bob):
    group = make_group(models=[make_model(enabled=False)])
    result = as_bob.post(f"/v1/routing_group/{group.pk}/simulate", {"num_requests": 5}).json()
    assert (result["failed_requests"], result["traffic_distribution"]) == (5, [])


def test_only_operators_rehearse(as_charlie, as_dora, as_nobody, url):
    answers = [client.post(url, {}).status_code for client in (as_charlie, as_dora, as_nobody)]
    assert answers == [403, 403, 401]
    assert not Run.objects.exists()


def test_other_methods_and_unknown_groups(as_bob, url):
    assert as_bob.get(url).status_code == 405
    assert as_bob.delete(url).status_code == 405
    assert as_bob.post(f"/v1/routing_group/{uuid4()}/simulate", {}).status_code == 404
    assert as_bob.post("/v1/routing_group/none/simulate", {}).status_code == 404


def test_a_run_that_breaks_is_said_to_have_and_why(as_bob, url, monkeypatch):
    monkeypatch.setattr(pool, "_start", lambda: (_ for _ in ()).throw(OSError(12, "Cannot allocate memory")))
    pool.close()
    answer = as_bob.post(url, {"num_requests": 5})
    assert answer.status_code == 503
    assert "Cannot allocate memory" in answer.json()["detail"]
    assert Run.objects.get(pk=answer.json()["run_id"]).status == RunStatus.FAILED


def test_a_run_costs_queries_by_the_second_not_by_the_request(as_bob, url):
    """Frames are written and cancellations looked for a few times a second, however many requests there are."""
    began = time.monotonic()
    with CaptureQueriesContext(connection) as queries:
        assert as_bob.post(url, {"num_requests": 2000}).status_code == 200
    assert len(queries) < 40 + 15 * (time.monotonic() - began)
    assert TraceChunk.objects.count() == 4


def test_a_run_takes_the_router_that_is_asked_for(simulate, as_bob, url):
    for asked, used in ((None, "native"), ("native", "native"), ("litellm", "litellm")):
        result = simulate(num_requests=20, router=asked, seed=7)
        assert (result["successful_requests"], Run.objects.get(pk=result["run_id"]).config["router"]) == (20, used)
    answer = as_bob.post(url, {"router": "nginx"})
    assert (answer.status_code, list(answer.json())) == (400, ["router"])
