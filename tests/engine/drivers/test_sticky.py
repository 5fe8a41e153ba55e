"""Conversations that stay at one deployment, through the gateway's driver and in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from engine.exceptions import RequestFailed
from engine.ledger import Trace
from engine.routing import Routing
from engine.spec import CooldownPolicy, FallbackPolicy, GroupSpec, RetryPolicy, Router, StickyPolicy, Strategy
from engine.upstreams.call import Call, Stream
from tests.engine.drivers.test_serving import in_virtual_time
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, routing_of

STICKY = StickyPolicy("session", ttl_s=60.0)


def sticky(**fields: Any) -> GroupSpec:
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    retry, cooldown = RetryPolicy(num_retries=0), CooldownPolicy(cooldown_time_s=5)
    given = {"deployments": rows, "retry": retry, "cooldown": cooldown, "sticky": STICKY, **fields}
    return group("g", Strategy.PRIORITY_FAILOVER, router=Router.NATIVE, **given)


async def ask(
    routing: Routing, upstream: ScriptedUpstream, conversation: str = "one", *, is_stream: bool = False
) -> Trace:
    trace = Trace("call", "g")
    body = {"messages": [{"role": "user", "content": "hi"}]}
    call = Call("chat/completions", body, trace, is_stream, upstream, conversation=conversation)
    live = routing.get("g")
    assert live is not None
    with suppress(RequestFailed):
        result = await routing.route(call, live)
        if isinstance(result, Stream):
            assert [event async for event in result]
    return trace


@in_virtual_time
async def test_after_an_outage_a_conversation_stays_and_a_new_one_goes_to_the_first_tier():
    routing = await routing_of(sticky())
    moved = await ask(routing, ScriptedUpstream({"a": 429}))
    assert path_of(moved) == "a:error>b:success"
    await asyncio.sleep(10)  # `a` is back
    stays, fresh = await ask(routing, ScriptedUpstream()), await ask(routing, ScriptedUpstream(), "two")
    assert (path_of(stays), path_of(fresh)) == ("b:success", "a:success")
    assert [trace.attempts[0].sticky for trace in (moved, stays, fresh)] == [False, True, False]


@in_virtual_time
async def test_who_stays_in_a_later_tier_has_not_fallen_back_and_skipped_nobody():
    routing = await routing_of(sticky())
    assert (await ask(routing, ScriptedUpstream({"a": 429}))).has_fallen_back
    await asyncio.sleep(10)
    stays = await ask(routing, ScriptedUpstream())
    assert (stays.attempts[0].fallback_depth, stays.has_fallen_back, list(stays.skipped)) == (1, False, [])


@in_virtual_time
async def test_a_stream_binds_when_it_begins():
    routing = await routing_of(sticky())
    await ask(routing, ScriptedUpstream({"a": 429}), is_stream=True)
    await asyncio.sleep(10)
    assert path_of(await ask(routing, ScriptedUpstream(), is_stream=True)) == "b:success"


@in_virtual_time
async def test_a_conversation_moves_when_its_deployment_fails_and_stays_where_it_went():
    routing = await routing_of(sticky())
    await ask(routing, ScriptedUpstream())
    assert path_of(await ask(routing, ScriptedUpstream({"a": 500}))) == "a:error>b:success"
    assert path_of(await ask(routing, ScriptedUpstream())) == "b:success"


@in_virtual_time
async def test_it_is_forgotten_after_its_time():
    routing = await routing_of(sticky())
    await ask(routing, ScriptedUpstream({"a": 429}))
    await asyncio.sleep(61)
    assert path_of(await ask(routing, ScriptedUpstream())) == "a:success"


@in_virtual_time
async def test_requests_without_a_conversation_are_routed_as_usual():
    routing = await routing_of(sticky())
    await ask(routing, ScriptedUpstream({"a": 429}), "")
    await asyncio.sleep(10)
    assert path_of(await ask(routing, ScriptedUpstream(), "")) == "a:success"


@in_virtual_time
async def test_the_answer_of_a_fallback_group_binds_nobody():
    spare = group("spare", router=Router.NATIVE, deployments=(deployment("s"),))
    front = sticky(fallback=FallbackPolicy(groups=("spare",)))
    routing = await routing_of(front, spare)
    assert path_of(await ask(routing, ScriptedUpstream({"a": 429, "b": 429}))) == "a:error>b:error>s:success"
    await asyncio.sleep(10)
    assert path_of(await ask(routing, ScriptedUpstream())) == "a:success"
