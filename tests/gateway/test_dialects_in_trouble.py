"""A provider behind LiteLLM in trouble, over real sockets: a cut stream is no answer, LiteLLM's words reach nobody."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.dialects.own_dialects import Anthropic
from tests.dialects.playing import Refuses, Speaks
from tests.dialects.said import Said
from tests.fakes import ScriptedUpstream
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, becomes

HI: Any = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object", "properties": {}}}}
CLAUDE = Anthropic()
ONCE = {"num_retries": 0, "timeout_s": 10}
_numbers = itertools.count(1)


@pytest.fixture
def claude() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def model(stage: Stage, claude: ScriptedUpstream) -> str:
    """The id of a model of Anthropic's."""
    row = {"type": "anthropic", "name": f"Cut {next(_numbers)}", "api_key": "key-of-a-test"}
    address = {"api_base": claude.url.removesuffix("/v1")}
    provider = stage.console.call("POST", "/api/v1/llm/providers", row | address)["provider"]
    model = {"provider": provider["id"], "model_name": CLAUDE.model}
    return str(stage.console.call("POST", "/api/v1/llm/models", model)["model"]["id"])


@pytest.fixture
def lone(make_group: Callable[..., str], model: str) -> str:
    """Anthropic alone."""
    return make_group(model, retry_config=ONCE)


@pytest.fixture
def group(stage: Stage, make_group: Callable[..., str], model: str) -> str:
    """Anthropic first, llmock second."""
    return make_group(model, stage.models[1], retry_config=ONCE, settings={"rescue": "off"})


def ask(stage: Stage, group: str, **more: Any) -> httpx.Response:
    body = {"model": group, "messages": HI, "stream": True, **more}
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    return httpx.post(f"{stage.console.url}/v1/chat/completions", json=body, headers=headers, timeout=30)


def events_of(answer: httpx.Response) -> list[Any]:
    lines = (line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: "))
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def logged(stage: Stage, answer: httpx.Response) -> dict[str, Any]:
    path = f"/api/v1/llm/requests?call={answer.headers['x-litellm-call-id']}"
    becomes(lambda: len(stage.console.call("GET", path)["requests"]), 1)
    row: dict[str, Any] = stage.console.call("GET", path)["requests"][0]
    return row


def test_before_its_first_content_the_next_deployment_answers(stage: Stage, group: str, claude: ScriptedUpstream):
    stage.second.script({"type": "reply", "text": "pong"})
    claude.script(Speaks(CLAUDE, cut=len(CLAUDE.events(Said()).head)))
    answer = ask(stage, group)
    events = events_of(answer)
    assert "".join(c["delta"].get("content") or "" for e in events[:-1] for c in e["choices"]) == "pong"
    assert events[-1] == "[DONE]"
    attempts = stage.attempts(answer.headers["x-litellm-call-id"])
    assert [a["status"] for a in attempts] == ["error", "success"]
    assert logged(stage, answer)["status"] == 200


@pytest.mark.parametrize("said", [Said(), Said(tool="read_file")], ids=["text", "tool"])
def test_after_its_first_content_its_caller_is_told(stage: Stage, group: str, claude: ScriptedUpstream, said: Said):
    told = CLAUDE.events(said)
    claude.script(Speaks(CLAUDE, said, cut=len(told.head) + len(told.content) - 1))
    answer = ask(stage, group, tools=[TOOL])
    *content, last = events_of(answer)
    assert content
    assert not [choice for event in content for choice in event["choices"] if choice.get("finish_reason")]
    assert "the stream was cut before its end" in last["error"]["message"]
    (attempt,) = stage.attempts(answer.headers["x-litellm-call-id"])
    assert attempt["status"] == "error"
    row = logged(stage, answer)
    assert (row["status"] >= 500, row["is_estimated"]) == (True, True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503, 529])
@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_an_error_is_told_in_the_providers_words_alone(
    stage: Stage, lone: str, claude: ScriptedUpstream, status: int, is_stream: bool
):
    claude.script(Refuses(CLAUDE, status))
    answer = ask(stage, lone, stream=is_stream)
    assert answer.json()["error"]["message"] == "scripted trouble"
    (attempt,) = stage.attempts(answer.headers["x-litellm-call-id"])
    assert (attempt["error_message"], attempt["status_code"]) == ("scripted trouble", status)
