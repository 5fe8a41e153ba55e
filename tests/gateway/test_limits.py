"""Time limits do what they say, and a broken stream does not pass for a whole one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.fakes import Behaviour, CutStream, Hang, Ok, ScriptedUpstream, StalledStream, Status, TruncatedStream
from tests.gateway.conftest import Stage
from tests.pace import Stopwatch

HI: Any = [{"role": "user", "content": "hi"}]
PATIENT = {"num_retries": 0, "timeout_s": 20, "stream_idle_timeout_s": 20}
MakeGroup = Callable[..., str]


@pytest.fixture
def upstream(stage: Stage) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def model(stage: Stage, upstream: ScriptedUpstream) -> str:
    """The scripted upstream in the catalog."""
    return stage.console.add_model(provider=f"Scripted {upstream.number}", api_base=upstream.url)


@pytest.fixture
def lone_group(model: str, make_group: MakeGroup) -> MakeGroup:
    """Makes a group whose only deployment is the scripted upstream."""
    honest = {"rescue": "off"}
    return lambda **retry: make_group(model, retry_config={**PATIENT, **retry}, settings=honest)


def failed(stage: Stage, group: str, **params: Any) -> tuple[openai.APIStatusError, float]:
    """The error, and after how many seconds of a free machine it came."""
    watch = Stopwatch()
    with pytest.raises(openai.APIStatusError) as caught:
        stage.client.chat.completions.create(model=group, messages=HI, **params)
    return caught.value, watch.elapsed_s


def test_an_answer_that_does_not_come_is_a_timeout(stage: Stage, upstream: ScriptedUpstream, lone_group: MakeGroup):
    upstream.script(Hang())
    group, began = lone_group(timeout_s=0.5), time.monotonic()
    error, seconds = failed(stage, group)
    assert error.status_code == 504
    assert "no answer after 0.5 s" in error.message
    assert time.monotonic() - began > 0.4
    assert seconds < 5
    assert upstream.saw_disconnect()


def test_a_first_token_has_its_own_limit(stage: Stage, upstream: ScriptedUpstream, lone_group: MakeGroup):
    upstream.script(Hang())
    error, seconds = failed(stage, lone_group(first_token_timeout_s=0.5), stream=True)
    assert error.status_code == 504
    assert "no first token after 0.5 s" in error.message
    assert seconds < 5


def test_a_slow_first_deployment_is_left_for_the_second(
    stage: Stage, upstream: ScriptedUpstream, model: str, make_group: MakeGroup
):
    upstream.script(Hang())
    group = make_group(model, stage.models[1], retry_config={"num_retries": 0, "timeout_s": 2})
    raw = stage.client.chat.completions.with_raw_response.create(model=group, messages=HI)
    first, second = stage.attempts(raw.headers["x-litellm-call-id"])
    assert (first["error_class"], first["moved_on_because"]) == ("Timeout", "fallback_timeout")
    assert first["status_code"] is None
    assert (second["status"], second["tier"]) == ("success", 2)


@pytest.mark.parametrize(
    ("behaviour", "patience_s", "says"),
    [
        (StalledStream(), 0.5, "the stream went silent after 0.5 s"),
        (CutStream(), 20, "the stream was cut"),
        (TruncatedStream(), 20, "the stream was cut before its end"),
    ],
)
def test_a_stream_that_breaks_ends_in_an_error_and_is_recorded(
    stage: Stage,
    upstream: ScriptedUpstream,
    lone_group: MakeGroup,
    behaviour: Behaviour,
    patience_s: float,
    says: str,
):
    upstream.script(behaviour)
    group = lone_group(stream_idle_timeout_s=patience_s)
    raw = stage.client.chat.completions.with_raw_response.create(model=group, messages=HI, stream=True)
    with pytest.raises(openai.APIError, match=says):
        list(raw.parse())
    (attempt,) = stage.attempts(raw.headers["x-litellm-call-id"])
    assert (attempt["status"], attempt["status_code"]) == ("error", None)
    assert says in attempt["error_message"]


def test_a_stream_is_recorded_with_its_first_token(stage: Stage, upstream: ScriptedUpstream, lone_group: MakeGroup):
    upstream.script(Ok(pause_s=0.02))
    raw = stage.client.chat.completions.with_raw_response.create(model=lone_group(), messages=HI, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in raw.parse()).startswith("pong")
    (attempt,) = stage.attempts(raw.headers["x-litellm-call-id"])
    assert attempt["status"] == "success"
    assert 0 < attempt["first_token_ms"] < attempt["duration_ms"]


def test_an_upstream_that_refuses_our_key_is_not_the_callers_fault(
    stage: Stage, upstream: ScriptedUpstream, lone_group: MakeGroup
):
    upstream.script(Status(401, message="Incorrect API key provided: sk-upstream-of-a-test"))
    error, _ = failed(stage, lone_group())
    assert error.status_code == 502
    assert "sk-upstream-of-a-test" not in str(error.body)


def test_a_caller_is_told_when_its_group_may_serve(stage: Stage, upstream: ScriptedUpstream, lone_group: MakeGroup):
    upstream.script(Status(429, {"Retry-After": "17"}))
    error, _ = failed(stage, lone_group())
    # The last deployment of a group is probed after 5 s.
    assert (error.status_code, error.response.headers["retry-after"]) == (429, "5")


class Odd:
    """Answers 200 with a body that is not OpenAI's."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def play(self, exchange: Any) -> None:
        exchange.head(200, {"Content-Type": "text/html", "Content-Length": str(len(self.body))})
        exchange.writer.write(self.body)
        await exchange.writer.drain()


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"surprise": true}', b"[]"])
@pytest.mark.parametrize("is_stream", [False, True])
def test_an_answer_that_is_not_openais_is_a_bad_gateway(
    stage: Stage, upstream: ScriptedUpstream, lone_group: MakeGroup, body: bytes, is_stream: bool
):
    upstream.script(Odd(body))
    error, _ = failed(stage, lone_group(), stream=is_stream)
    assert error.status_code == 502
    assert "OpenAI's format" in error.message or "event stream" in error.message


def test_a_redirect_is_not_followed(stage: Stage, upstream: ScriptedUpstream, lone_group: MakeGroup):
    upstream.script(Status(307, {"Location": f"{upstream.url}/chat/completions"}))
    error, _ = failed(stage, lone_group())
    assert (error.status_code, upstream.count) == (502, 1)
