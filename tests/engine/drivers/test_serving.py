"""The gateway's driver of the core: what is asked in which order, what the caller is told, and what the ledger keeps.

In virtual time, so that cooldowns and waits are exact and cost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.drivers.litellm_router import clock
from engine.ledger import SkipReason, Trace
from engine.routing import LiveGroup, Routing
from engine.spec import CooldownPolicy, FallbackPolicy, GroupSpec, RetryPolicy, Router, Strategy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of


def native(name: str = "g", strategy: Strategy = Strategy.PRIORITY_FAILOVER, **fields: Any) -> GroupSpec:
    return group(name, strategy, router=Router.NATIVE, **fields)


def in_virtual_time(main: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """The test on the clock of rehearsals."""

    def test() -> None:
        clock.run(main())  # type: ignore[arg-type]

    test.__name__, test.__doc__ = main.__name__, main.__doc__
    return test


class Told(ScriptedUpstream):
    """Fails with a Retry-After."""

    def __init__(self, failing: dict[str, int], retry_after_s: float) -> None:
        super().__init__(failing)
        self._headers = {"retry-after": f"{retry_after_s:g}"}

    async def send(self, call: Call, deployment: Any, policy: RetryPolicy, attempt: Any) -> Answer | Stream:
        if status := self.failing.get(deployment.deployment_id):
            raise failures.from_response(deployment, status, b"{}", self._headers)
        return await super().send(call, deployment, policy, attempt)


async def ask(routing: Routing, upstream: Any, name: str = "g") -> tuple[Any, Trace, float]:
    """The result, the trace, and the seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    result, trace = await request(routing, name, upstream)
    return result, trace, loop.time() - began


@in_virtual_time
async def test_untried_deployments_come_before_any_repeat():
    rows = (deployment("a", priority=1), deployment("b", priority=1), deployment("c", priority=2))
    routing = await routing_of(native(deployments=rows, retry=RetryPolicy(num_retries=2)))
    _, trace, took_s = await ask(routing, ScriptedUpstream(dict.fromkeys("ab", 500)))
    assert path_of(trace) in ("a:error>b:error>c:success", "b:error>a:error>c:success")
    assert took_s == 0


@pytest.mark.parametrize("strategy", list(Strategy))
def test_one_that_has_just_failed_is_not_asked_again_while_another_may_serve(strategy: Strategy):
    async def main() -> None:
        rows = (deployment("a", priority=1, weight=1), deployment("b", priority=1, weight=1))
        spec = native(strategy=strategy, deployments=rows, retry=RetryPolicy(1), cooldown=CooldownPolicy(0))
        routing = await routing_of(spec)
        for _ in range(20):
            result, _, took_s = await ask(routing, ScriptedUpstream({"a": 500}))
            assert (result.deployment.deployment_id, took_s) == ("b", 0)

    clock.run(main())


@in_virtual_time
async def test_a_lone_deployment_is_asked_again_after_its_retry_after_and_nobody_waits_after_the_last_try():
    spec = native(deployments=(deployment("a", priority=1),), retry=RetryPolicy(num_retries=2))
    _, trace, took_s = await ask(await routing_of(spec), Told({"a": 429}, 5))
    assert path_of(trace) == "a:error>a:error>a:error"
    assert took_s == pytest.approx(10, abs=0.1)


@in_virtual_time
async def test_a_long_retry_after_is_not_waited_for_and_the_caller_is_told_when_its_group_asks_again():
    spec = native(deployments=(deployment("a", priority=1),), retry=RetryPolicy(num_retries=2))
    routing = await routing_of(spec)
    error, trace, took_s = await ask(routing, Told({"a": 429}, 60))
    assert (error.status, error.retry_after_s, len(trace.attempts), took_s) == (429, pytest.approx(5, abs=0.1), 1, 0)


@in_virtual_time
async def test_a_key_that_is_refused_is_not_tried_again_with_cooldowns_off():
    spec = native(deployments=(deployment("a", priority=1),), retry=RetryPolicy(3), cooldown=CooldownPolicy(0))
    _, trace, _ = await ask(await routing_of(spec), ScriptedUpstream({"a": 401}))
    assert path_of(trace) == "a:error"


@in_virtual_time
async def test_a_refused_key_is_left_alone_at_every_deployment_of_its_provider_in_every_group():
    of_p = {"provider_id": "p"}
    one = native("one", deployments=(deployment("a", priority=1, **of_p), deployment("z", priority=2)))
    two = native("two", deployments=(deployment("b", priority=1, **of_p), deployment("y", priority=2)))
    routing = await routing_of(one, two)
    await ask(routing, ScriptedUpstream({"a": 401}), "one")
    _, trace, _ = await ask(routing, ScriptedUpstream(), "two")
    assert path_of(trace) == "y:success"
    assert [(skip.deployment_id, skip.reason, skip.cause) for skip in trace.skipped] == [
        ("b", SkipReason.COOLING, "1×401")
    ]


@in_virtual_time
async def test_groups_that_share_a_deployment_share_its_breaker():
    one, two = native("one"), native("two", retry=RetryPolicy(0))
    routing = await routing_of(one, two)
    for _ in range(3):
        await ask(routing, ScriptedUpstream({"a": 500}), "one")
    _, trace, _ = await ask(routing, ScriptedUpstream(), "two")
    assert path_of(trace) == "b:success"
    (skip,) = trace.skipped
    assert (skip.reason, skip.cause) == (SkipReason.COOLING, "3×500")
    assert skip.for_s == pytest.approx(2, abs=0.1)


@in_virtual_time
async def test_when_all_cool_down_the_caller_hears_when_the_first_can_be_asked():
    routing = await routing_of(native(cooldown=CooldownPolicy(60)))
    await ask(routing, ScriptedUpstream(dict.fromkeys("abc", 429)))
    error, trace, _ = await ask(routing, ScriptedUpstream())
    assert (error.code, error.retry_after_s, trace.attempts) == ("all_cooling_down", pytest.approx(5, abs=0.1), [])
    assert [skip.deployment_id for skip in trace.skipped] == ["a", "b", "c"]


@in_virtual_time
async def test_a_last_deployment_is_probed_after_five_seconds():
    routing = await routing_of(native(deployments=(deployment("a", priority=1),), cooldown=CooldownPolicy(60)))
    await ask(routing, ScriptedUpstream({"a": 429}))
    await asyncio.sleep(5.01)
    result, _, _ = await ask(routing, ScriptedUpstream())
    assert result.deployment.deployment_id == "a"


@in_virtual_time
async def test_one_probe_at_a_time_goes_to_the_one_that_comes_back():
    routing = await routing_of(native())
    for _ in range(3):
        await ask(routing, ScriptedUpstream({"a": 500}))
    await asyncio.sleep(2.01)
    upstream = ScriptedUpstream(delays_s={"a": 1.0})
    asked = await asyncio.gather(*(ask(routing, upstream) for _ in range(20)))
    assert sum(trace.attempts[0].deployment_id == "a" for _, trace, _ in asked) == 1
    assert {trace.skipped[0].reason for _, trace, _ in asked if trace.skipped} == {SkipReason.PROBE_RUNNING}


@in_virtual_time
async def test_rpm_is_a_limit_in_every_strategy():
    for strategy in Strategy:
        rows = (deployment("a", priority=1, weight=1, rpm=10), deployment("b", priority=1, weight=1))
        routing = await routing_of(native(strategy=strategy, deployments=rows))
        upstream = ScriptedUpstream()
        for _ in range(40):
            await ask(routing, upstream)
        assert upstream.served["a"] <= 10, strategy
        assert upstream.served["a"] + upstream.served["b"] == 40


@in_virtual_time
async def test_a_prompt_too_long_goes_to_the_groups_named_for_it_and_strikes_nobody():
    class TooLong(ScriptedUpstream):
        async def send(self, call: Call, deployment: Any, policy: RetryPolicy, attempt: Any) -> Answer | Stream:
            if deployment.deployment_id == "a":
                body = b'{"error": {"code": "context_length_exceeded", "message": "too long"}}'
                raise failures.from_response(deployment, 400, body, {})
            return await super().send(call, deployment, policy, attempt)

    long = native("long", deployments=(deployment("z", priority=1),))
    routing = await routing_of(native(fallback=FallbackPolicy(context_window_groups=("long",))), long)
    for _ in range(4):
        _, trace, _ = await ask(routing, TooLong())
        assert path_of(trace) == "a:error>z:success"


@in_virtual_time
async def test_a_bad_request_ends_the_group():
    error, trace, _ = await ask(await routing_of(native(retry=RetryPolicy(3))), ScriptedUpstream({"a": 400}))
    assert (path_of(trace), error.status) == ("a:error", 400)


@in_virtual_time
async def test_a_cooldown_by_hand_ends_and_is_listed_with_its_error():
    routing = await routing_of(native())
    for _ in range(3):
        await ask(routing, ScriptedUpstream({"a": 500}))
    live = routing.get("g")
    assert live is not None
    cooling = live.cooling
    assert cooling is not None
    (cooldown,) = cooling.active()
    assert (cooldown.deployment.deployment_id, cooldown.cause, cooldown.error) == ("a", "3×500", "scripted")
    assert cooling.end("a")
    assert not cooling.active()
    _, trace, _ = await ask(routing, ScriptedUpstream())
    assert path_of(trace) == "a:success"


@in_virtual_time
async def test_a_replaced_group_keeps_the_breakers_of_its_deployments():
    routing = await routing_of(native())
    for _ in range(3):
        await ask(routing, ScriptedUpstream({"a": 500}))
    routing.add(LiveGroup(native(revision=2)))
    _, trace, _ = await ask(routing, ScriptedUpstream())
    assert path_of(trace) == "b:success"


@in_virtual_time
async def test_a_fallback_group_that_the_caller_may_not_use_is_skipped():
    routing = await routing_of(native(fallback=FallbackPolicy(groups=("h",))), native("h"))
    live, trace = routing.get("g"), Trace("call", "g")
    assert live is not None
    call = Call("chat/completions", {}, trace, upstream=ScriptedUpstream(dict.fromkeys("abc", 500)))
    call.may_use = {"g"}.__contains__
    with pytest.raises(Exception, match="scripted"):
        await routing.route(call, live)
    barred = [skip for skip in trace.skipped if skip.model_group == "h"]
    assert {skip.reason for skip in barred} == {SkipReason.NOT_ALLOWED}


@in_virtual_time
async def test_a_group_of_litellms_router_falls_back_to_one_of_our_core():
    ours = native("h", deployments=(deployment("z", priority=1),))
    routing = await routing_of(group(fallback=FallbackPolicy(groups=("h",))), ours)
    _, trace, _ = await ask(routing, ScriptedUpstream(dict.fromkeys("abc", 500)))
    assert path_of(trace).endswith(">z:success")
