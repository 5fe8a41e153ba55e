"""Parameters that a deployment can't take: left out, refused or sent, by the rule of its group, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.exceptions import Unsuitable
from engine.ledger import SkipReason
from engine.spec import Router, Unsupported
from engine.upstreams import refusals
from tests.engine.direct_calls import HI, Whole, upstream_of_a_test
from tests.engine.scripted import deployment
from tests.engine.test_messages_upstream import ask
from tests.engine.test_quirks import OK, refusal
from tests.fakes import ScriptedUpstream

CHAT = "chat/completions"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hi."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
SEEDED = {"messages": HI, "seed": 7, "logit_bias": {"1": 5}}
MESSAGES = {"messages": HI, "max_tokens": 50, "top_k": 3, "metadata": {"user_id": "u"}}
MISTRAL: dict[str, Any] = {"provider_type": "mistral", "dialects": frozenset({"chat"})}


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


@pytest.mark.parametrize(
    ("endpoint", "body", "place", "sent", "dropped"),
    [
        (CHAT, SEEDED, {}, {"seed": 7, "logit_bias": {"1": 5}}, ()),
        (CHAT, {**SEEDED, "user": "u"}, MISTRAL, {"random_seed": 7, "logit_bias": {"1": 5}, "user": "u"}, ()),
        ("messages", MESSAGES, MISTRAL, {"top_k": 3, "metadata": {"user_id": "u"}, "max_tokens": 50}, ()),
        (
            "messages",
            {**MESSAGES, "system": [{"type": "text", "text": "Be.", "cache_control": {"type": "ephemeral"}}]},
            MISTRAL,
            {"top_k": 3},
            ("cache_control",),
        ),
        ("responses", {"input": "x", "top_logprobs": 2, "truncation": "auto"}, MISTRAL, {"truncation": "auto"}, ()),
    ],
)
async def test_what_a_provider_can_not_take_is_sent_all_the_same(
    upstream: ScriptedUpstream, endpoint: str, body: Any, place: Any, sent: Any, dropped: Any
):
    upstream.script(Whole(OK if place else MESSAGE))
    said = await ask(upstream, endpoint, body, order="a", stream=False, unsupported=Unsupported.PASS, **place)
    assert said.error is None
    assert {name: upstream.seen[0].body.get(name) for name in sent} == sent
    assert said.first.dropped_params == dropped


async def test_chat_for_responses_is_sent_whole_too(upstream: ScriptedUpstream):
    answer = {"id": "resp_1", "object": "response", "status": "completed", "output": [], "usage": None}
    upstream.script(Whole(answer))
    only = {"provider_type": "openai", "dialects": frozenset({"responses"})}
    await ask(upstream, CHAT, SEEDED, order="a", stream=False, unsupported=Unsupported.PASS, **only)
    assert (upstream.seen[0].body["seed"], upstream.seen[0].body["store"]) == (7, False)


async def test_claudes_own_parameters_are_sent_although_the_model_is_known_to_refuse_them(upstream: ScriptedUpstream):
    newest, body = {"upstream_model": "claude-opus-4-7"}, {**MESSAGES, "temperature": 0.3}
    upstream.script(Whole(MESSAGE), Whole(MESSAGE))
    await ask(upstream, body=body, order="a", stream=False, **newest)
    said = await ask(upstream, body=body, order="a", stream=False, unsupported=Unsupported.PASS, **newest)
    assert ["temperature" in one.body for one in upstream.seen] == [False, True]
    assert said.first.dropped_params == ()


async def test_a_refusal_is_the_callers_where_everything_is_passed(upstream: ScriptedUpstream):
    upstream.script(refusal("reasoning_effort"))
    body = {**MESSAGES, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    place = {"unsupported": Unsupported.PASS, "provider_type": "openai", "dialects": frozenset({"chat"})}
    said = await ask(upstream, body=body, order="a", stream=False, **place)
    assert (said.first.status_code, upstream.count) == (400, 1)
    assert not refusals.of(deployment("a", api_base=upstream.url))


@pytest.mark.slow
async def test_litellm_sends_it_too(upstream: ScriptedUpstream):
    upstream.script(Whole(MESSAGE), Whole(MESSAGE))
    place = {"provider_type": "anthropic", "dialects": frozenset({"litellm"})}
    body = {"messages": HI, "seed": 7}
    left = await ask(upstream, CHAT, body, order="a", stream=False, **place)
    passed = await ask(upstream, CHAT, body, order="a", stream=False, unsupported=Unsupported.PASS, **place)
    assert ["seed" in one.body for one in upstream.seen] == [False, True]
    assert (left.first.dropped_params, passed.first.dropped_params) == (("seed",), ())


@pytest.mark.parametrize("router", [Router.NATIVE, pytest.param(Router.LITELLM, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("endpoint", "body", "place"), [(CHAT, SEEDED, {}), ("messages", MESSAGES, MISTRAL)])
async def test_who_can_not_take_it_is_passed_over(
    upstream: ScriptedUpstream, endpoint: str, body: Any, place: Any, router: Router
):
    upstream.script(Whole(OK))
    said = await ask(upstream, endpoint, body, stream=False, router=router, unsupported=Unsupported.REFUSE, **place)
    assert (said.error, said.path) == (None, "b:success")


async def test_where_nobody_can_take_it_the_answer_names_it(upstream: ScriptedUpstream):
    said = await ask(upstream, CHAT, SEEDED, order="a", stream=False, unsupported=Unsupported.REFUSE)
    assert isinstance(said.error, Unsuitable)
    assert (said.error.status, said.error.param, upstream.count) == (400, "seed", 0)
    assert "'seed', 'logit_bias'" in said.error.message
    assert [skip.reason for skip in said.trace.skipped] == [SkipReason.UNSUITABLE]


async def test_a_known_refusal_makes_a_model_unsuitable(upstream: ScriptedUpstream):
    upstream.script(refusal("reasoning_effort"))
    body = {"messages": HI, "max_tokens": 50, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    place = {"unsupported": Unsupported.REFUSE, "provider_type": "openai", "dialects": frozenset({"chat"})}
    first = await ask(upstream, body=body, order="a", stream=False, **place)
    second = await ask(upstream, body=body, order="a", stream=False, **place)
    assert (first.first.status_code, upstream.count) == (400, 1)
    assert isinstance(second.error, Unsuitable)
    assert second.error.param == "thinking"  # the client's name


async def test_the_first_refusal_goes_to_another_model_where_nothing_may_be_left_out(upstream: ScriptedUpstream):
    body = {"messages": HI, "max_tokens": 50, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    place = {"unsupported": Unsupported.REFUSE, "provider_type": "openai", "dialects": frozenset({"chat"})}
    upstream.script(refusal("reasoning_effort"), Whole(OK))
    said = await ask(upstream, body=body, stream=False, upstream_model="first-of-all", **place)
    assert (said.error, said.path) == (None, "a:error>b:success")
    again = await ask(upstream, body=body, stream=False, upstream_model="first-of-all", **place)
    assert again.path == "b:success"
