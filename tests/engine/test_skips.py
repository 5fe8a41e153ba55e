"""Skips: every candidate of each group of a request was asked, skipped or not needed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ledger import Skip, SkipReason, Trace
from engine.routing import LiveGroup, Routing
from engine.skips import standbys
from engine.spec import CooldownPolicy, FallbackPolicy, GroupSpec, OwnKey, RetryPolicy, Router, Secret, Strategy
from engine.upstreams.call import Call
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of

AT_ONCE = CooldownPolicy(60, allowed_fails=0)


def told(trace: Trace) -> dict[str, str]:
    return {skip.deployment_id: skip.reason.value for skip in trace.skipped}


async def asked(routing: Routing, name: str, upstream: Any, **more: Any) -> Trace:
    trace, live = Trace("asked", name), routing.get(name)
    assert live is not None
    try:
        await routing.route(Call("chat/completions", {}, trace, upstream=upstream, **more), live)
    except Exception:
        return trace
    return trace


async def test_a_request_that_its_first_choice_answers_skips_nobody():
    trace = await asked(await routing_of(group()), "g", ScriptedUpstream())
    assert (path_of(trace), trace.skipped, trace.has_fallen_back) == ("a:success", (), False)


async def test_a_cooling_primary_is_skipped_with_how_long_since_when_and_because_of_what():
    routing = await routing_of(group(cooldown=CooldownPolicy(60, allowed_fails=1)))
    began = time.time()
    for _ in range(2):
        await request(routing, "g", ScriptedUpstream({"a": 503}))
    trace = await asked(routing, "g", ScriptedUpstream())
    assert (path_of(trace), trace.has_fallen_back) == ("b:success", True)
    (skip,) = trace.skipped
    assert (skip.deployment_id, skip.reason, skip.tier) == ("a", SkipReason.COOLING, 1)
    assert skip.for_s == pytest.approx(60, abs=2)
    assert began <= (skip.since or 0) <= time.time()
    assert (skip.cause, skip.cause_call_id) == ("2×503", "call")
    assert skip.moved_on_because == "fallback_error"


async def test_what_put_it_there_is_counted_for_each_cooldown_by_itself():
    routing = await routing_of(group(cooldown=AT_ONCE))
    await request(routing, "g", ScriptedUpstream({"a": 503}))
    router = routing.get("g").router
    assert router.cooling.end("a")
    await request(routing, "g", ScriptedUpstream({"a": 429}))
    (skip,) = (await asked(routing, "g", ScriptedUpstream())).skipped
    assert (skip.cause, skip.moved_on_because) == ("1×429", "fallback_rate_limit")


async def test_a_cooling_standby_behind_the_one_that_answered_is_no_skip():
    routing = await routing_of(group(cooldown=AT_ONCE))
    await request(routing, "g", ScriptedUpstream({"a": 503, "b": 503}))
    routing.get("g").router.cooling.end("a")
    trace = await asked(routing, "g", ScriptedUpstream())
    assert (path_of(trace), told(trace)) == ("a:success", {})


async def test_when_all_cool_down_all_are_skipped():
    routing = await routing_of(group(cooldown=AT_ONCE))
    await request(routing, "g", ScriptedUpstream(dict.fromkeys("abc", 503)))
    trace = await asked(routing, "g", ScriptedUpstream())
    assert (trace.attempts, told(trace)) == ([], dict.fromkeys("abc", "cooling"))
    assert not trace.has_fallen_back


async def test_in_a_tier_of_several_the_cooling_one_is_skipped_without_falling_back():
    routing = await routing_of(group(strategy=Strategy.SIMPLE_SHUFFLE, cooldown=AT_ONCE))
    upstream = ScriptedUpstream({"a": 503})
    while not routing.get("g").router.cooling.active():
        await request(routing, "g", upstream)
    trace = await asked(routing, "g", upstream)
    assert (told(trace), trace.has_fallen_back) == ({"a": "cooling"}, False)


async def test_a_deployment_without_weight_is_skipped_for_that():
    rows = (deployment("a", weight=1), deployment("b", weight=0))
    routing = await routing_of(group(strategy=Strategy.WEIGHTED, deployments=rows))
    assert told(await asked(routing, "g", ScriptedUpstream())) == {"b": "no_weight"}


async def test_a_deployment_that_cannot_be_called_is_no_attempt_and_says_why_ever_after():
    unreadable = deployment("a", priority=1, problem="Its key can't be read.", lacks_credentials=True)
    broken = deployment("b", priority=2, problem="Its settings can't be read.")
    routing = await routing_of(group(deployments=(unreadable, broken, deployment("c", priority=3))))
    for _ in range(3):
        trace = await asked(routing, "g", ScriptedUpstream())
        assert path_of(trace) == "c:success"
        assert told(trace) == {"a": "no_credentials", "b": "unsuitable"}


async def test_when_no_deployment_can_be_called_the_failure_has_a_code_and_all_are_skipped():
    routing = await routing_of(group(deployments=(deployment("a", priority=1, problem="Its settings can't be read."),)))
    error, trace = await request(routing, "g", ScriptedUpstream())
    assert (error.status, error.code, error.message) == (502, "no_usable_deployment", "Its settings can't be read.")
    assert (trace.attempts, told(trace)) == ([], {"a": "unsuitable"})


async def test_who_is_over_its_own_rate_limit_is_skipped_and_not_attempted():
    rows = (deployment("a", rpm=3), deployment("b", rpm=3))
    routing = await routing_of(group(strategy=Strategy.USAGE_BASED, deployments=rows))
    upstream = ScriptedUpstream()
    traces = [(await request(routing, "g", upstream))[1] for _ in range(8)]
    assert sum(upstream.served.values()) == sum(len(trace.attempts) for trace in traces) == 4
    assert all(told(trace) == {"a": "rate_limited", "b": "rate_limited"} for trace in traces[4:])
    assert all(skip.for_s and skip.for_s > 0 for trace in traces[4:] for skip in trace.skipped)


async def test_who_refused_the_callers_own_key_is_not_asked_with_it_again():
    rows = tuple(deployment(n, priority=p, provider_id="one" if p < 3 else "two") for p, n in enumerate("abc", 1))
    routing = await routing_of(group(deployments=rows))
    keys = {"one": OwnKey(Secret("sk-own"), may_fall_back=False)}
    trace = await asked(routing, "g", ScriptedUpstream({"a": 401}), own_keys=keys)
    assert (path_of(trace), told(trace)) == ("a:error>c:success", {"b": "own_key_refused"})


async def test_a_fallback_group_that_the_caller_may_not_use_is_skipped():
    routing = await routing_of(
        group(deployments=(deployment("a", priority=1),), fallback=FallbackPolicy(("theirs", "ours"))),
        group("theirs", deployments=(deployment("x", priority=1),)),
        group("ours", deployments=(deployment("y", priority=1),)),
    )
    upstream = ScriptedUpstream({"a": 503})
    trace = await asked(routing, "g", upstream, may_use=lambda name: name != "theirs")
    assert (path_of(trace), told(trace)) == ("a:error>y:success", {"x": "not_allowed"})
    assert upstream.served == {"y": 1}
    trace = await asked(routing, "g", ScriptedUpstream(), may_use=lambda name: False)
    assert (path_of(trace), told(trace)) == ("a:success", {})


async def test_who_had_no_turn_because_the_retries_were_used_up_is_skipped_for_that():
    routing = await routing_of(group(strategy=Strategy.SIMPLE_SHUFFLE, retry=RetryPolicy(num_retries=0)))
    trace = await asked(routing, "g", ScriptedUpstream(dict.fromkeys("abc", 500)))
    assert len(trace.attempts) == 1
    assert set(told(trace).values()) == {"retry_budget"}
    limited = group("h", retry=RetryPolicy(num_retries=0, max_fallbacks=1))
    trace = await asked(await routing_of(limited), "h", ScriptedUpstream(dict.fromkeys("abc", 500)))
    assert told(trace) == {"c": "retry_budget"}
    assert "max_fallbacks" in trace.skipped[0].message


async def test_a_request_whose_time_was_up_did_not_come_to_the_others():
    routing = await routing_of(group(router=Router.NATIVE, retry=RetryPolicy(num_retries=0, total_timeout_s=0.05)))
    trace = await asked(routing, "g", ScriptedUpstream(delays_s={"a": 60}))
    assert (path_of(trace), told(trace)) == ("a:cancelled", {})


async def test_a_request_that_broke_on_a_fault_of_ours_did_not_come_to_the_others():
    def broken(name: str) -> bool:
        raise RuntimeError

    lone = group(deployments=(deployment("x", priority=1),), fallback=FallbackPolicy(("y", "h")), router=Router.NATIVE)
    other = group("y", deployments=(deployment("y", priority=1),), router=Router.NATIVE)
    trace = await asked(await routing_of(lone, other), "g", ScriptedUpstream({"x": 503}), may_use=broken)
    assert (path_of(trace), told(trace)) == ("x:error", {})


async def test_who_failed_already_in_the_group_before_is_skipped_for_that():
    first = group(deployments=(deployment("a", priority=1),), fallback=FallbackPolicy(("h",)), router=Router.NATIVE)
    routing = await routing_of(first, group("h", router=Router.NATIVE))
    trace = await asked(routing, "g", ScriptedUpstream({"a": 500}))
    assert (path_of(trace), told(trace)) == ("a:error>b:success", {"a": "retry_budget"})
    assert trace.skipped[0].message == "It has already failed in this request, in the group 'g'."


async def test_who_waited_behind_an_attempt_that_was_left_is_no_skip():
    routing, upstream, trace = await routing_of(group()), ScriptedUpstream(), Trace("left", "g")
    upstream.gate = asyncio.Event()
    live = routing.get("g")
    assert isinstance(live, LiveGroup)
    work = asyncio.create_task(routing.route(Call("chat/completions", {}, trace, upstream=upstream), live))
    await asyncio.sleep(0.01)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert (path_of(trace), trace.skipped) == ("a:cancelled", ())


def test_a_skip_as_json_has_no_empty_fields():
    skip = Skip("a", "A", "P", "g", 1, SkipReason.NO_WEIGHT, "Its weight is 0.")
    assert skip.to_json() == {
        "deployment_id": "a",
        "deployment_name": "A",
        "provider": "P",
        "model_group": "g",
        "tier": 1,
        "reason": "no_weight",
        "message": "Its weight is 0.",
        "fallback_depth": 0,
    }


@st.composite
def groups(draw: st.DrawFn, name: str, ids: str, fallbacks: tuple[str, ...]) -> GroupSpec:
    rows = tuple(
        deployment(
            n,
            priority=draw(st.integers(1, 3)),
            weight=draw(st.sampled_from((0, 1, 2))),
            problem=draw(st.sampled_from((None, None, None, "It can't be called."))),
            rpm=draw(st.sampled_from((None, None, 2, 5))),
        )
        for n in ids
    )
    return group(
        name,
        draw(st.sampled_from(Strategy)),
        deployments=rows,
        retry=RetryPolicy(num_retries=draw(st.integers(0, 2)), max_fallbacks=draw(st.integers(0, 3))),
        cooldown=draw(st.sampled_from((CooldownPolicy(), AT_ONCE))),
        fallback=FallbackPolicy(fallbacks),
    )


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    first=groups("g", "abcd", ("h", "i")),
    second=groups("h", "efg", ("i",)),
    third=groups("i", "hi", ()),
    statuses=st.lists(st.dictionaries(st.sampled_from("abcdefghi"), st.sampled_from((503, 429, 400))), max_size=5),
    barred=st.sets(st.sampled_from(("h", "i"))),
)
def test_attempts_and_skips_account_for_every_candidate_of_each_group_that_was_reached(
    first: GroupSpec, second: GroupSpec, third: GroupSpec, statuses: list[dict[str, int]], barred: set[str]
) -> None:
    async def run() -> None:
        routing = await routing_of(first, second, third)
        for failing in [*statuses, {}]:
            upstream, trace = ScriptedUpstream(failing), Trace("call", "g")
            call = Call("chat/completions", {}, trace, upstream=upstream, may_use=lambda name: name not in barred)
            live = routing.get("g")
            assert live is not None
            has_failed = isinstance(
                (await asyncio.gather(routing.route(call, live), return_exceptions=True))[0], Exception
            )
            check(call, has_failed=has_failed)
        for spec in (first, second, third):
            routing.remove(spec.name)

    asyncio.run(run())


def check(call: Call, *, has_failed: bool) -> None:
    trace = call.trace
    reached = [visit.spec for visit in call.journey.visits]
    tried = {(a.model_group, a.deployment_id) for a in trace.attempts}
    skipped = [(s.model_group, s.deployment_id) for s in trace.skipped]
    waiting = [(s.model_group, s.deployment_id) for s in standbys(reached, {*tried, *skipped})]
    everyone = [(spec.name, d.deployment_id) for spec in reached for d in spec.deployments]
    assert sorted([*tried, *skipped, *waiting]) == sorted(everyone)
    assert all(skip.is_skip and skip.message for skip in trace.skipped)
    assert not (has_failed and waiting), "after a failure nobody was merely not needed"
