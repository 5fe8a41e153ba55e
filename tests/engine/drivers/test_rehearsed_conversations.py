"""Requests of conversations in rehearsals: where they stay, and what is cached there."""

from __future__ import annotations

from typing import Any

import pytest

from engine.drivers.simulation import simulate
from engine.faults.kinds import RateLimit
from engine.faults.scenarios import HEALTHY, Scenario
from engine.faults.targets import TargetedFault
from engine.rehearsal.jobs import Job
from engine.rehearsal.turns import Conversations
from engine.rehearsal.workload import Arrival, Workload, parse_workload
from engine.spec import CooldownPolicy, RetryPolicy, Router, StickyPolicy, Strategy
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

PRICES = {
    "input_cost_per_token_usd": 1e-6,
    "output_cost_per_token_usd": 0.0,
    "cached_input_cost_per_token_usd": 1e-7,
}
STICKY = StickyPolicy("session", ttl_s=60.0)


def rehearsed(
    workload: Workload, scenario: Scenario = HEALTHY, **fields: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    rows = tuple(deployment(name, priority=n, **PRICES) for n, name in enumerate("ab", start=1))
    spec = group("g", router=Router.NATIVE, **{"deployments": rows, "retry": RetryPolicy(0), **fields})
    told: list[dict[str, Any]] = []
    simulate(Job((spec,), workload, scenario, 7), emit=told.append)
    return sorted(traces_in(told), key=lambda trace: trace["index"]), told[-1]["result"]


def turns(*at_s: float, name: str = "one", size: int = 2000) -> tuple[Arrival, ...]:
    return tuple(Arrival(at, size + 500 * n, 100, name) for n, at in enumerate(at_s))


def replayed(*arrivals: Arrival, is_stream: bool = False) -> Workload:
    ordered = tuple(sorted(arrivals))
    return Workload("trace", len(ordered), arrivals=ordered, is_stream=is_stream)


OUTAGE = Scenario("limited", "One 429.", (TargetedFault(RateLimit(), "a", until_s=1),))


@pytest.mark.parametrize("is_stream", [False, True])
def test_after_an_outage_a_conversation_stays_and_a_new_one_goes_to_the_first_tier(is_stream: bool):
    workload = replayed(*turns(0, 20), Arrival(21, 100, 100, "two"), *turns(120), is_stream=is_stream)
    given: dict[str, Any] = {"strategy": Strategy.PRIORITY_FAILOVER, "cooldown": CooldownPolicy(5.0), "sticky": STICKY}
    traces, result = rehearsed(workload, OUTAGE, **given)
    # Silent for longer than its time, it begins at the first again.
    assert [trace["deployment_id"] for trace in traces] == ["b", "b", "a", "a"]
    assert [trace["attempts"][0].get("sticky") for trace in traces] == [None, True, None, None]
    assert result["fallback_count"] == 1


def test_a_turn_reads_what_the_deployment_that_answered_the_last_one_has_cached():
    traces, result = rehearsed(replayed(*turns(0, 10, 400)), deployments=(deployment("a", **PRICES),))
    # 2,000 and 100 tokens were known 10 s later; 390 s later none.
    assert [trace.get("cached_tokens") for trace in traces] == [None, 2100, None]
    assert [trace["cost_usd"] for trace in traces] == pytest.approx([2000e-6, 400e-6 + 2100e-7, 3000e-6])
    assert result["cached_share"] == pytest.approx(2100 / 7500)


def test_short_prompts_are_not_cached_unless_set():
    talks = Conversations(at_a_time=1, cache_from_tokens=0)
    short = Workload(num_requests=80, concurrency=1, input_tokens=150, conversations=Conversations(at_a_time=1))
    assert rehearsed(short)[1]["cached_share"] == 0.0
    everything = Workload(num_requests=80, concurrency=1, input_tokens=150, conversations=talks)
    assert rehearsed(everything, deployments=(deployment("a"),))[1]["cached_share"] > 0.6


def test_sticky_groups_read_more_from_caches_than_others():
    workload = Workload(num_requests=2000, concurrency=5, input_tokens=1500, conversations=Conversations())
    spread: dict[str, Any] = {
        "strategy": Strategy.SIMPLE_SHUFFLE,
        "deployments": tuple(deployment(name) for name in "abcd"),
    }
    without, sticky = (rehearsed(workload, **spread, sticky=policy)[1]["cached_share"] for policy in (None, STICKY))
    assert sticky > without + 0.2


def test_prompts_of_conversations_grow_and_are_as_long_as_set_on_average():
    workload = Workload(num_requests=4000, input_tokens=1000, conversations=Conversations(share=0.5))
    traces, result = rehearsed(workload)
    sizes = [trace["input_tokens"] for trace in traces]
    assert sum(sizes) / len(sizes) == pytest.approx(1000, rel=0.05)
    assert result["cached_share"] is not None


def test_requests_without_conversations_know_of_no_cache():
    traces, result = rehearsed(Workload(num_requests=5))
    assert result["cached_share"] is None
    assert "cached_tokens" not in traces[0]


def test_conversations_survive_the_way_to_the_worker():
    workload = Workload(conversations=Conversations(0.5, 3, 4))
    assert Workload.from_json(workload.to_json()) == workload
    assert Workload.from_json(replayed(*turns(0, 1)).to_json()) == replayed(*turns(0, 1))


def test_a_trace_names_its_conversations():
    rows = ["TIMESTAMP,ContextTokens,GeneratedTokens,Conversation", "2023-11-16 18:17:03,10,5,anna"]
    workload = parse_workload({"kind": "trace", "trace": "\n".join([*rows, "2023-11-16 18:17:04,10,5,"])})
    assert [arrival.conversation for arrival in workload.arrivals or ()] == ["anna", ""]
