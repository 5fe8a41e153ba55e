"""Limits of output tokens above the model's are lowered for each deployment, and reported, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.dialects.limits import BUDGET, with_room
from engine.spec import Unsupported
from engine.upstreams.choose import default_output_tokens
from tests.engine.direct_calls import HI, Whole, upstream_of_a_test
from tests.engine.scripted import deployment
from tests.engine.test_messages_upstream import ANSWER, ask
from tests.engine.test_quirks import OK
from tests.fakes import ScriptedUpstream

CHAT = "chat/completions"
RESPONSE = {"id": "resp_1", "object": "response", "status": "completed", "output": [], "usage": None}
OPENAI: dict[str, Any] = {"provider_type": "openai", "upstream_model": "gpt-4o", "dialects": frozenset({"chat"})}
ONLY: dict[str, Any] = {"provider_type": "openai", "upstream_model": "o3-pro", "dialects": frozenset({"responses"})}
MESSAGES = {"messages": HI, "max_tokens": 900}
ASKED = {"input": "x", "max_output_tokens": 900}


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


@pytest.mark.parametrize(
    ("endpoint", "body", "place", "answer", "sent", "reported"),
    [
        (CHAT, {"messages": HI, "max_tokens": 900}, OPENAI, OK, "max_tokens", "max_tokens"),
        (CHAT, {"messages": HI, "max_completion_tokens": 900}, OPENAI, OK, *["max_completion_tokens"] * 2),
        (CHAT, {"messages": HI, "max_tokens": 900}, {}, ANSWER, "max_tokens", "max_tokens"),
        (CHAT, {"messages": HI, "max_tokens": 900}, ONLY, RESPONSE, "max_output_tokens", "max_tokens"),
        ("messages", MESSAGES, {}, ANSWER, "max_tokens", "max_tokens"),
        ("messages", MESSAGES, OPENAI, OK, "max_completion_tokens", "max_tokens"),
        ("responses", ASKED, ONLY, RESPONSE, "max_output_tokens", "max_output_tokens"),
        ("responses", ASKED, OPENAI, OK, "max_completion_tokens", "max_output_tokens"),
        ("responses", ASKED, {}, ANSWER, "max_tokens", "max_output_tokens"),
    ],
)
@pytest.mark.parametrize("rule", list(Unsupported))
async def test_a_limit_above_the_models_is_lowered_and_reported(
    upstream: ScriptedUpstream, endpoint: str, body: Any, place: Any, answer: Any, sent: str, reported: str, rule: Any
):
    upstream.script(Whole(answer), Whole(answer))
    place = {**place, "max_output_tokens": 500, "unsupported": rule}
    said = await ask(upstream, endpoint, body, order="a", stream=False, **place)
    assert said.error is None
    assert (upstream.seen[0].body[sent], said.first.dropped_params) == (500, (reported,))
    within = {name: 400 if value == 900 else value for name, value in body.items()}
    said = await ask(upstream, endpoint, within, order="a", stream=False, **place)
    assert (upstream.seen[1].body[sent], said.first.dropped_params) == (400, ())


@pytest.mark.parametrize(("most", "sent"), [(64_000, 64_000), (None, 8192)])
async def test_a_chat_without_a_limit_is_sent_the_models_own_where_one_is_needed(
    upstream: ScriptedUpstream, most: int | None, sent: int
):
    upstream.script(Whole(ANSWER))
    said = await ask(upstream, CHAT, {"messages": HI}, order="a", stream=False, max_output_tokens=most)
    assert (upstream.seen[0].body["max_tokens"], said.first.dropped_params) == (sent, ())


async def test_thoughts_leave_room_for_the_answer_where_the_limit_was_lowered(upstream: ScriptedUpstream):
    upstream.script(Whole(ANSWER))
    body = {"messages": HI, "max_tokens": 32_000, "thinking": {"type": "enabled", "budget_tokens": 31_999}}
    said = await ask(upstream, body=body, order="a", stream=False, max_output_tokens=8000)
    assert upstream.seen[0].body["thinking"] == {"type": "enabled", "budget_tokens": 6000}
    assert said.first.dropped_params == ("max_tokens", BUDGET)


def test_a_limit_too_low_for_thoughts_switches_them_off():
    body = {"max_tokens": 1000, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert with_room(body) == ({**body, "thinking": {"type": "disabled"}}, (BUDGET,))
    assert with_room({"max_tokens": 1000}) == ({"max_tokens": 1000}, ())


async def test_a_base_model_brings_its_rules_and_the_deployments_own_name_is_asked(upstream: ScriptedUpstream):
    upstream.script(Whole(ANSWER), Whole(ANSWER))
    place = {"upstream_model": "of-our-own", "base_model": "claude-opus-4-7"}
    for endpoint in ("messages", CHAT):
        said = await ask(upstream, endpoint, {**MESSAGES, "temperature": 0.3}, order="a", stream=False, **place)
        assert said.first.dropped_params == ("temperature",)
    assert [one.body["model"] for one in upstream.seen] == ["of-our-own", "of-our-own"]


def test_what_a_deployment_is_sent_without_a_limit_is_known_beforehand():
    native = {"provider_type": "anthropic", "upstream_model": "claude-3-haiku", "dialects": frozenset({"messages"})}
    assert default_output_tokens(deployment("a", **native)) == 4096
    assert default_output_tokens(deployment("a", **native, max_output_tokens=64_000)) == 64_000
    assert default_output_tokens(deployment("a", **OPENAI, max_output_tokens=64_000)) is None


@pytest.mark.parametrize(
    ("endpoint", "body", "place", "answer", "dialect"),
    [
        (CHAT, {"messages": HI}, OPENAI, OK, "chat"),
        (CHAT, {"messages": HI}, {}, ANSWER, "messages"),
        (CHAT, {"messages": HI}, ONLY, RESPONSE, "responses"),
        ("messages", MESSAGES, {}, ANSWER, "messages"),
        ("messages", MESSAGES, OPENAI, OK, "chat"),
        ("responses", ASKED, ONLY, RESPONSE, "responses"),
        ("responses", ASKED, {}, ANSWER, "messages"),
        ("embeddings", {"input": "x"}, OPENAI, {"data": [{"embedding": [0.1]}]}, ""),
    ],
)
async def test_an_attempt_says_which_protocol_was_spoken(
    upstream: ScriptedUpstream, endpoint: str, body: Any, place: Any, answer: Any, dialect: str
):
    upstream.script(Whole(answer))
    said = await ask(upstream, endpoint, body, order="a", stream=False, **place)
    assert (said.error, said.first.dialect) == (None, dialect)
