"""Clients of Messages at Claude behind LiteLLM: marks for the prompt cache and betas arrive on the wire."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine.dialects.messages.request import view
from engine.ledger import Attempt, Trace
from engine.spec import DeploymentSpec, RetryPolicy, Secret
from engine.upstreams.call import Call
from engine.upstreams.choose import upstream_for
from engine.upstreams.connections import close_session
from tests.engine.scripted import deployment
from tests.fakes import Exchange, ScriptedUpstream

MARK = {"type": "ephemeral"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
BODY: dict[str, Any] = {
    "model": "g",
    "max_tokens": 50,
    "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind.", "cache_control": MARK}],
    "tools": [{"name": "f", "input_schema": SCHEMA}, {"name": "g", "input_schema": SCHEMA, "cache_control": MARK}],
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "9"},
                {"type": "text", "text": "And now?", "cache_control": MARK},
            ],
        },
    ],
}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "pong"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "pong"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


@dataclass(frozen=True)
class Reply:
    body: dict[str, Any]

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(200, self.body)


async def asked(spec: DeploymentSpec, betas: str = "", **fields: Any) -> tuple[str, ...]:
    """Asks as a client of Messages does; gives what is reported as lost."""
    call = Call("messages", {**BODY, **fields}, Trace("r", "g"), headers={"anthropic-beta": betas} if betas else {})
    attempt = Attempt(spec.deployment_id, spec.name, spec.provider, "g", 1, time.time())
    try:
        await upstream_for(spec, "messages").send(call, spec, RetryPolicy(timeout_s=60), attempt)
    finally:
        await close_session()
    return attempt.dropped_params


def places(value: Any, name: str) -> int:
    """How often a field is anywhere in some JSON."""
    if isinstance(value, dict):
        return (name in value) + sum(places(one, name) for one in value.values())
    return sum(places(one, name) for one in value) if isinstance(value, list) else 0


def bedrock(upstream: ScriptedUpstream) -> DeploymentSpec:
    secret = (("aws_access_key_id", Secret("AKIA")), ("aws_secret_access_key", Secret("s")))
    name = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    spec = deployment("b", api_base=upstream.url, provider_type="bedrock", upstream_model=name)
    return replace(spec, credentials=secret, options=(("aws_region_name", "eu-central-1"),), api_key=None)


def anthropic(upstream: ScriptedUpstream) -> DeploymentSpec:
    spec = deployment("a", api_base=upstream.url.removesuffix("/v1"), provider_type="anthropic")
    return replace(spec, upstream_model="claude-sonnet-4-5", dialects=frozenset(), api_key=Secret("sk"))


async def test_marks_become_cache_points_at_bedrock():
    with ScriptedUpstream(Reply(CONVERSE)) as upstream:
        lost = await asked(bedrock(upstream), "context-1m-2025-08-07,claude-code-20250219")
        body = upstream.seen[-1].body
    assert (places(body["system"], "cachePoint"), places(body["messages"], "cachePoint")) == (1, 1)
    assert places(body["toolConfig"], "cachePoint") == 1
    assert body["additionalModelRequestFields"]["anthropic_beta"] == ["context-1m-2025-08-07"]
    assert ("cache_control" in lost, "anthropic-beta" in lost) == (False, True)


async def test_marks_stay_at_anthropic_through_litellm():
    with ScriptedUpstream(Reply(MESSAGE)) as upstream:
        lost = await asked(anthropic(upstream), "interleaved-thinking-2025-05-14")
        seen = upstream.seen[-1]
    assert [places(seen.body[name], "cache_control") for name in ("system", "tools", "messages")] == [1, 1, 1]
    assert "interleaved-thinking-2025-05-14" in seen.headers["anthropic-beta"]
    assert {"cache_control", "anthropic-beta"}.isdisjoint(lost)


async def test_a_mark_of_the_whole_request_is_still_reported():
    with ScriptedUpstream(Reply(CONVERSE)) as upstream:
        assert "cache_control" in await asked(bedrock(upstream), cache_control=MARK)


async def test_other_models_get_no_marks_and_the_loss_is_reported():
    with ScriptedUpstream(Reply(CONVERSE)) as upstream:
        lost = await asked(replace(bedrock(upstream), upstream_model="amazon.nova-pro-v1:0"), "context-1m-2025-08-07")
        body = upstream.seen[-1].body
    assert (places(body, "cachePoint"), {"cache_control", "anthropic-beta"} <= {*lost}) == (0, True)


@pytest.mark.parametrize("place", ["system", "assistant", "result", "call"])
def test_a_mark_is_kept_where_it_was(place: str):
    block: dict[str, Any] = {"type": "text", "text": "a", "cache_control": MARK}
    turn = {
        "system": {"role": "system", "content": [block]},
        "assistant": {"role": "assistant", "content": [block]},
        "result": {"role": "user", "content": [{**block, "type": "tool_result", "tool_use_id": "t", "content": "1"}]},
        "call": {"role": "assistant", "content": [{**block, "type": "tool_use", "id": "t", "name": "f", "input": {}}]},
    }[place]
    body = {"model": "g", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}, turn]}
    made, plain = view(body, keeps_marks=True), view(body)
    assert places(made.chat["messages"], "cache_control") == 1
    assert places(plain.chat["messages"], "cache_control") == 0
    assert ("cache_control" in made.dropped, "cache_control" in plain.dropped) == (False, True)
