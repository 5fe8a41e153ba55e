"""What people stop by hand: no group asks it before its time is over, whatever routes the group."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.core.state import Trip
from engine.routing import Routing
from engine.spec import CooldownPolicy, FallbackPolicy, RetryPolicy, Router
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of

WHY = "maintenance until ten"
ROUTERS = pytest.mark.parametrize("router", list(Router))


def trip(*names: str, for_s: float = 600.0) -> dict[str, Trip]:
    now = time.time()
    return {name: Trip(now, now + for_s, WHY) for name in names}


async def path(routing: Routing, upstream: Any = None, name: str = "g") -> str:
    _, trace = await request(routing, name, upstream or ScriptedUpstream())
    return path_of(trace)


@ROUTERS
@pytest.mark.parametrize("cooldown", [CooldownPolicy(), CooldownPolicy(0), CooldownPolicy(60, allowed_fails=0)])
async def test_a_deployment_that_was_stopped_is_not_asked_and_the_skip_says_why(router, cooldown):
    routing = await routing_of(group(router=router, cooldown=cooldown))
    routing.trip(trip("deployment:a"))
    _, trace = await request(routing, "g", ScriptedUpstream())
    assert path_of(trace) == "b:success"
    (skip,) = trace.skipped
    assert (skip.deployment_id, skip.reason.value, skip.cause) == ("a", "cooling", WHY)
    assert skip.message == f"It is stopped by hand for 600 s more: {WHY}"


@ROUTERS
async def test_a_lone_deployment_that_was_stopped_is_not_asked_either(router):
    rows = (deployment("a", priority=1),)
    routing = await routing_of(group(router=router, deployments=rows, cooldown=CooldownPolicy(0)))
    routing.trip(trip("deployment:a"))
    error, trace = await request(routing, "g", ScriptedUpstream())
    assert (error.status, error.code, trace.attempts) == (429, "all_stopped", [])
    assert error.message.startswith("All deployments of 'g' are stopped by hand. Try again in ")
    assert 595 < error.retry_after_s <= 600


@ROUTERS
async def test_a_stopped_provider_stops_all_its_deployments(router):
    rows = tuple(
        deployment(n, priority=p, provider_id=of)
        for p, (n, of) in enumerate([("a", "p"), ("b", "p"), ("c", "q")], start=1)
    )
    routing = await routing_of(group(router=router, deployments=rows))
    routing.trip(trip("key:p"))
    assert await path(routing) == "c:success"
    assert {row.name for row in routing.open_breakers()} >= {"key:p" if router is Router.NATIVE else "deployment:a"}


@ROUTERS
async def test_what_is_stopped_no_more_is_asked_at_once(router):
    routing = await routing_of(group(router=router))
    routing.trip(trip("deployment:a", "deployment:b"))
    routing.trip(trip("deployment:b"))
    assert await path(routing) == "a:success"


@ROUTERS
async def test_failures_of_requests_in_flight_do_not_end_it_early(router):
    """LiteLLM's Router would begin a cooldown of its own in place of it."""
    routing = await routing_of(group(router=router, cooldown=CooldownPolicy(0.01, allowed_fails=0)))
    routing.trip(trip("deployment:a"))
    live = routing.get("g")
    assert live is not None
    if live.router is not None:
        (router_id,) = [name for name, row in live.router.by_router_id.items() if row.deployment_id == "a"]
        live.router.cooldown_cache.add_deployment_to_cooldown(
            router_id, RuntimeError("late"), exception_status=429, cooldown_time=0.001
        )
    routing.forgive("deployment:a")
    assert await path(routing) == "b:success"


@ROUTERS
async def test_a_group_that_comes_later_or_is_replaced_heeds_it(router):
    routing = await routing_of()
    routing.trip(trip("deployment:a"))
    await routing.put(group(router=router))
    assert await path(routing) == "b:success"
    await routing.put(group(router=router, revision=2, retry=RetryPolicy(1)))
    assert await path(routing) == "b:success"


async def test_the_fallback_group_of_a_group_of_litellms_router_heeds_it():
    spare = group("spare", router=Router.NATIVE, deployments=tuple(deployment(n, priority=1) for n in "yz"))
    routing = await routing_of(group(fallback=FallbackPolicy(groups=("spare",))), spare)
    routing.trip(trip("deployment:y"))
    assert (await path(routing, ScriptedUpstream(dict.fromkeys("abc", 500)))).endswith(">z:success")


@ROUTERS
async def test_another_key_or_address_does_not_bring_it_back(router):
    routing = await routing_of(group(router=router))
    routing.trip(trip("deployment:a"))
    rows = tuple(deployment(n, priority=p, api_base="https://new.example") for p, n in enumerate("abc", start=1))
    await routing.put(group(router=router, revision=2, deployments=rows))
    assert await path(routing) == "b:success"


@ROUTERS
async def test_it_is_listed_with_all_groups_even_those_without_cooldowns(router):
    one, other = (group(name, router=router, cooldown=CooldownPolicy(0)) for name in ("one", "other"))
    routing = await routing_of(one, other)
    tripped = trip("deployment:a")
    routing.trip(tripped)
    found = routing.open_breakers()
    assert {spec.name for row in found for spec in row.groups} == {"one", "other"}
    for row in found:
        assert (row.name, row.is_by_hand, row.is_half_open, row.cause) == ("deployment:a", True, False, WHY)
        assert row.until_s == pytest.approx(tripped["deployment:a"].until_s, abs=0.1)


async def test_a_group_without_cooldowns_is_not_listed_for_what_failures_have_opened():
    heeding, not_heeding = (
        group("a", router=Router.NATIVE),
        group("b", router=Router.NATIVE, cooldown=CooldownPolicy(0)),
    )
    routing = await routing_of(heeding, not_heeding)
    assert await path(routing, ScriptedUpstream({"a": 429}), "a") == "a:error>b:success"
    (row,) = routing.open_breakers()
    assert [spec.name for spec in row.groups] == ["a"]
    assert (row.name, row.cause, row.error, row.is_by_hand) == ("deployment:a", "1×429", "scripted", False)


async def test_a_pause_that_is_over_is_half_open_and_a_lone_deployment_is_probed_sooner():
    lone = group(router=Router.NATIVE, deployments=(deployment("a", priority=1),), cooldown=CooldownPolicy(30))
    routing = await routing_of(lone)
    await path(routing, ScriptedUpstream({"a": 429}))
    (row,) = routing.open_breakers()
    assert [row.until_s - row.since_s, row.next_probe_s - row.since_s] == pytest.approx([30, 5])
    again = await routing_of(group(router=Router.NATIVE, cooldown=CooldownPolicy(0.001)))
    await path(again, ScriptedUpstream({"a": 429}))
    while not again.open_breakers()[0].is_half_open:
        pass
    assert again.open_breakers()[0].next_probe_s <= time.time()
