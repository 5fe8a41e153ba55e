"""Cooldowns of a router: cause and end."""

from __future__ import annotations

import time

import pytest

from engine.spec import CooldownPolicy
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of


async def test_a_cooldown_knows_the_error_that_caused_it():
    routing = await routing_of(group())
    await request(routing, "g", ScriptedUpstream({"a": 429}))
    cooling = routing.get("g").router.cooling
    (cooldown,) = cooling.active()
    assert (cooldown.deployment.deployment_id, cooldown.error_class) == ("a", "RateLimitError")
    assert cooldown.error
    assert cooldown.until_s - cooldown.since_s == pytest.approx(30)
    assert cooling.begun == 1


async def test_the_end_of_a_cooldown_brings_the_deployment_back():
    routing = await routing_of(group())
    await request(routing, "g", ScriptedUpstream({"a": 429}))
    cooling = routing.get("g").router.cooling
    assert cooling.end("a") is True
    assert (cooling.active(), await routing.get("g").cooldowns()) == ((), {})
    _, trace = await request(routing, "g", ScriptedUpstream())
    assert path_of(trace) == "a:success"
    assert cooling.end("a") is False


async def test_failures_before_the_end_are_forgotten_with_it():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    routing = await routing_of(group(deployments=rows, cooldown=CooldownPolicy(60, allowed_fails=1)))
    upstream = ScriptedUpstream({"a": 503})
    for _ in range(2):
        await request(routing, "g", upstream)
    routing.get("g").router.cooling.end("a")
    paths = [path_of((await request(routing, "g", upstream))[1]) for _ in range(3)]
    assert paths == ["a:error>b:success", "a:error>b:success", "b:success"]


async def test_a_cooldown_that_is_over_is_not_active():
    routing = await routing_of(group(cooldown=CooldownPolicy(0.05)))
    await request(routing, "g", ScriptedUpstream({"a": 429}))
    cooling = routing.get("g").router.cooling
    deadline = time.time() + 5
    while cooling.active() and time.time() < deadline:
        pass
    assert cooling.active() == ()
