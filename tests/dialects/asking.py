"""One request to one upstream, as the router makes it, and the answer as the caller sees it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from engine.ledger import Attempt, Trace
from engine.spec import DeploymentSpec, RetryPolicy, Secret
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Usage
from engine.upstreams.choose import upstream_for
from tests.dialects.questions import QUESTION
from tests.dialects.said import Dialect
from tests.engine.scripted import deployment
from tests.fakes import ScriptedUpstream

POLICY = RetryPolicy(num_retries=0, timeout_s=15, stream_idle_timeout_s=10)


@dataclass
class Got:
    """A caller's part of an answer, plain or streamed, and the error that broke it, if any."""

    attempt: Attempt
    text: str = ""
    arguments: str = ""
    tool: str = ""
    finishes: tuple[str, ...] = ()
    is_done: bool = False
    usage: Usage | None = None
    error: BaseException | None = None

    @property
    def message(self) -> str:
        """The sentence that callers and attempts have."""
        assert self.error is not None
        return failures.message_of(self.error)


def spec_of(dialect: Dialect, server: ScriptedUpstream) -> DeploymentSpec:
    """The deployment that reaches this server in its dialect."""
    root = server.url.removesuffix("/v1")
    options, credentials = {"azure": {"api_version": "2024-10-21"}, "bedrock": {"aws_region_name": "eu-central-1"}}, {}
    if dialect.provider_type == "bedrock":
        credentials = {"aws_access_key_id": Secret("AKIAOFATEST"), "aws_secret_access_key": Secret("the-secret-half")}
    return deployment(
        "d",
        provider="Provider",
        provider_type=dialect.provider_type,
        upstream_model=dialect.model,
        api_base=root + dialect.base,
        api_key=None if dialect.provider_type == "bedrock" else Secret("key-of-a-test"),
        options=tuple(options.get(dialect.provider_type, {}).items()),
        credentials=tuple(credentials.items()),
    )


async def ask(
    dialect: Dialect, server: ScriptedUpstream, policy: RetryPolicy = POLICY, *, stream: bool = False, **body: Any
) -> Got:
    """Raises an error before the first content; a later error of a stream is in the result."""
    spec = spec_of(dialect, server)
    asked = {"model": "g", "messages": QUESTION, **body} | ({"stream": True} if stream else {})
    call = Call("chat/completions", asked, Trace("r", "g"), is_stream=stream)
    got = Got(Attempt("d", "d", spec.provider, "g", 1, time.time()))
    result = await upstream_for(spec).send(call, spec, policy, got.attempt)
    if isinstance(result, Answer):
        _read_whole(got, result)
    else:
        result.asked = asked
        await _read_stream(got, result)
    return got


def _read_whole(got: Got, answer: Answer) -> None:
    (choice,) = json.loads(answer.body)["choices"]
    got.usage, got.finishes = answer.usage, (choice["finish_reason"],)
    _read(got, choice["message"])


async def _read_stream(got: Got, stream: Stream) -> None:
    try:
        async for piece in stream:
            for line in piece.decode().splitlines():
                _read_line(got, line.removeprefix("data:").strip())
    except Exception as error:
        got.error = error
    got.usage = stream.usage


def _read_line(got: Got, data: str) -> None:
    if data == "[DONE]":
        got.is_done = True
    elif data:
        for choice in json.loads(data)["choices"]:
            _read(got, choice["delta"])
            if reason := choice.get("finish_reason"):
                got.finishes += (reason,)


def _read(got: Got, message: dict[str, Any]) -> None:
    got.text += message.get("content") or ""
    for call in message.get("tool_calls") or ():
        got.tool += call["function"].get("name") or ""
        got.arguments += call["function"].get("arguments") or ""
