"""A group of an Anthropic upstream and a chat upstream behind the gateway: bytes, fallbacks both ways, log, counts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.dialects.test_messages_over_chat import assembled
from tests.engine.direct_calls import Sent, Whole
from tests.engine.test_messages_upstream import ANSWER, OVERLOADED, PING, START, USED, WHOLE_STREAM, renamed
from tests.fakes import ScriptedUpstream
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, eventually

MakeGroup = Callable[..., str]
HEADERS = {"x-api-key": MASTER_KEY, "anthropic-version": "2023-06-01", "anthropic-beta": "effort-2025-11-24"}
HI: Any = [{"role": "user", "content": "hi"}]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def _anthropic() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture
def anthropic(_anthropic: ScriptedUpstream) -> ScriptedUpstream:
    _anthropic.forget()
    return _anthropic


@pytest.fixture
def claude(stage: Stage, anthropic: ScriptedUpstream) -> str:
    """The id of a model at an Anthropic upstream with a provider of its own, so that no cooldown is shared."""
    row = {"type": "anthropic", "name": f"Claude {next(_numbers)}", "api_key": "sk-ant-of-a-test"}
    made = stage.console.call("POST", "/api/v1/llm/providers", row | {"api_base": anthropic.url})["provider"]
    catalog = {
        "provider": made["id"],
        "model_name": "claude-sonnet-4-5",
        "input_cost_per_million": "3",
        "output_cost_per_million": "15",
    }
    return str(stage.console.call("POST", "/api/v1/llm/models", catalog)["model"]["id"])


def post(stage: Stage, path: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{stage.console.url}{path}", json=body, headers=HEADERS, timeout=30)


def message(stage: Stage, group: str, **fields: Any) -> httpx.Response:
    return post(stage, "/v1/messages", model=group, max_tokens=50, messages=HI, **fields)


def named(data: bytes, group: str) -> bytes:
    return renamed(data).replace(b'"model": "team"', b'"model": "%s"' % group.encode())


def test_a_stream_of_the_clients_own_dialect_is_byte_true_and_logged(
    stage: Stage, make_group: MakeGroup, anthropic: ScriptedUpstream, claude: str
):
    group = make_group(claude, stage.models[0])
    anthropic.script(Sent(WHOLE_STREAM))
    said = message(stage, group, stream=True)
    assert said.content == named(b"".join(WHOLE_STREAM), group)
    sent = anthropic.seen[0]
    assert sent.headers["anthropic-beta"] == "effort-2025-11-24"
    path = f"/api/v1/llm/requests?call={said.headers['x-litellm-call-id']}"
    [row] = eventually(lambda: stage.console.call("GET", path)["requests"])
    assert (row["endpoint"], row["status"], row["input_tokens"], row["output_tokens"]) == ("messages", 200, 24, 6)
    assert row["cached_tokens"] == 7


def test_an_overload_after_the_start_falls_back_to_the_chat_upstream_in_one_request(
    stage: Stage, make_group: MakeGroup, anthropic: ScriptedUpstream, claude: str
):
    group = make_group(claude, stage.models[0])
    anthropic.script(Sent((START, PING, OVERLOADED)), Sent((START, PING, OVERLOADED)))
    stage.first.script({"type": "reply", "text": "from the other"})
    said = message(stage, group, stream=True)
    made = assembled(said.text)
    assert (made["content"][0]["text"], made["model"]) == ("from the other", group)
    attempts = stage.attempts(said.headers["x-litellm-call-id"])
    assert attempts[0]["status_code"] == 529
    assert attempts[-1]["status"] == "success"


def test_a_dead_chat_upstream_falls_back_to_anthropic(
    stage: Stage, make_group: MakeGroup, anthropic: ScriptedUpstream, claude: str
):
    group = make_group(stage.models[0], claude)
    stage.first.script({"type": "fail", "status": 503, "times": None})
    anthropic.script(Whole({**ANSWER, "usage": {**USED, "output_tokens": 6}}))
    said = message(stage, group)
    assert said.status_code == 200, said.text
    assert (said.json()["content"][0]["text"], said.json()["model"]) == ("Hello.", group)


def test_a_chat_client_is_answered_by_anthropic(
    stage: Stage, make_group: MakeGroup, anthropic: ScriptedUpstream, claude: str
):
    anthropic.script(Sent(WHOLE_STREAM))
    stream = stage.client.chat.completions.create(model=make_group(claude), messages=HI, seed=1, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert said == "some words of an answer"


def test_a_request_that_nobody_can_answer_as_it_is_asked_is_400_with_its_parameter(
    stage: Stage, make_group: MakeGroup, anthropic: ScriptedUpstream, claude: str
):
    said = post(stage, "/v1/chat/completions", model=make_group(claude), messages=HI, n=2)
    assert said.status_code == 400
    assert "one answer" in said.json()["error"]["message"]
    image = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    uploaded = post(
        stage,
        "/v1/messages",
        model=make_group(),
        max_tokens=5,
        messages=[{"role": "user", "content": [image]}],
    )
    assert (uploaded.status_code, uploaded.json()["error"]["type"]) == (400, "invalid_request_error")
    assert anthropic.count == 0


def test_a_count_is_the_providers_own_and_an_estimate_where_it_fails(
    stage: Stage, make_group: MakeGroup, anthropic: ScriptedUpstream, claude: str
):
    group = make_group(claude)
    anthropic.script(Whole({"input_tokens": 4321}), Whole({"error": {}}, status=500))
    ask = {"model": group, "messages": HI, "system": "Be brief."}
    assert post(stage, "/v1/messages/count_tokens", **ask).json() == {"input_tokens": 4321}
    assert anthropic.seen[0].path == "/v1/messages/count_tokens"
    assert anthropic.seen[0].body == {**ask, "model": "claude-sonnet-4-5"}
    estimated = post(stage, "/v1/messages/count_tokens", **ask)
    assert (estimated.status_code, 0 < estimated.json()["input_tokens"] < 100) == (200, True)
    assert json.loads(estimated.content)
