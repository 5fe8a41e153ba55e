"""openai-python's calls of Responses, over a chat upstream and over one that speaks Responses itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import BadRequestError
from pydantic import BaseModel

from tests.dialects.golden_files import ROOT
from tests.engine.direct_calls import Sent, Whole
from tests.fakes import ScriptedUpstream
from tests.gateway.conftest import Stage

MakeGroup = Callable[..., str]
OVER_CHAT, NATIVE = ROOT / "responses-over-chat", ROOT / "chat-over-responses"
PNG = "data:image/png;base64,iVBORw0KGgo="
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
PATCH: Any = {"type": "custom", "name": "apply_patch", "description": "Edits files."}


class City(BaseModel):
    name: str


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture
def group(stage: Stage, make_group: MakeGroup, upstream: ScriptedUpstream) -> Callable[..., str]:
    """Makes a group of one deployment at the scripted upstream that speaks these dialects."""

    def make(*dialects: str) -> str:
        name = f"Scripted-{upstream.number}"
        row = {"name": name, "type": "custom", "api_key": "sk-upstream-of-a-test", "api_base": upstream.url}
        made = stage.console.call("POST", "/api/v1/llm/providers", {**row, "dialects": dialects, "models": ["m"]})
        found = stage.console.call("GET", f"/api/v1/llm/models?provider={made['provider']['id']}")
        return make_group(found["models"][0]["id"])

    return make


def streamed(folder: Any, case: str) -> Sent:
    return Sent(((folder / case / "got.sse").read_bytes(),))


def whole(folder: Any, case: str, **message: Any) -> Whole:
    fields = json.loads((folder / case / "got.json").read_text())
    if message:
        fields["choices"][0]["message"] |= message
    return Whole(fields)


def test_tools_are_called_and_their_results_go_back(stage: Stage, group: Callable[..., str], upstream):
    upstream.script(whole(OVER_CHAT, "whole-tools"), whole(OVER_CHAT, "whole-text"))
    model = group()
    first = stage.client.responses.create(model=model, input="Weather?", tools=[TOOL])
    calls: Any = first.output
    assert [(call.name, call.arguments) for call in calls] == [
        ("get_weather", '{"city": "Paris"}'),
        ("get_weather", '{"city": "Rome"}'),
    ]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls]
    turn: Any = [{"role": "user", "content": "Weather?"}, *(call.model_dump() for call in calls), *reversed(results)]
    assert stage.client.responses.create(model=model, input=turn, tools=[TOOL]).output_text == "Hello"
    roles = [message["role"] for message in upstream.seen[1].body["messages"]]
    assert roles == ["user", "assistant", "tool", "tool"]
    assert upstream.seen[1].body["messages"][1]["tool_calls"][1]["id"] == calls[1].call_id


def test_a_stream_of_interleaved_calls_is_put_together(stage: Stage, group: Callable[..., str], upstream):
    upstream.script(streamed(OVER_CHAT, "stream-interleaved-tools"))
    with stage.client.responses.stream(model=group(), input="Weather?", tools=[TOOL]) as stream:
        final: Any = stream.get_final_response()
    assert [item.type for item in final.output] == ["message", "function_call", "function_call"]
    assert [item.arguments for item in final.output[1:]] == ['{"city": "Paris"}', '{"city": "Rome"}']


def test_a_custom_tool_gets_text(stage: Stage, group: Callable[..., str], upstream):
    upstream.script(streamed(OVER_CHAT, "stream-custom-tool"))
    with stage.client.responses.stream(model=group(), input="Patch it.", tools=[PATCH]) as stream:
        [call] = stream.get_final_response().output
    assert (call.type, call.input) == ("custom_tool_call", "*** Begin\n*** End\n")  # type: ignore[union-attr]


def test_an_answer_is_parsed_into_the_clients_type(stage: Stage, group: Callable[..., str], upstream):
    upstream.script(whole(OVER_CHAT, "whole-text", content='{"name": "Paris"}'))
    said = stage.client.responses.parse(model=group(), input="A city", text_format=City)
    assert said.output_parsed == City(name="Paris")
    assert upstream.seen[0].body["response_format"]["json_schema"]["name"] == "City"


def test_images_files_and_reasoning_arrive(stage: Stage, group: Callable[..., str], upstream):
    upstream.script(whole(OVER_CHAT, "whole-thought"))
    parts: Any = [
        {"type": "input_text", "text": "Look."},
        {"type": "input_image", "image_url": PNG, "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
    ]
    said = stage.client.responses.create(
        model=group(), input=[{"role": "user", "content": parts}], reasoning={"effort": "low", "summary": "auto"}
    )
    thought: Any = said.output[0]
    assert (thought.summary[0].text, said.output_text) == ("Let me think.", "Hello")
    asked = upstream.seen[0].body
    assert [part["type"] for part in asked["messages"][0]["content"]] == ["text", "image_url", "file"]
    assert asked["reasoning_effort"] == "low"


def test_an_upstream_of_responses_is_asked_in_its_own_words(stage: Stage, group: Callable[..., str], upstream):
    upstream.script(whole(NATIVE, "whole-tools"), streamed(NATIVE, "stream-thought"))
    model = group("chat", "responses")
    raw = stage.client.responses.with_raw_response.create(model=model, input="Weather?")
    assert json.loads(raw.text) == json.loads((NATIVE / "whole-tools" / "got.json").read_text())
    with stage.client.responses.stream(model=model, input="Hello", tools=[TOOL]) as stream:
        final = stream.get_final_response()
    assert (final.id, final.output_text) == ("resp_1", "Hello")
    assert {seen.path for seen in upstream.seen} == {"/v1/responses"}
    assert all("store" not in seen.body and seen.body["model"] == "m" for seen in upstream.seen)


def test_a_chat_client_reaches_a_model_that_answers_only_in_responses(
    stage: Stage, group: Callable[..., str], upstream
):
    upstream.script(whole(NATIVE, "whole-text"), streamed(NATIVE, "stream-text"))
    model = group("responses")
    messages: Any = [{"role": "user", "content": "Hello"}]
    said: Any = stage.client.chat.completions.create(model=model, messages=messages)
    assert said.choices[0].message.content == "Hello"
    chunks: Any = stage.client.chat.completions.create(model=model, messages=messages, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello"


@pytest.mark.parametrize(
    ("dialects", "code"), [((), "unsupported_parameter"), (("chat", "responses"), "previous_response_not_found")]
)
def test_nobody_goes_on_from_what_is_not_kept_for_them(
    stage: Stage, group: Callable[..., str], upstream, dialects, code: str
):
    with pytest.raises(BadRequestError) as refusal:
        stage.client.responses.create(model=group(*dialects), input="And?", previous_response_id="resp_0")
    assert (refusal.value.param, refusal.value.code) == ("previous_response_id", code)
    assert upstream.count == 0
