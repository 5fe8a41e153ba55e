"""What we rely on in LiteLLM's router, through our own: the gate for upgrading it."""

import asyncio
from collections import Counter

import litellm
import pytest

from engine.drivers.litellm_router import clock
from engine.drivers.litellm_router.router import GLOBAL_LISTS, GroupRouter
from engine.exceptions import NoneFree, RequestFailed
from engine.spec import CooldownPolicy, RetryPolicy, Strategy
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of


async def answered_by(routing, name, upstream, count=300) -> Counter[str]:
    results = [await request(routing, name, upstream) for _ in range(count)]
    return Counter(result.deployment.deployment_id for result, _ in results)


def priced(name: str, usd: float | None, **fields):
    return deployment(name, input_cost_per_token_usd=usd, output_cost_per_token_usd=usd, **fields)


async def test_priority_failover_goes_down_the_tiers_in_order():
    routing = await routing_of(group())
    _, trace = await request(routing, "g", ScriptedUpstream({"a": 503, "b": 500}))
    assert path_of(trace) == "a:error>b:error>c:success"
    assert (trace.retries, trace.fallbacks) == (0, 2)


async def test_retries_stay_in_the_tier_before_the_next_is_tried():
    routing = await routing_of(group(retry=RetryPolicy(num_retries=1)))
    _, trace = await request(routing, "g", ScriptedUpstream({"a": 503}))
    assert path_of(trace) == "a:error>a:error>b:success"
    assert (trace.retries, trace.fallbacks) == (1, 1)


async def test_max_fallbacks_bounds_the_tiers_that_are_tried():
    routing = await routing_of(group(retry=RetryPolicy(num_retries=0, max_fallbacks=1)))
    error, trace = await request(routing, "g", ScriptedUpstream({"a": 503, "b": 503}))
    assert path_of(trace) == "a:error>b:error"
    assert (error.status, error.error_class) == (503, "ServiceUnavailableError")


async def test_weights_are_followed():
    three = [deployment(n, weight=w) for n, w in (("a", 83), ("b", 10), ("c", 7))]
    routing = await routing_of(group(strategy=Strategy.WEIGHTED, deployments=tuple(three)))
    shares = await answered_by(routing, "g", ScriptedUpstream(), 1500)
    assert shares["a"] / 1500 == pytest.approx(0.83, abs=0.05)
    assert shares["c"] / 1500 == pytest.approx(0.07, abs=0.04)


async def test_weighted_moves_to_another_deployment_when_the_picked_one_fails():
    routing = await routing_of(group(strategy=Strategy.WEIGHTED))
    upstream = ScriptedUpstream({"a": 503, "b": 503})
    shares = await answered_by(routing, "g", upstream, 30)
    assert shares == {"c": 30}


async def test_round_robin_spreads_evenly():
    routing = await routing_of(group(strategy=Strategy.SIMPLE_SHUFFLE))
    shares = await answered_by(routing, "g", ScriptedUpstream(), 900)
    assert min(shares.values()) / 900 == pytest.approx(1 / 3, abs=0.08)


async def test_cost_based_takes_the_cheapest_and_free_counts_as_cheapest():
    rows = (priced("a", 2e-6), priced("b", 0.0), priced("c", 1e-6), priced("d", None))
    routing = await routing_of(group(strategy=Strategy.COST_BASED, deployments=rows))
    assert await answered_by(routing, "g", ScriptedUpstream(), 20) == {"b": 20}


def test_latency_based_learns_who_is_fastest():
    async def learn() -> Counter[str]:
        routing = await routing_of(group(strategy=Strategy.LATENCY_BASED))
        upstream = ScriptedUpstream(delays_s={"a": 0.02, "b": 0.001, "c": 0.02})
        await answered_by(routing, "g", upstream, 15)
        return await answered_by(routing, "g", upstream, 15)

    assert clock.run(learn()) == {"b": 15}


async def test_least_busy_fills_the_idle_ones_and_forgets_those_who_left():
    routing = await routing_of(group(strategy=Strategy.LEAST_BUSY))
    upstream = ScriptedUpstream()
    upstream.gate = asyncio.Event()
    calls = [asyncio.create_task(request(routing, "g", upstream)) for _ in range(9)]
    await asyncio.sleep(0.05)
    assert upstream.in_flight == {"a": 3, "b": 3, "c": 3}
    for call in calls[:6]:
        call.cancel()
    await asyncio.gather(*calls[:6], return_exceptions=True)
    calls += [asyncio.create_task(request(routing, "g", upstream)) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert sorted(upstream.in_flight.values()) == [2, 2, 2]
    upstream.gate.set()
    await asyncio.gather(*calls, return_exceptions=True)


async def test_usage_based_spreads_and_keeps_to_a_deployments_rpm():
    rows = (deployment("a", rpm=3), deployment("b", rpm=3))
    routing = await routing_of(group(strategy=Strategy.USAGE_BASED, deployments=rows))
    upstream = ScriptedUpstream()
    results = [await request(routing, "g", upstream) for _ in range(8)]
    # LiteLLM stops one short of the limit: with 3 a minute it serves 2.
    assert upstream.served == {"a": 2, "b": 2}
    assert all(isinstance(error, RequestFailed) and error.status == 429 for error, _ in results[4:])


async def test_a_rate_limited_deployment_cools_down_at_once_and_the_next_tier_serves():
    routing = await routing_of(group())
    await request(routing, "g", ScriptedUpstream({"a": 429}))
    _, trace = await request(routing, "g", ScriptedUpstream())
    assert path_of(trace) == "b:success"
    assert trace.attempts[0].fallback_depth == 1
    assert (await routing.get("g").router.cooldowns())["a"] == pytest.approx(30, abs=2)


async def test_allowed_fails_counts_failures_before_a_cooldown():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    routing = await routing_of(group(deployments=rows, cooldown=CooldownPolicy(60, allowed_fails=1)))
    upstream = ScriptedUpstream({"a": 503})
    paths = [path_of((await request(routing, "g", upstream))[1]) for _ in range(3)]
    assert paths == ["a:error>b:success", "a:error>b:success", "b:success"]


async def test_cooldown_time_zero_is_off():
    routing = await routing_of(group(cooldown=CooldownPolicy(0)))
    for _ in range(2):
        _, trace = await request(routing, "g", ScriptedUpstream({"a": 429}))
        assert path_of(trace) == "a:error>b:success"


async def test_a_single_deployment_never_cools_down():
    routing = await routing_of(group(deployments=(deployment("a", priority=1),)))
    for _ in range(3):
        error, trace = await request(routing, "g", ScriptedUpstream({"a": 429}))
        assert (error.status, path_of(trace)) == (429, "a:error")


async def test_when_all_cool_down_nothing_is_tried_and_the_wait_is_told():
    routing = await routing_of(group(cooldown=CooldownPolicy(60)))
    await request(routing, "g", ScriptedUpstream({"a": 429, "b": 429, "c": 429}))
    error, trace = await request(routing, "g", ScriptedUpstream())
    assert isinstance(error, NoneFree)
    assert error.retry_after_s == pytest.approx(60, abs=2)
    assert trace.attempts == []


async def test_a_request_that_cooled_everything_down_itself_fails_with_what_it_ran_into():
    routing = await routing_of(group(cooldown=CooldownPolicy(60, allowed_fails=0), retry=RetryPolicy(num_retries=1)))
    error, trace = await request(routing, "g", ScriptedUpstream(dict.fromkeys("abc", 503)))
    assert (error.status, error.error_class) == (503, "ServiceUnavailableError")
    assert len(trace.attempts) >= 3


async def test_a_bad_request_is_not_retried_in_its_tier():
    routing = await routing_of(group(retry=RetryPolicy(num_retries=3)))
    _, trace = await request(routing, "g", ScriptedUpstream({"a": 400}))
    assert path_of(trace) == "a:error>b:success"


async def test_a_deployment_with_a_problem_is_skipped_because_of_it_and_not_called():
    problem = {"problem": "Its key cannot be decrypted.", "lacks_credentials": True}
    rows = (deployment("a", priority=1, **problem), deployment("b", priority=2))
    routing = await routing_of(group(deployments=rows))
    upstream = ScriptedUpstream()
    _, trace = await request(routing, "g", upstream)
    assert path_of(trace) == "b:success"
    (skip,) = trace.skipped
    assert (skip.deployment_id, skip.reason, skip.message) == ("a", "no_credentials", "Its key cannot be decrypted.")
    assert upstream.served == {"b": 1}


async def test_routers_leave_nothing_in_litellms_global_lists():
    before = {name: list(getattr(litellm, name)) for name in GLOBAL_LISTS}
    routers = [GroupRouter(group(f"g{n}", strategy)) for n, strategy in enumerate(Strategy)]
    assert {name: list(getattr(litellm, name)) for name in GLOBAL_LISTS} == before
    assert sum(len(r.selectors) for r in routers) == 4
    for router in routers:
        router.close()


async def test_an_attempt_that_was_left_is_cancelled_and_nobodys_fault():
    routing = await routing_of(group())
    upstream = ScriptedUpstream()
    upstream.gate = asyncio.Event()
    trace_seen = []

    async def one():
        result = await request(routing, "g", upstream)
        trace_seen.append(result)

    task = asyncio.create_task(one())
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    upstream.gate.set()
    _, trace = await request(routing, "g", upstream)
    assert path_of(trace) == "a:success"


async def test_a_stream_stays_pending_until_it_ends():
    routing = await routing_of(group())
    stream, trace = await request(routing, "g", ScriptedUpstream(), is_stream=True)
    assert path_of(trace) == "a:pending"
    assert len([event async for event in stream]) == 2
    assert path_of(trace) == "a:success"
