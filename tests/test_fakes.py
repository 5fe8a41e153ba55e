"""The scripted upstream against the client our users have, and against llmock as the yardstick of shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from tests.fakes import ANSWER, CutStream, Drop, Hang, Ok, ScriptedUpstream, StalledStream, Status, TruncatedStream
from tests.servers import llmock

PING: Any = [{"role": "user", "content": "ping"}]


def client(base_url: str, timeout: float = 5) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key="sk-any", max_retries=0, timeout=timeout)


def ask(upstream: ScriptedUpstream, **params: Any) -> Any:
    return client(upstream.url, params.pop("timeout", 5)).chat.completions.create(model="m", messages=PING, **params)


def test_answers_plainly_and_as_a_stream(upstream: ScriptedUpstream) -> None:
    assert ask(upstream).choices[0].message.content == ANSWER
    chunks = list(ask(upstream, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == ANSWER
    assert chunks[-1].usage.total_tokens == 12
    assert upstream.count == 2


def test_plays_its_script_in_order_and_then_answers(upstream: ScriptedUpstream) -> None:
    upstream.script(Status(429, {"Retry-After": "2"}), Drop(), Ok("third"))
    with pytest.raises(openai.RateLimitError) as caught:
        ask(upstream)
    assert caught.value.response.headers["retry-after"] == "2"
    with pytest.raises(openai.APIConnectionError):
        ask(upstream)
    assert ask(upstream).choices[0].message.content == "third"
    assert ask(upstream).choices[0].message.content == ANSWER


@pytest.mark.parametrize("behaviour", [Hang(), Ok(delay_s=60)])
def test_notices_that_a_client_lost_patience(upstream: ScriptedUpstream, behaviour: Any) -> None:
    upstream.script(behaviour)
    with pytest.raises(openai.APITimeoutError):
        ask(upstream, timeout=0.2)
    assert ask(upstream).choices
    assert upstream.saw_disconnect()


def test_a_cut_stream_is_an_error_and_a_truncated_one_is_silent(upstream: ScriptedUpstream) -> None:
    upstream.script(CutStream(after=3), TruncatedStream(after=3), StalledStream(after=3))
    with pytest.raises(Exception, match=r"incomplete|closed|reset"):
        list(ask(upstream, stream=True))
    truncated = list(ask(upstream, stream=True))
    assert len(truncated) == 3
    assert truncated[-1].choices[0].finish_reason is None
    with pytest.raises(Exception, match="timed out"):
        list(ask(upstream, stream=True, timeout=0.2))


def test_its_answers_have_the_fields_that_llmocks_have(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with llmock(tmp_path) as real:
        theirs: dict[str, Any] = client(real.api_base).chat.completions.create(model="m", messages=PING).to_dict()
    ours = ask(upstream).to_dict()
    assert set(ours) <= set(theirs)
    assert set(ours["choices"][0]) <= set(theirs["choices"][0])
    assert set(ours["usage"]) <= set(theirs["usage"])
