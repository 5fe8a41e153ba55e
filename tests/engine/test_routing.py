"""Several groups in one process: side by side, swapped under load, falling back on each other."""

import asyncio
import gc
import random
import weakref
from collections import Counter

import pytest

from engine.drivers.litellm_router import clock
from engine.exceptions import GroupUnavailable
from engine.routing import Routing
from engine.spec import CooldownPolicy, FallbackPolicy, RetryPolicy, Router, Strategy
from engine.upstreams.call import Call
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of

ROWS = tuple(
    deployment(n, priority=p, weight=w, input_cost_per_token_usd=usd, output_cost_per_token_usd=usd)
    for n, p, w, usd in (("a", 1, 80, 3e-6), ("b", 2, 15, 1e-6), ("c", 3, 5, 2e-6))
)
SLOW_BUT_B = {"a": 0.01, "b": 0.001, "c": 0.01}


def share(counts: Counter[str], name: str) -> float:
    return counts[name] / counts.total()


FOLLOWS = {
    Strategy.PRIORITY_FAILOVER: lambda c: c["a"] == c.total(),
    Strategy.WEIGHTED: lambda c: share(c, "a") > 0.6 and 0 < share(c, "b") < 0.35,
    Strategy.SIMPLE_SHUFFLE: lambda c: min(share(c, n) for n in "abc") > 0.2,
    Strategy.LEAST_BUSY: lambda c: share(c, "b") > 0.5 and min(share(c, n) for n in "abc") > 0,  # b is free soonest
    Strategy.LATENCY_BASED: lambda c: share(c, "b") > 0.6,
    Strategy.COST_BASED: lambda c: c["b"] == c.total(),
    Strategy.USAGE_BASED: lambda c: min(share(c, n) for n in "abc") > 0.2,
}


def test_two_groups_of_each_strategy_follow_their_own_under_load():
    """In virtual time, so that latencies are what they are however busy the machine is."""
    specs = [group(f"{s.value}-{n}", s, deployments=ROWS) for s in Strategy for n in (1, 2)]
    counts: dict[str, Counter[str]] = {spec.name: Counter() for spec in specs}

    async def client(routing: Routing, upstream: ScriptedUpstream, name: str) -> None:
        for _ in range(30):
            result, _ = await request(routing, name, upstream)
            counts[name][result.deployment.deployment_id] += 1

    async def load() -> None:
        routing = await routing_of(*specs)
        upstreams = {spec.name: ScriptedUpstream(delays_s=SLOW_BUT_B) for spec in specs}
        await asyncio.gather(*(client(routing, upstreams[s.name], s.name) for s in specs for _ in range(5)))

    random.seed(7)
    clock.run(load())
    wrong = {spec.name: counts[spec.name] for spec in specs if not FOLLOWS[spec.strategy](counts[spec.name])}
    assert not wrong
    assert all(c.total() == 150 for c in counts.values())


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_a_cooldown_in_one_group_does_not_reach_its_twin(strategy: Strategy):
    one, two = (group(name, strategy, deployments=ROWS, cooldown=CooldownPolicy(60)) for name in ("one", "two"))
    routing = await routing_of(one, two)
    for _ in range(4):
        await request(routing, "one", ScriptedUpstream(dict.fromkeys("abc", 429)))
    error, trace = await request(routing, "one", ScriptedUpstream())
    assert (error.code, trace.attempts) == ("all_cooling_down", [])
    result, _ = await request(routing, "two", ScriptedUpstream())
    assert result.deployment.deployment_id in "abc"


async def test_a_hundred_and_twenty_routers_still_cool_down():
    routing = await routing_of(*(group(f"g{n}", cooldown=CooldownPolicy(60)) for n in range(120)))
    await request(routing, "g119", ScriptedUpstream({"a": 429}))
    _, trace = await request(routing, "g119", ScriptedUpstream())
    assert path_of(trace) == "b:success"


async def test_replacing_a_group_under_load_loses_no_request():
    routing = await routing_of(group())
    upstream = ScriptedUpstream()
    upstream.gate = asyncio.Event()
    in_flight = [asyncio.create_task(request(routing, "g", upstream)) for _ in range(50)]
    await asyncio.sleep(0.05)
    await routing.put(group(revision=2, deployments=(deployment("z", priority=1),)))
    result, _ = await request(routing, "g", ScriptedUpstream())
    assert result.deployment.deployment_id == "z"
    upstream.gate.set()
    answers = [result.deployment.deployment_id for result, _ in await asyncio.gather(*in_flight)]
    assert answers == ["a"] * 50


async def test_a_retired_router_is_let_go_when_its_last_stream_ends():
    routing = await routing_of(group())
    stream, _ = await request(routing, "g", ScriptedUpstream(), is_stream=True)
    router = weakref.ref(routing.get("g").router)
    routing.remove("g")
    gc.collect()
    assert router() is not None
    assert len([event async for event in stream]) == 2
    del stream
    await asyncio.sleep(0)
    gc.collect()
    assert router() is None


def calls() -> set[int]:
    """The calls in memory. While the collector is off, those of other tests stay where they are."""
    return {id(one) for one in gc.get_objects() if type(one) is Call}


async def test_a_stream_that_has_ended_leaves_nothing_to_the_garbage_collector():
    routing = await routing_of(group(router=Router.NATIVE, rescues=True))
    gc.collect()
    others = calls()
    gc.disable()
    try:
        stream, _ = await request(routing, "g", ScriptedUpstream(), is_stream=True)
        assert stream.rescuer is not None
        assert len([event async for event in stream]) == 2
        del stream
        await asyncio.sleep(0)
        assert not calls() - others
    finally:
        gc.enable()


async def test_fallback_groups_are_tried_in_order():
    main = group("main", fallback=FallbackPolicy(groups=("gone", "spare")))
    spare = group("spare", deployments=(deployment("z", priority=1),))
    routing = await routing_of(main, spare)
    result, trace = await request(routing, "main", ScriptedUpstream(dict.fromkeys("abc", 503)))
    assert path_of(trace) == "a:error>b:error>c:error>z:success"
    assert [a.model_group for a in trace.attempts] == ["main"] * 3 + ["spare"]
    assert [a.fallback_depth for a in trace.attempts] == [0, 1, 2, 3]
    assert trace.attempts[2].moved_on_because == "fallback_error"
    assert result.deployment.deployment_id == "z"


async def test_max_fallbacks_bounds_groups_too():
    policy = FallbackPolicy(groups=("spare",))
    main = group("main", fallback=policy, retry=RetryPolicy(num_retries=0, max_fallbacks=2))
    routing = await routing_of(main, group("spare", deployments=(deployment("z", priority=1),)))
    error, trace = await request(routing, "main", ScriptedUpstream(dict.fromkeys("abc", 503)))
    assert (error.status, len(trace.attempts)) == (503, 3)


async def test_a_prompt_that_is_too_long_goes_to_its_own_fallback_group():
    main = group("main", fallback=FallbackPolicy(groups=("spare",), context_window_groups=("long",)))
    others = [group(n, deployments=(deployment(n, priority=1),)) for n in ("spare", "long")]
    routing = await routing_of(main, *others)

    class TooLong(ScriptedUpstream):
        async def send(self, call, deployment, policy, attempt):
            from engine.upstreams import failures

            if deployment.deployment_id in "abc":
                body = b"This model's maximum context length is 4097 tokens."
                raise failures.from_response(deployment, 400, body, {})
            return await super().send(call, deployment, policy, attempt)

    _, trace = await request(routing, "main", TooLong())
    assert path_of(trace) == "a:error>long:success"


async def test_a_group_without_deployments_says_so_and_others_serve():
    routing = await routing_of(group("empty", deployments=()), group("fine"))
    error, _ = await request(routing, "empty", ScriptedUpstream())
    assert isinstance(error, GroupUnavailable)
    assert "no usable deployment" in error.message
    _, trace = await request(routing, "fine", ScriptedUpstream())
    assert path_of(trace) == "a:success"
