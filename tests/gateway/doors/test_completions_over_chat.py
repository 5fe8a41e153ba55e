"""Completions at deployments that only know chats: a server without the endpoint, and Anthropic's protocol."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.engine.direct_calls import DONE, STOP, WORD, Sent, Whole
from tests.fakes import Ok, ScriptedUpstream, Status
from tests.gateway.conftest import Stage
from tests.gateway.doors.test_small_doors_over_the_wire import Place
from tests.servers import MASTER_KEY

pytestmark = pytest.mark.once

_numbers = itertools.count(1)
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "a time"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


@pytest.fixture
def place(stage: Stage, make_group: Callable[..., str]) -> Iterator[Place]:
    with ScriptedUpstream() as upstream:
        model = stage.console.add_model(provider=f"Only chats {next(_numbers)}", api_base=upstream.url)
        yield Place(stage, upstream, make_group(model))


@pytest.fixture
def anthropic(stage: Stage, make_group: Callable[..., str]) -> Iterator[Place]:
    with ScriptedUpstream() as upstream:
        base: dict[str, Any] = {
            "name": f"Speaks messages {next(_numbers)}",
            "type": "custom",
            "api_key": "sk-of-a-test",
        }
        base |= {"api_base": upstream.url, "dialects": ["messages"]}
        provider = stage.console.call("POST", "/api/v1/llm/providers", base)["provider"]["id"]
        row = {"provider": provider, "model_name": "claude-sonnet-4-5"}
        model = stage.console.call("POST", "/api/v1/llm/models", row)["model"]["id"]
        yield Place(stage, upstream, make_group(model))


def test_a_server_without_completions_is_asked_for_a_chat_and_from_then_on_at_once(place: Place):
    place.upstream.script(Status(404), Ok("a time"), Ok("a time"))
    for _ in range(2):
        answer = place.post("/v1/completions", prompt="Once upon", temperature=0, suffix="")
        [choice] = answer.json()["choices"]
        assert (choice["text"], choice["finish_reason"], choice["logprobs"]) == ("a time", "stop", None)
        assert answer.json()["object"] == "text_completion"
    paths = [asked.path for asked in place.upstream.seen]
    assert paths == ["/v1/completions", "/v1/chat/completions", "/v1/chat/completions"]
    sent = place.upstream.seen[1].body
    assert (sent["messages"], sent["temperature"]) == ([{"role": "user", "content": "Once upon"}], 0)
    assert sent.get("max_tokens") == 16 or sent.get("max_completion_tokens") == 16
    row = place.logged(answer)
    assert (row["endpoint"], row["input_tokens"], len(row["model"]) > 0) == ("completions", 7, True)


def test_a_stream_of_a_chat_is_a_stream_of_a_completion(place: Place):
    place.upstream.script(Status(404), Sent((WORD, WORD, STOP, DONE)))
    client = OpenAI(base_url=f"{place.stage.console.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30)
    stream = client.completions.create(model=place.name, prompt="Once upon a", stream=True, max_tokens=50)
    chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks) == "wordword"
    assert (chunks[-1].choices[0].finish_reason, chunks[0].object) == ("stop", "text_completion")


def test_anthropics_protocol_completes_a_text(anthropic: Place):
    anthropic.upstream.script(Whole(MESSAGE))
    answer = anthropic.post("/v1/completions", prompt=["Once upon"], max_tokens=9, user="me")
    assert answer.json()["choices"][0]["text"] == "a time"
    [asked] = anthropic.upstream.seen
    assert (asked.path, asked.body["max_tokens"]) == ("/v1/messages", 9)
    assert anthropic.logged(answer)["output_tokens"] == 2


@pytest.mark.parametrize(
    ("param", "changes"),
    [
        ("prompt", {"prompt": ["a", "b"]}),
        ("prompt", {"prompt": [1, 2]}),
        ("suffix", {"suffix": "x"}),
        ("echo", {"echo": True}),
        ("logprobs", {"logprobs": 0}),
        ("best_of", {"best_of": 2}),
    ],
)
def test_what_no_chat_can_do_makes_it_unsuitable(anthropic: Place, param: str, changes: Any):
    answer = anthropic.post("/v1/completions", **{"prompt": "x", **changes})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert anthropic.upstream.count == 0
    told = anthropic.stage.console.call("GET", f"/v1/requests/{answer.headers['x-litellm-call-id']}/attempts")
    assert [skip["reason"] for skip in told["skipped"]] == ["unsuitable"]


def test_an_error_of_a_server_without_completions_stays_its_own_where_no_chat_can_help(place: Place):
    place.upstream.script(Status(404))
    answer = place.post("/v1/completions", prompt=["a", "b"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_served")
