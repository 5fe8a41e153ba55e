"""Parameters of the caller that a provider does not know are named, and not sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.asking import ask
from tests.dialects.framed_dialects import Bedrock
from tests.dialects.openai_dialect import Cohere
from tests.dialects.own_dialects import Anthropic
from tests.dialects.playing import Speaks
from tests.dialects.said import Dialect
from tests.dialects.test_conformance import TRANSLATED
from tests.fakes import ScriptedUpstream

# What we say to LiteLLM, and is not for providers.
OWN = {"max_retries", "timeout", "drop_params", "no-log", "_skip_mcp_handler", "api_base", "api_key"}
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("conformance")]


@pytest.mark.parametrize("dialect", TRANSLATED, ids=lambda dialect: dialect.provider_type)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_parameters_that_the_dialect_has_no_word_for_are_reported(
    dialect: Dialect, server: ScriptedUpstream, stream: bool
):
    server.script(Speaks(dialect))
    got = await ask(dialect, server, stream=stream, temperature=0.5, made_up=1, max_tokens=9, n=1, seed=None)
    assert "made_up" in got.attempt.dropped_params
    assert not {"temperature", "max_tokens", "model", "messages", "stream", "n", "seed"} & {*got.attempt.dropped_params}


@pytest.mark.parametrize(
    ("dialect", "name", "value"),
    [(Anthropic(), "logit_bias", {"50256": -100}), (Anthropic(), "seed", 7), (Bedrock(), "frequency_penalty", 0.1)],
    ids=lambda v: getattr(v, "provider_type", None),
)
async def test_what_litellm_drops_is_reported_and_not_sent(
    dialect: Dialect, server: ScriptedUpstream, name: str, value: object
):
    server.script(Speaks(dialect))
    own: dict[str, Any] = {name: value}
    got = await ask(dialect, server, **own)
    assert got.attempt.dropped_params == (name,)
    assert name not in str(server.seen[0].body)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_cohere_is_not_asked_for_tokens_and_told_so(server: ScriptedUpstream, stream: bool):
    server.script(Speaks(Cohere()))
    got = await ask(Cohere(), server, stream=stream, stream_options={"include_usage": True})
    assert got.text == "pong"
    assert server.seen[0].path == "/compatibility/v1/chat/completions"
    assert "stream_options" not in server.seen[0].body
    assert got.attempt.dropped_params == ("stream_options",)


@pytest.mark.parametrize("dialect", TRANSLATED, ids=lambda dialect: dialect.provider_type)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_litellms_own_parameters_reach_no_provider(dialect: Dialect, server: ScriptedUpstream, stream: bool):
    server.script(Speaks(dialect))
    await ask(dialect, server, stream=stream)
    assert not OWN & server.seen[0].body.keys()
