"""Clients of Responses and Messages through a group of chat upstreams: answers, streams, errors, and the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from openai import BadRequestError

from tests.fakes import Exchange, ScriptedUpstream
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, eventually

MakeGroup = Callable[..., str]
ANTHROPIC = {"x-api-key": MASTER_KEY, "anthropic-version": "2023-06-01"}
HI: Any = [{"role": "user", "content": "hi"}]
CUT = {"type": "stream_fault", "kind": "truncate", "after_chunks": 3, "times": None}


@dataclass(frozen=True)
class Calling:
    """A stream with a call of a tool, with these arguments."""

    arguments: str

    async def play(self, exchange: Exchange) -> None:
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": self.arguments}}
        exchange.start_stream()
        for delta, finish in (({"role": "assistant", "tool_calls": [call]}, None), ({}, "tool_calls")):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            await exchange.event(json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]}))
        await exchange.event("[DONE]")
        await exchange.end_stream()


def message(stage: Stage, group: str, **fields: Any) -> httpx.Response:
    body = {"model": group, "max_tokens": 50, "messages": HI, **fields}
    return httpx.post(f"{stage.console.url}/v1/messages", json=body, headers=ANTHROPIC, timeout=30)


def events(raw: str) -> list[dict[str, Any]]:
    """The JSON of each event; its name is that of its `event:` line."""
    found = []
    for event in filter(None, raw.split("\n\n")):
        name, _, data = event.removeprefix("event: ").partition("\ndata: ")
        found.append(json.loads(data))
        assert found[-1]["type"] == name
    return found


def logged(stage: Stage, call_id: str) -> dict[str, Any]:
    path = f"/api/v1/llm/requests?call={call_id}"
    [row] = eventually(lambda: stage.console.call("GET", path)["requests"])
    return dict(row)


def test_a_responses_client_gets_its_answer_and_the_log_its_tokens(stage: Stage, make_group: MakeGroup):
    stage.first.script({"type": "reply", "text": "pong"})
    raw = stage.client.responses.with_raw_response.create(model=make_group(), input="ping")
    said = raw.parse()
    assert (said.output_text, said.status) == ("pong", "completed")
    row = logged(stage, raw.headers["x-litellm-call-id"])
    assert (row["endpoint"], row["status"], row["is_stream"]) == ("responses", 200, False)
    assert said.usage is not None
    assert (row["input_tokens"], row["output_tokens"]) == (said.usage.input_tokens, said.usage.output_tokens)


def test_a_responses_stream_begins_grows_and_ends_with_the_whole_response(stage: Stage, make_group: MakeGroup):
    stage.first.script({"type": "reply", "text": "one two three four"})
    with stage.client.responses.stream(model=make_group(), input="count") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert final.output_text.split() == ["one", "two", "three", "four"]
    assert final.usage is not None
    assert final.usage.output_tokens > 0


def test_a_messages_client_gets_its_answer_under_the_name_it_asked_for(stage: Stage, make_group: MakeGroup):
    stage.first.script({"type": "reply", "text": "pong"})
    answer = message(stage, group := make_group(), system="Be short.")
    said = answer.json()
    assert (said["type"], said["role"], said["model"]) == ("message", "assistant", group)
    assert [block["text"] for block in said["content"]] == ["pong"]
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    row = logged(stage, answer.headers["x-litellm-call-id"])
    assert (row["endpoint"], row["output_tokens"]) == ("messages", said["usage"]["output_tokens"])


def test_a_messages_stream_has_every_event_in_its_order(stage: Stage, make_group: MakeGroup):
    stage.first.script({"type": "reply", "text": "one two three four"})
    answer = message(stage, group := make_group(), stream=True)
    told = events(answer.text)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert told[0]["message"]["model"] == group
    assert [one["type"] for one in told][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    text = "".join(one["delta"].get("text", "") for one in told if one["type"] == "content_block_delta")
    assert text.split() == ["one", "two", "three", "four"]
    assert told[-2]["usage"]["output_tokens"] > 0
    row = logged(stage, answer.headers["x-litellm-call-id"])
    assert (row["endpoint"], row["is_stream"]) == ("messages", True)
    assert row["output_tokens"] == told[-2]["usage"]["output_tokens"]


def test_an_upstream_that_is_down_is_passed_over_for_both(stage: Stage, make_group: MakeGroup):
    stage.first.script({"type": "fail", "status": 503, "times": None})
    group = make_group()
    assert stage.client.responses.create(model=group, input="ping").output_text
    answer = message(stage, group)
    assert answer.json()["content"]
    assert len(stage.second.requests()) == 2


def test_a_stream_that_breaks_ends_with_one_error_of_its_own_kind(stage: Stage, make_group: MakeGroup):
    for upstream in (stage.first, stage.second):
        upstream.script(CUT)
    group = make_group(settings={"rescue": "off"})
    broken = message(stage, group, stream=True)
    told = events(broken.text)
    assert [one["type"] for one in told].count("error") == 1
    assert told[-1]["error"]["type"] == "api_error"
    assert logged(stage, broken.headers["x-litellm-call-id"])["status"] == 502
    body = {"model": group, "input": "hi", "stream": True}
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    broken = httpx.post(f"{stage.console.url}/v1/responses", json=body, headers=headers, timeout=30)
    told = events(broken.text)
    assert [one["type"] for one in told].count("response.failed") == 1
    assert told[-1]["type"] == "response.failed"
    assert [one["sequence_number"] for one in told] == list(range(len(told)))
    row = logged(stage, broken.headers["x-litellm-call-id"])
    assert (row["status"], row["output_tokens"] > 0, row["is_estimated"]) == (502, True, True)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 7}, "input"),
        ({"max_output_tokens": "many"}, "max_output_tokens"),
        ({"tools": {}}, "tools"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_a_responses_request_that_can_not_be_asked_names_the_parameter(
    stage: Stage, make_group: MakeGroup, fields: dict[str, Any], param: str
):
    body: Any = {"model": make_group(), "input": "hi", **fields}
    with pytest.raises(BadRequestError) as caught:
        stage.client.post("/responses", cast_to=object, body=body)
    assert caught.value.param == param


@pytest.mark.parametrize("fields", [{"max_tokens": None}, {"messages": "hi"}, {"stream": "yes"}, {"system": 7}])
def test_a_messages_request_that_is_wrong_gets_anthropics_error(stage: Stage, make_group: MakeGroup, fields: Any):
    answer = message(stage, make_group(), **fields)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert next(iter(fields)) in error["message"]


def test_anthropics_clients_are_told_of_keys_and_models_in_their_words(stage: Stage, make_group: MakeGroup):
    url = f"{stage.console.url}/v1/messages"
    nobody = httpx.post(url, json={"model": make_group()}, timeout=30)
    assert (nobody.status_code, nobody.json()["error"]["type"]) == (401, "authentication_error")
    unknown = message(stage, "no-such-group")
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")


def test_a_virtual_model_scores_the_messages_of_both(stage: Stage, make_group: MakeGroup):
    small, large = make_group(), make_group()
    name = f"virtual-of-{small}"
    body = {"name": name, "tiers": [{"pool": small}, {"pool": large, "minimum_score": 50}]}
    stage.console.call("POST", "/v1/virtual_models", body)
    stage.console.catch_up()
    assert stage.client.responses.create(model=name, input="ping").output_text
    assert message(stage, name).headers["x-routing-pool"] == small


def test_arguments_that_are_not_json_end_a_stream_of_messages_with_an_error(stage: Stage, make_group: MakeGroup):
    with ScriptedUpstream(Calling('{"city": "Be')) as upstream:
        group = make_group(stage.console.add_model(provider=f"Calling {upstream.number}", api_base=upstream.url))
        told = message(stage, group, stream=True, tools=[{"name": "f", "input_schema": {"type": "object"}}])
    last = events(told.text)[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    assert "arguments that are not JSON" in last["error"]["message"]
    assert "message_stop" not in told.text
    assert logged(stage, told.headers["x-litellm-call-id"])["status"] == 502
