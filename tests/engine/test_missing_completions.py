"""A server without completions is asked for chats for a while, and then whether it has them now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.spec import Unsupported
from engine.upstreams import completions
from tests.engine.direct_calls import Whole, upstream_of_a_test
from tests.engine.test_messages_upstream import ask
from tests.engine.test_quirks import OK
from tests.fakes import ScriptedUpstream

WHOLE = {"id": "cmpl-1", "object": "text_completion", "choices": [{"text": "yes", "index": 0, "finish_reason": "stop"}]}
MISSING = Whole({"error": {"message": "Not Found"}}, status=404)
PLACE: dict[str, Any] = {"provider_type": "openai", "dialects": frozenset({"chat"})}


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


async def paths_asked(upstream: ScriptedUpstream, **place: Any) -> list[str]:
    before = upstream.count
    said = await ask(upstream, "completions", {"prompt": "Hi"}, order="a", stream=False, **PLACE, **place)
    assert (said.error, b"yes" in said.body) == (None, True)
    return [one.path.removeprefix("/v1/") for one in upstream.seen[before:]]


async def test_a_group_that_leaves_nothing_out_asks_for_no_chat_that_would(upstream: ScriptedUpstream):
    place = {**PLACE, "unsupported": Unsupported.REFUSE}
    body = {"prompt": "Hi", "made_up": 1}
    upstream.script(MISSING, MISSING, Whole(OK))
    said = await ask(upstream, "completions", body, order="a", stream=False, **place)
    assert (upstream.count, said.error is None) == (1, False)
    assert await paths_asked(upstream, unsupported=Unsupported.REFUSE) == ["completions", "chat/completions"]
    said = await ask(upstream, "completions", body, order="a", stream=False, **place)
    assert (upstream.count, getattr(said.error, "param", None)) == (3, "made_up")


async def test_a_server_that_got_completions_is_found_out(upstream: ScriptedUpstream, monkeypatch):
    now_s = 1000.0
    monkeypatch.setattr(completions, "monotonic", lambda: now_s)
    upstream.script(MISSING, Whole(OK), Whole(OK), Whole(WHOLE), Whole(WHOLE))
    assert await paths_asked(upstream) == ["completions", "chat/completions"]
    now_s += completions.FORGOTTEN_AFTER_S - 1
    assert await paths_asked(upstream) == ["chat/completions"]
    now_s += 1
    assert await paths_asked(upstream) == ["completions"]
    assert await paths_asked(upstream) == ["completions"]
