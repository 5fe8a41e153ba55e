"""A 404 of an endpoint that a deployment has never answered is about the endpoint, whatever routes the group."""

from __future__ import annotations

import pytest

from engine.ledger import Trace
from engine.spec import CooldownPolicy, Router
from engine.upstreams.call import Call
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of


@pytest.mark.parametrize("router", list(Router))
async def test_a_missing_endpoint_takes_no_chats_out(router):
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    routing = await routing_of(group(router=router, deployments=rows, cooldown=CooldownPolicy(60, allowed_fails=0)))
    live, trace = routing.get("g"), Trace("call", "g")
    assert live is not None
    missing = ScriptedUpstream({"a": 404, "b": 404})
    with pytest.raises(Exception, match="does not serve /v1/moderations") as caught:
        await routing.route(Call("moderations", {"input": "hi"}, trace, upstream=missing), live)
    assert (getattr(caught.value, "status", None), getattr(caught.value, "code", None)) == (400, "not_served")
    _, chat = await request(routing, "g", ScriptedUpstream())
    assert path_of(chat) == "a:success"


@pytest.mark.parametrize("router", list(Router))
async def test_a_missing_model_does(router):
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    routing = await routing_of(group(router=router, deployments=rows, cooldown=CooldownPolicy(60, allowed_fails=0)))
    await request(routing, "g", ScriptedUpstream({"a": 404}))
    _, chat = await request(routing, "g", ScriptedUpstream())
    assert path_of(chat) == "b:success"
