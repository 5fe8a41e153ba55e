"""Requests that call a name: which group they come to, and what the limits and credits of their key refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.allowance.minute_limits import Limit
from engine.allowance.purse import NANO, Purse
from engine.drivers.simulation import simulate
from engine.faults.scenarios import parse_scenario
from engine.rehearsal.called_names import Called, CallingKey
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Workload, parse_workload
from engine.spec import CooldownPolicy, GroupSpec, RetryPolicy
from engine.virtual import TierSpec, VirtualSpec
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

STEADY = Profile(first_token_ms=200, tokens_per_s=100, jitter=0)
PRICES: dict[str, Any] = {"input_cost_per_token_usd": 1e-6, "output_cost_per_token_usd": 2e-6}
SMART = VirtualSpec("smart", (TierSpec("simple", None, "cheap"), TierSpec("complex", 200, "dear")), "simple")
EACH_SECOND: dict[str, Any] = {"kind": "constant", "rate_per_s": 1, "num_requests": 100}


def pool(name: str, row: str, **fields: Any) -> GroupSpec:
    once: dict[str, Any] = {"retry": RetryPolicy(0, timeout_s=60), "cooldown": CooldownPolicy(0)}
    return replace(group(deployments=(deployment(row, **PRICES),), **(once | fields)), name=name, group_id=name)


CHEAP, DEAR = pool("cheap", "a"), pool("dear", "b")


def job_of(*faults: dict[str, Any], called: Called | None, specs: Any = (CHEAP, DEAR), **fields: Any) -> Job:
    given = {name: fields.pop(name) for name in ("seed", "workers", "shared_state", "gateway_ms") if name in fields}
    scenario = parse_scenario({"faults": [*faults]}, spec=specs[0], fallbacks=specs[1:])
    workload = parse_workload(fields or EACH_SECOND)
    return Job(specs, workload, scenario, profiles=dict.fromkeys("abc", STEADY), called=called, **{"seed": 1, **given})


def ran(job: Job) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    told: list[dict[str, Any]] = []
    simulate(job, emit=told.append)
    return sorted(traces_in(told), key=lambda row: row["index"]), told[-1]["result"]


def groups_in(result: dict[str, Any]) -> dict[str, int]:
    return {one["group"]: one["requests"] for one in result["groups"]}


def test_the_mix_of_complexities_decides_which_pool_a_request_comes_to():
    _, result = ran(job_of(called=Called("smart", SMART, {"simple": 0.8, "complex": 0.2}), num_requests=1000))
    counts = groups_in(result)
    assert counts["cheap"] + counts["dear"] == 1000
    assert 760 <= counts["cheap"] <= 840
    assert {one["tier"] for one in result["groups"]} == {"simple", "complex"}
    assert sum(one["answered"] for one in result["groups"]) == result["successful_requests"] == 1000
    assert sum(one["cost_usd"] for one in result["groups"]) == pytest.approx(result["cost_usd"])


def test_a_recorded_tier_counts_more_than_the_mix():
    arrivals = [[n, 100, 10, "", False, "complex" if n % 4 == 0 else "simple"] for n in range(40)]
    traces, result = ran(job_of(called=Called("smart", SMART, {"simple": 1}), kind="trace", arrivals=arrivals))
    assert groups_in(result) == {"cheap": 30, "dear": 10}
    assert [row["deployment_id"] for row in traces[:5]] == ["b", "a", "a", "a", "b"]


def test_a_tier_whose_pool_is_out_of_service_is_answered_by_the_default():
    _, result = ran(job_of(called=Called("smart", SMART, {"complex": 1}), specs=(CHEAP,)))
    assert groups_in(result) == {"cheap": 100}
    assert result["groups"][0]["tier"] == "simple"


def test_each_pool_fails_and_falls_back_by_itself():
    dear = replace(DEAR, fallback=replace(DEAR.fallback, groups=("cheap",)))
    down = {"kind": "outage", "target": "b"}
    called = Called("smart", SMART, {"simple": 0.5, "complex": 0.5})
    traces, result = ran(job_of(down, called=called, specs=(CHEAP, dear)))
    assert result["successful_requests"] == 100
    assert result["fallback_count"] == groups_in(result)["dear"] > 0
    moved = next(row for row in traces if len(row["attempts"]) == 2)
    assert [one["model_group"] for one in moved["attempts"]] == ["dear", "cheap"]
    _, alone = ran(job_of(down, called=called))
    lost = {one["group"]: one["failed"] for one in alone["groups"]}
    assert lost["cheap"] == 0
    assert lost["dear"] == alone["failed_requests"] == groups_in(alone)["dear"]


def test_the_same_seed_gives_the_same_run_and_another_another():
    called = Called("smart", SMART, {"simple": 0.5, "complex": 0.5})
    first, again, other = (ran(job_of(called=called, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert [row["deployment_id"] for row in first[0]] != [row["deployment_id"] for row in other[0]]


def key_of(*limits: Limit, **fields: Any) -> Called:
    return Called("cheap", key=CallingKey("k", limits, output_tokens={"a": 100, "b": 100}, **fields))


def test_a_limit_of_requests_refuses_what_is_too_much_in_its_minute():
    traces, result = ran(job_of(called=key_of(Limit("requests", 20, "k", "This key"))))
    answered = [row["index"] for row in traces if row["outcome"] == "answered"]
    assert answered == [*range(20), *range(60, 80)]
    assert (result["refused_requests"], result["failed_requests"]) == (60, 0)
    assert result["refused_by_key"] == [
        {"code": "rate_limit_exceeded", "why": "This key may use 20 requests a minute.", "requests": 60}
    ]
    assert traces[20]["told"]["retry_after_s"] == 40
    assert result["groups"][0]["refused_by_key"] == 60


def test_a_limit_of_tokens_refuses_once_they_are_counted():
    arrivals = [[n, 900, 100] for n in range(10)]
    limit = Limit("tokens", 3000, "k", "This key")
    traces, _ = ran(job_of(called=key_of(limit), kind="trace", arrivals=arrivals))
    # Each takes 1.2 s, so three have ended when the fifth comes.
    assert [row["outcome"] for row in traces] == ["answered"] * 4 + ["refused"] * 6


def test_processes_without_shared_state_count_each_for_itself():
    limit = Limit("requests", 20, "k", "This key")
    shared, alone = (
        ran(job_of(called=key_of(limit), workers=2, shared_state=is_shared, num_requests=120, kind="constant",
                   rate_per_s=2))[1]["successful_requests"]
        for is_shared in (True, False)
    )  # fmt: skip
    assert (shared, alone) == (20, 40)


def test_credits_are_held_before_and_paid_after():
    # It reads 500 tokens and writes 100: 700 µ$; 666 and 100 of them are held: 866 µ$.
    arrivals = [[60 * n, 500, 100] for n in range(10)]
    purse = Purse(holder="dora", is_prepaid=True, balance=3_000_000)
    traces, result = ran(job_of(called=key_of(purse=purse), kind="trace", arrivals=arrivals))
    assert [row["outcome"] for row in traces] == ["answered"] * 4 + ["refused"] * 6
    assert result["refused_by_key"][0]["code"] == "insufficient_quota"
    assert traces[4]["told"]["status"] == 402
    assert purse.balance == 3_000_000, "a run begins from the same account each time"


def test_a_monthly_cap_refuses_and_an_own_key_costs_nothing():
    purse = Purse(holder="dora", is_prepaid=False, balance=0, cap=NANO // 1000, spent=0)
    three: dict[str, Any] = {"kind": "trace", "arrivals": [[60 * n, 500, 100] for n in range(3)]}
    _, result = ran(job_of(called=key_of(purse=purse), **three))
    assert (result["successful_requests"], result["refused_by_key"][0]["code"]) == (1, "monthly_cap_reached")
    _, own = ran(job_of(called=key_of(purse=purse, own_keys=(CHEAP.deployments[0].provider_id,)), **three))
    assert own["successful_requests"] == 3


def test_clients_heed_what_a_refusal_tells_them():
    limit = Limit("requests", 1, "k", "This key")
    two = {"kind": "trace", "arrivals": [[0, 10, 10], [1, 10, 10]], "clients": {"retries": 1}}
    traces, result = ran(job_of(called=key_of(limit), **two))
    assert [(row["index"], row["outcome"], row.get("repeat_of")) for row in traces] == [
        (0, "answered", None),
        (1, "refused", None),
        (2, "answered", 1),
    ]
    assert traces[2]["at_ms"] == 60_000
    assert result["repeated_requests"] == 1


def test_a_run_that_calls_a_name_survives_the_way_to_its_worker():
    purse = Purse(holder="dora", is_prepaid=True, balance=5)
    key = CallingKey("k", (Limit("requests", 1, "w", "This key"),), purse, {"a": 7}, ("p",))
    job = job_of(called=Called("smart", SMART, {"simple": 1.0}, key), gateway_ms=2.5)
    assert Job.from_json(job.to_json()) == job


@pytest.mark.parametrize("kind", ["closed", "constant"])
def test_a_call_of_the_group_itself_changes_nothing(kind):
    fields = {"kind": kind, "num_requests": 50, **({"rate_per_s": 9} if kind == "constant" else {})}
    flaky = {"kind": "error", "status": 503, "target": "a", "probability": 0.3}
    plain, called = (ran(job_of(flaky, called=one, **fields)) for one in (None, Called("cheap")))
    assert plain[0] == called[0]
    assert plain[1] == {name: value for name, value in called[1].items() if name in plain[1]}


def test_the_gateways_own_time_is_waited_for_by_callers_and_not_by_deployments():
    for fields in ({"is_stream": True}, {"is_stream": False}):
        plain, slow = (
            ran(job_of(called=None, gateway_ms=ms, kind="trace", arrivals=[[0, 500, 100]], **fields))
            for ms in (0.0, 30.0)
        )
        (before,), (after,) = plain[0], slow[0]
        assert after["duration_ms"] == before["duration_ms"] + 30
        assert after["attempts"] == before["attempts"]
        assert slow[1]["latency_p50_ms"] == plain[1]["latency_p50_ms"] + 30
        if fields["is_stream"]:
            assert slow[1]["ttft_p50_ms"] == plain[1]["ttft_p50_ms"] + 30
        assert [one["avg_latency_ms"] for one in slow[1]["traffic_distribution"]] == [
            one["avg_latency_ms"] for one in plain[1]["traffic_distribution"]
        ]


def test_a_closed_loop_is_slower_by_the_gateways_own_time():
    took = {
        ms: ran(job_of(called=None, gateway_ms=ms, num_requests=10, concurrency=1))[1]["virtual_duration_ms"]
        for ms in (0.0, 100.0)
    }
    assert took[100.0] == pytest.approx(took[0.0] + 9 * 100)


def test_failures_take_the_gateways_own_time_too():
    (row,), _ = ran(
        job_of({"kind": "outage", "target": "*"}, called=None, gateway_ms=30, kind="trace", arrivals=[[0, 5, 5]])
    )
    assert row["duration_ms"] == row["attempts"][0]["duration_ms"] + 30


def test_shares_of_a_mix_are_checked():
    for wrong in ({}, {"simple": 0}, {"simple": 2}, {"simple": "most"}, 7):
        with pytest.raises(ValueError, match=r"Give"):
            parse_workload({"complexity": wrong})
    assert Workload.from_json({"complexity": {"simple": 1}}).to_json()["complexity"] == {"simple": 1.0}
