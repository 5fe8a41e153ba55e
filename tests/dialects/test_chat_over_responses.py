"""Chat clients over an upstream of Responses: requests, whole answers, and streams, against golden files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses import Response, ResponseInputParam, ResponseStreamEvent, ToolParam
from pydantic import TypeAdapter

from engine.dialects.reading import event_of
from engine.dialects.responses.events import ResponsesEncoder
from engine.dialects.responses.request import view_of
from engine.dialects.responses.upstream.answer import answer
from engine.dialects.responses.upstream.chunks import ResponseChunks
from engine.dialects.responses.upstream.request import request
from engine.dialects.translation import Untranslatable
from engine.upstreams.tokens import Usage, usage_in
from tests.dialects.golden_files import agrees, case_of, cases, events, read, sse

PAIR = "chat-over-responses"
CREATED = 1_600_000_000
MODEL = "gpt-5.5-pro"
HI = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
EVENT: TypeAdapter[Any] = TypeAdapter(get_args(ResponseStreamEvent)[0])
INPUT: TypeAdapter[Any] = TypeAdapter(ResponseInputParam)
TOOLS: TypeAdapter[Any] = TypeAdapter(list[ToolParam])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "index", "text"]), inner),
    max_leaves=8,
)
KINDS = sorted(
    value
    for event in get_args(get_args(ResponseStreamEvent)[0])
    for value in get_args(event.model_fields["type"].annotation)
)
FIELDS = ["response", "item", "delta", "output_index", "item_id", "error", "code", "annotation", "logprobs"]


def chunks_of(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    decoder = ResponseChunks(created=CREATED)
    return [chunk for event in told for chunk in decoder.event(event)]


@pytest.mark.parametrize("path", cases(PAIR, "asked.json"), ids=case_of)
def test_a_chat_request_becomes_this_request(path: Path):
    made = request(read(path), MODEL)
    agrees(path.with_name("sent.json"), {"body": made.body, "dropped": list(made.dropped)})
    INPUT.validate_python(made.body["input"])
    TOOLS.validate_python(made.body.get("tools", []))


@pytest.mark.parametrize("path", cases(PAIR, "got.json"), ids=case_of)
def test_a_response_becomes_this_chat_answer(path: Path):
    Response.model_validate(read(path))
    made = answer(read(path), created=CREATED)
    agrees(path.with_name("given.json"), made)
    ChatCompletion.model_validate(made)


@pytest.mark.parametrize("path", cases(PAIR, "got.sse"), ids=case_of)
def test_a_stream_becomes_these_chunks(path: Path):
    for event in events(path):
        EVENT.validate_python(event)
    decoder = ResponseChunks(created=CREATED)
    made = [chunk for event in events(path) for chunk in decoder.event(event)]
    agrees(path.with_name("given.sse"), sse(made))
    assert decoder.is_done == ("response.failed" not in path.read_text() and "event: error" not in path.read_text())
    for chunk in made:
        if "error" not in chunk and "custom" not in json.dumps(chunk):  # OpenAI has no type for these pieces
            ChatCompletionChunk.model_validate(chunk)


EXAMPLES: dict[str, Any] = {
    "frequency_penalty": 0.5,
    "logit_bias": {"1": 2},
    "logprobs": True,
    "max_completion_tokens": 50,
    "max_tokens": 50,
    "messages": [],
    "metadata": {"a": "b"},
    "model": "another",
    "moderation": {"model": "omni-moderation-latest"},
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": 0.5,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "low",
    "response_format": {"type": "json_object"},
    "safety_identifier": "s",
    "seed": 1,
    "service_tier": "flex",
    "stop": "x",
    "store": True,
    "temperature": 0.5,
    "tool_choice": "required",
    "tools": [],
    "top_logprobs": 2,
    "top_p": 0.5,
    "user": "u",
    "verbosity": "low",
    "web_search_options": {},
}
UNTRANSLATABLE: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "function_call": "auto",
    "functions": [{"name": "f"}],
    "modalities": ["text", "audio"],
    "n": 2,
}
TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize("name", sorted(CompletionCreateParamsBase.__annotations__))
def test_every_parameter_of_openai_is_kept_or_reported_or_refused(name: str):
    if name == "stream_options":  # tokens are always counted here
        return
    if name in UNTRANSLATABLE:
        with pytest.raises(Untranslatable):
            request({**HI, name: UNTRANSLATABLE[name]}, MODEL)
        return
    asked = {**HI, "tools": [TOOL]}
    made = request({**asked, name: EXAMPLES[name]}, str({**asked, name: EXAMPLES[name]}["model"]))
    assert made.body != request(asked, "m").body or name in made.dropped


def test_an_unknown_parameter_is_reported():
    assert request({**HI, "made_up": 1}, MODEL).dropped == ("made_up",)


def test_nothing_is_kept_upstream():
    assert request({**HI, "store": True}, MODEL).body["store"] is False


@given(name=st.sampled_from(sorted(EXAMPLES | UNTRANSLATABLE)), value=JSON)
def test_no_json_breaks_the_reading_of_a_request(name: str, value: Any):
    refused = refusal_of({**HI, name: value})
    assert not refused or refused.startswith(name)


@given(messages=st.lists(st.dictionaries(st.sampled_from(["content", "tool_calls", "refusal"]), JSON), max_size=2))
def test_no_message_breaks_the_reading_of_a_request(messages: list[dict[str, Any]]):
    for role in ("user", "assistant", "tool"):
        asked = {**HI, "messages": [{"role": role, **message} for message in messages]}
        assert refusal_of(asked) in ("", *(f"messages[{i}].content[{j}]" for i in range(2) for j in range(3)))


def refusal_of(asked: dict[str, Any]) -> str:
    try:
        request(asked, MODEL)
    except Untranslatable as refusal:
        return refusal.param
    return ""


@given(told=st.lists(st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JSON)), max_size=4))
def test_no_event_breaks_a_stream(told: list[tuple[str, dict[str, Any]]]):
    for chunk in chunks_of([{"type": kind, **fields} for kind, fields in told]):
        assert event_of(chunk).is_readable


@given(response=st.dictionaries(st.sampled_from(["output", "usage", "status", "created_at", "model"]), JSON))
def test_no_response_breaks_an_answer(response: dict[str, Any]):
    assert answer(response, created=CREATED)["choices"][0]["message"]["role"] == "assistant"


# Both ways: what our own door tells a client, read as an upstream's stream.


@given(
    pieces=st.lists(
        st.tuples(st.sampled_from(["content", "reasoning_content", "refusal"]), st.text(min_size=1, max_size=5)),
        max_size=6,
    ),
    calls=st.lists(st.text(min_size=1, max_size=5), max_size=3),
)
def test_a_stream_of_ours_read_as_an_upstreams_says_the_same(pieces: list[tuple[str, str]], calls: list[str]):
    view = view_of({"model": "m", "input": "Hello", "reasoning": {"summary": "auto"}})
    encoder = ResponsesEncoder(view)
    told: list[dict[str, Any]] = [{name: text} for name, text in pieces]
    told += [{"tool_calls": [call_of(number, text)]} for number, text in enumerate(calls)]
    stream = [encoder.chunk({"choices": [{"index": 0, "delta": delta}]}) for delta in told]
    stream.append(encoder.end(Usage(2, 3, 5)))
    lines = b"".join(stream).decode().split("\n")
    made = chunks_of([json.loads(line[6:]) for line in lines if line.startswith("data: ")])
    deltas = [choice["delta"] for chunk in made for choice in chunk["choices"]]
    for name in ("content", "reasoning_content", "refusal"):
        came = "".join(delta.get(name) or "" for delta in deltas).replace("\n\n", "")
        assert came == "".join(text for kind, text in pieces if kind == name).replace("\n\n", "")
    arguments: dict[int, str] = {}
    for call in (call for delta in deltas for call in delta.get("tool_calls", ())):
        arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
    assert [*arguments.values()] == calls
    assert usage_in(made[-1]) == Usage(2, 3, 5)


def call_of(number: int, arguments: str) -> dict[str, Any]:
    return {"index": number, "id": f"call_{number}", "function": {"name": "f", "arguments": arguments}}
