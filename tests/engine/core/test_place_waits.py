"""Deployments that take only so many requests at once: in the core, on an event loop, and in a rehearsal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.core.actions import Ask, Wait
from engine.core.journey import Journey
from engine.drivers.litellm_router import clock
from engine.drivers.simulation import simulate
from engine.exceptions import NoneFree
from engine.faults.scenarios import Scenario
from engine.ledger import SkipReason
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import GroupSpec, RetryPolicy, Router
from engine.upstreams.call import Answer
from tests.engine.core.working import SERVER, ask_of, end_of, group, health_of, journey, key_of
from tests.engine.scripted import ScriptedUpstream, deployment, path_of, request, routing_of
from tests.engine.scripted import group as spec_of
from tests.engine.working import traces_in


def limited(*tiers: str, wait_s: float = 0.0, most: int = 1, **fields: Any) -> Any:
    return group(*tiers, rows={"a": {"max_parallel": most, "max_wait_s": wait_s}}, **fields)


def answered(one: Journey, ask: Ask, now: float) -> None:
    one.answered(ask, now, 0.1, 1, 1)


def waits_in(action: Any) -> Wait:
    assert isinstance(action, Wait)
    assert action.queued is not None
    return action


def test_one_more_than_the_places_goes_elsewhere_at_once_and_is_told_why():
    g = limited("a", "b", most=2)
    asked = [key_of(journey(g).begin(0.0)) for _ in range(2)]
    third = journey(g)
    assert (asked, key_of(third.begin(0.0))) == (["a", "a"], "b")
    assert third.noted is not None
    assert third.noted["g", "a"].reason is SkipReason.AT_CAPACITY


def test_a_place_is_free_when_its_request_has_ended_in_whatever_way():
    g = limited("a", "b", has_breakers=False)
    for end in ("answered", "failed", "left", "broke"):
        one = journey(g)
        ask = ask_of(one.begin(0.0))
        assert ask.target.key == "a"
        if end == "answered":
            answered(one, ask, 1.0)
        elif end == "left":
            one.left(ask)
        else:
            getattr(one, end)(ask, 1.0, SERVER)
        assert key_of(journey(g).begin(2.0)) == "a"
        health_of(g, "b").in_flight = health_of(g, "a").in_flight = 0


def test_a_request_waits_for_a_place_and_takes_the_first_that_is_free():
    g = limited("a", "b", wait_s=2.0)
    first, second = journey(g), journey(g)
    ask, wait = ask_of(first.begin(0.0)), waits_in(second.begin(0.5))
    assert wait.seconds == 2.0
    woken: list[int] = []
    wait.queued.wake = lambda: woken.append(1)
    answered(first, ask, 1.0)
    assert woken == [1]
    assert key_of(second.woke(1.0)) == "a"
    assert not health_of(g, "a").queue


def test_after_its_wait_it_goes_elsewhere():
    g = limited("a", "b", wait_s=2.0)
    journey(g).begin(0.0)
    second = journey(g)
    waits_in(second.begin(0.5))
    assert waits_in(second.woke(1.5)).seconds == 1.0
    assert key_of(second.woke(2.5)) == "b"
    assert second.noted is not None
    assert second.noted["g", "a"].reason is SkipReason.AT_CAPACITY
    assert not health_of(g, "a").queue


def test_nobody_waits_while_another_of_the_tier_may_serve():
    g = limited("ab", wait_s=9.0)
    health_of(g, "a").in_flight = 1
    assert {key_of(journey(g, seed=n).begin(0.0)) for n in range(9)} == {"b"}


def test_those_who_wait_have_their_turns_in_order_and_newcomers_come_after_them():
    g = limited("a", "b", wait_s=5.0)
    first, second, third = journey(g), journey(g), journey(g)
    ask = ask_of(first.begin(0.0))
    waits_in(second.begin(0.1))
    waits_in(third.begin(0.2))
    answered(first, ask, 1.0)
    newcomer = journey(g)
    assert waits_in(newcomer.begin(1.0)).seconds == 5.0
    assert waits_in(third.woke(1.0)).seconds == pytest.approx(4.2)
    ask = ask_of(second.woke(1.0))
    answered(second, ask, 1.5)
    assert key_of(third.woke(1.5)) == "a"


def test_who_leaves_the_queue_makes_way_for_the_next():
    g = limited("a", wait_s=5.0)
    first, second, third = journey(g), journey(g), journey(g)
    ask = ask_of(first.begin(0.0))
    waits_in(second.begin(0.1))
    wait = waits_in(third.begin(0.2))
    woken: list[int] = []
    wait.queued.wake = lambda: woken.append(1)
    answered(first, ask, 1.0)
    second.leave_queue()
    assert woken
    assert key_of(third.woke(1.0)) == "a"


def test_what_other_processes_have_in_flight_takes_places_too():
    g = limited("a", "b", most=3)
    health_of(g, "a").away = 2
    assert [key_of(journey(g).begin(0.0)) for _ in range(2)] == ["a", "b"]


def test_where_nobody_has_a_place_it_is_told_to_come_back_soon():
    g = limited("a")
    journey(g).begin(0.0)
    end = end_of(journey(g).begin(0.0))
    assert (end.failure, end.free_in_s) == (None, 1.0)


def test_no_wait_for_a_place_reaches_over_the_deadline():
    g = limited("a", wait_s=60.0)
    journey(g).begin(0.0)
    second = journey(g, deadline_s=3.0)
    assert waits_in(second.begin(1.0)).seconds == 2.0
    end_of(second.woke(3.0))
    assert not health_of(g, "a").queue


def two(wait_s: float | None, **fields: Any) -> GroupSpec:
    rows = (deployment("a", priority=1, max_parallel=1, max_wait_s=wait_s), deployment("b", priority=2))
    return spec_of(**{"deployments": rows, "router": Router.NATIVE, "retry": RetryPolicy(num_retries=0), **fields})


def served(spec: GroupSpec, count: int, takes_s: float = 2.0) -> list[tuple[Any, str, float]]:
    """So many requests at once: result, path and seconds of each."""

    async def one(routing: Any, upstream: Any) -> tuple[Any, str, float]:
        began = asyncio.get_running_loop().time()
        result, trace = await request(routing, "g", upstream)
        return result, path_of(trace), round(asyncio.get_running_loop().time() - began, 3)

    async def main() -> list[tuple[Any, str, float]]:
        routing, upstream = await routing_of(spec), ScriptedUpstream(delays_s={"a": takes_s, "b": 0.5})
        return list(await asyncio.gather(*(one(routing, upstream) for _ in range(count))))

    return clock.run(main())


def test_over_an_event_loop_the_second_waits_and_the_rest_go_elsewhere():
    got = served(two(3.0), 4)
    assert sorted((path, took_s) for _, path, took_s in got) == [
        ("a:success", 2.0),
        ("a:success", 4.0),
        ("b:success", 3.5),
        ("b:success", 3.5),
    ]
    assert all(isinstance(result, Answer) for result, _, _ in got)


def test_a_lone_deployment_without_a_place_is_429():
    lone = two(None, deployments=(deployment("a", priority=1, max_parallel=1),))
    results = [result for result, _, _ in served(lone, 2)]
    (refusal,) = (result for result in results if isinstance(result, NoneFree))
    assert (refusal.status, refusal.code, refusal.retry_after_s) == (429, "all_at_capacity", 1.0)
    assert (
        refusal.message
        == "All deployments of 'g' are busy with as many requests as they take at once. Try again in 1 s."
    )


def test_a_rehearsal_does_the_same():
    profiles = {"a": Profile(first_token_ms=2000, tokens_per_s=1e6, jitter=0), "b": Profile(500, 1e6, 0)}
    arrivals = tuple(Arrival(0.0, 10, 1) for _ in range(4))
    job = Job((two(3.0),), Workload("trace", 4, arrivals=arrivals), Scenario("one", "One.", ()), 1, profiles)
    told: list[dict[str, Any]] = []
    simulate(job, emit=told.append)
    traces = traces_in(told)
    assert sorted((trace["deployment_id"], round(trace["duration_ms"] / 1000, 1)) for trace in traces) == [
        ("a", 2.0),
        ("a", 4.0),
        ("b", 3.5),
        ("b", 3.5),
    ]
    skips = [(skip["deployment_id"], skip["reason"]) for trace in traces for skip in trace["skipped"]]
    assert skips == [("a", "at_capacity")] * 2
    assert [message for message in told if message["type"] == "frame"][-1]["at_ms"] < 5000
