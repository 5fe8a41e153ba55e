"""Headers and fields that every request to a deployment has, in each dialect, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engine.direct_calls import HI, Whole, upstream_of_a_test
from tests.engine.test_messages_upstream import ANSWER, ask
from tests.engine.test_output_limits import ASKED, CHAT, MESSAGES, ONLY, OPENAI, RESPONSE
from tests.engine.test_quirks import OK
from tests.fakes import ScriptedUpstream

EXTRAS: dict[str, Any] = {
    "extra_headers": (("x-title", "shop"), ("anthropic-beta", "ours"), ("openai-beta", "ours")),
    "extra_body": {"provider": {"data_collection": "deny"}, "temperature": 0.5},
}
CHATTED: dict[str, Any] = {"messages": HI}


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


@pytest.mark.parametrize(
    ("endpoint", "body", "place", "answer"),
    [
        (CHAT, CHATTED, OPENAI, OK),
        (CHAT, CHATTED, {}, ANSWER),
        (CHAT, CHATTED, ONLY, RESPONSE),
        ("messages", MESSAGES, {}, ANSWER),
        ("messages", MESSAGES, OPENAI, OK),
        ("responses", ASKED, ONLY, RESPONSE),
        ("embeddings", {"input": "x"}, OPENAI, {"data": [{"embedding": [0.1]}]}),
    ],
)
async def test_every_request_has_them_and_they_win_over_the_clients(
    upstream: ScriptedUpstream, endpoint: str, body: Any, place: Any, answer: Any
):
    upstream.script(Whole(answer), Whole(answer))
    asked = {"order": "a", "stream": False, "headers": {"anthropic-beta": "theirs", "openai-beta": "theirs"}}
    said = await ask(upstream, endpoint, body, **asked, **place, **EXTRAS)
    seen = upstream.seen[0]
    lost = ("anthropic-beta",) if (endpoint, place) == ("messages", OPENAI) else ()
    assert (said.error, said.first.dropped_params) == (None, lost)
    assert (seen.headers["x-title"], seen.body["provider"]) == ("shop", {"data_collection": "deny"})
    assert "theirs" not in seen.headers.values()
    said = await ask(upstream, endpoint, {**body, "temperature": 0.1}, **asked, **place, **EXTRAS)
    assert upstream.seen[1].body["temperature"] == 0.5
    assert set(said.first.dropped_params) == {"temperature", *lost}


@pytest.mark.slow
async def test_litellm_sends_the_headers_too(upstream: ScriptedUpstream):
    upstream.script(Whole(ANSWER))
    place = {"dialects": frozenset({"litellm"}), **EXTRAS}
    await ask(upstream, CHAT, CHATTED, order="a", stream=False, **place)
    assert upstream.seen[0].headers["x-title"] == "shop"
