"""Responses clients over a chat upstream: requests, whole answers, and streams, against golden files."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import TypeAdapter

from engine.dialects.responses.answer import answer
from engine.dialects.responses.events import ResponsesEncoder
from engine.dialects.responses.request import ResponsesView, view_of
from engine.dialects.translation import Malformed
from engine.upstreams.tokens import Usage, usage_in
from tests.dialects.golden_files import agrees, case_of, cases, events, read

PAIR = "responses-over-chat"
EVENT: TypeAdapter[Any] = TypeAdapter(get_args(ResponseStreamEvent)[0])
MESSAGE: TypeAdapter[Any] = TypeAdapter(ChatCompletionMessageParam)
HI = {"model": "m", "input": "Hello"}
WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
TWO = Usage(2, 3, 5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "index", "text"]), inner),
    max_leaves=8,
)


def ids() -> Callable[[str], str]:
    numbers = itertools.count()
    return lambda kind: f"{kind}_{next(numbers)}"


def encoder(view: ResponsesView) -> ResponsesEncoder:
    return ResponsesEncoder(view, new_id=ids(), now=lambda: 1_700_000_000)


def parsed(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each with its name on its `event` line too."""
    told = []
    for event in stream.decode().removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def streamed(view: ResponsesView, chunks: list[dict[str, Any]]) -> bytes:
    to_client, usage = encoder(view), None
    told = [to_client.chunk(chunk) for chunk in chunks]
    for chunk in chunks:
        usage = usage_in(chunk) or usage
    return b"".join([*told, to_client.end(usage)])


def chunk_of(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"model": "m", "created": 1, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


@pytest.mark.parametrize("path", cases(PAIR, "asked.json"), ids=case_of)
def test_a_request_becomes_this_chat_request(path: Path):
    view = view_of(read(path))
    obstacle = {"obstacle": [view.obstacle.param, view.obstacle.message]} if view.obstacle else {}
    agrees(path.with_name("sent.json"), {"body": view.chat, "dropped": list(view.dropped), **obstacle})
    for message in view.chat["messages"]:
        MESSAGE.validate_python(message)


@pytest.mark.parametrize("path", cases(PAIR, "got.json"), ids=case_of)
def test_a_whole_chat_answer_becomes_this_response(path: Path):
    chat = read(path)
    made = answer(view_of(read(path.with_name("asked.json"))), chat, usage_in(chat), new_id=ids(), now=lambda: 1)
    agrees(path.with_name("given.json"), made)
    Response.model_validate(made)


@pytest.mark.parametrize("path", cases(PAIR, "got.sse"), ids=case_of)
def test_a_chat_stream_becomes_these_events(path: Path):
    made = streamed(view_of(read(path.with_name("asked.json"))), events(path))
    agrees(path.with_name("given.sse"), made.decode())
    told = parsed(made)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    for event in told:
        assert EVENT.validate_python(event).type == event["type"]


# The request


EXAMPLES: dict[str, Any] = {
    "background": True,
    "context_management": [{"type": "compaction"}],
    "conversation": "conv_1",
    "include": ["web_search_call.results"],
    "input": "Goodbye",
    "instructions": "Be short.",
    "max_output_tokens": 9,
    "max_tool_calls": 3,
    "metadata": {"a": "b"},
    "model": "another",
    "moderation": {"model": "omni-moderation-latest"},
    "parallel_tool_calls": False,
    "previous_response_id": "resp_1",
    "prompt": {"id": "pmpt_1"},
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning": {"effort": "low"},
    "safety_identifier": "s",
    "service_tier": "flex",
    "store": True,
    "stream_options": {"include_obfuscation": True},
    "temperature": 0.5,
    "text": {"verbosity": "low"},
    "tool_choice": "required",
    "tools": [{**WEATHER, "name": "other"}],
    "top_logprobs": 2,
    "top_p": 0.5,
    "truncation": "auto",
    "user": "u",
}


@pytest.mark.parametrize("name", sorted(ResponseCreateParamsBase.__annotations__))
def test_every_parameter_of_openai_is_kept_or_reported(name: str):
    asked = {**HI, "tools": [WEATHER]}
    plain, view = view_of(asked), view_of({**asked, name: EXAMPLES[name]})
    reported = {dropped.partition(".")[0] for dropped in view.dropped} | {view.obstacle.param if view.obstacle else ""}
    assert view.chat != plain.chat or name in reported


@pytest.mark.parametrize(
    ("asked", "reported"),
    [
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
        ({"text": {"tone": "kind"}}, "text.tone"),
        ({"tools": [{**WEATHER, "defer_loading": True}]}, "tools.defer_loading"),
        ({"tools": [{"type": "image_generation"}]}, "tools.image_generation"),
        ({"client_metadata": {"a": "b"}}, "client_metadata"),
        ({"made_up": 1}, "made_up"),
    ],
)
def test_what_has_no_effect_is_reported_by_its_place(asked: dict[str, Any], reported: str):
    assert view_of({**HI, **asked}).dropped == (reported,)


@pytest.mark.parametrize(
    "asked",
    [
        {"store": False, "truncation": "disabled", "background": False, "metadata": {}},
        {"stream_options": {"include_obfuscation": False}, "text": None, "tools": [], "include": []},
    ],
)
def test_defaults_are_not_reported(asked: dict[str, Any]):
    assert view_of({**HI, **asked}).dropped == ()


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"input": 7}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f"}]}, "input[0].arguments"),
        ({"instructions": 7}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]}, "tools[0].tools[0].name"),
        ({"tool_choice": 7}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"text": "x"}, "text"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"include": "x"}, "include"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_a_malformed_request_is_refused_by_its_place(asked: dict[str, Any], param: str):
    with pytest.raises(Malformed) as refusal:
        view_of({**HI, **asked})
    assert refusal.value.param == param
    assert f"'{param}'" in refusal.value.message


@given(name=st.sampled_from(sorted(EXAMPLES)), value=JSON)
def test_no_json_breaks_the_reading_of_a_request(name: str, value: Any):
    assert refused_param({**HI, "tools": [WEATHER], name: value}).startswith((name, "nothing"))


def refused_param(asked: dict[str, Any]) -> str:
    try:
        view_of(asked)
    except Malformed as refusal:
        return refusal.param
    return "nothing"


def test_a_request_with_an_obstacle_can_still_be_read():
    view = view_of({"model": "m", "input": [{"type": "item_reference", "id": "x"}, {"role": "user", "content": "Hi"}]})
    assert view.obstacle.param == "input[0]"
    assert view.chat == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


# The stream

PIECES = st.lists(
    st.one_of(
        st.tuples(st.just("content"), st.text(min_size=1, max_size=5)),
        st.tuples(st.just("reasoning_content"), st.text(min_size=1, max_size=5)),
        st.tuples(st.just("refusal"), st.text(min_size=1, max_size=5)),
        st.tuples(st.sampled_from([0, 1]), st.text(min_size=1, max_size=5)),
    ),
    max_size=8,
)


def delta_of(kind: str | int, text: str, *, begins: bool) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: text}
    named = {"id": f"call_{kind}"} if begins else {}
    name = {"name": "get_weather"} if begins else {}
    return {"tool_calls": [{"index": kind, **named, "function": {**name, "arguments": text}}]}


def chunks_of(pieces: list[tuple[str | int, str]]) -> list[dict[str, Any]]:
    begun: set[str | int] = set()
    chunks = []
    for kind, text in pieces:
        chunks.append(chunk_of(delta_of(kind, text, begins=kind not in begun)))
        begun.add(kind)
    return [*chunks, chunk_of({}, "stop")]


def joined(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events with all deltas of one place that follow each other as one, without their numbers."""
    plain: list[dict[str, Any]] = []
    for event in ({name: value for name, value in one.items() if name != "sequence_number"} for one in told):
        before = plain[-1] if plain else {}
        if "delta" in event and {**before, "delta": ""} == {**event, "delta": ""}:
            plain[-1] = {**before, "delta": before["delta"] + event["delta"]}
        else:
            plain.append(event)
    return plain


SUMMARY = view_of({**HI, "reasoning": {"summary": "auto"}, "tools": [WEATHER]})


@given(pieces=PIECES)
def test_any_split_of_the_text_gives_the_same_events(pieces: list[tuple[str | int, str]]):
    letters = [(kind, letter) for kind, text in pieces for letter in text]
    assert joined(parsed(streamed(SUMMARY, chunks_of(pieces)))) == joined(parsed(streamed(SUMMARY, chunks_of(letters))))


@given(pieces=PIECES)
def test_the_last_event_has_what_the_deltas_told(pieces: list[tuple[str | int, str]]):
    told = parsed(streamed(SUMMARY, chunks_of(pieces)))
    by_item: dict[str, str] = {}
    for event in told:
        if "delta" in event:
            by_item[event["item_id"]] = by_item.get(event["item_id"], "") + event["delta"]
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert sorted(done, key=str) == sorted(told[-1]["response"]["output"], key=str)
    assert by_item == {item["id"]: text for item in done if (text := text_in(item))}


def text_in(item: dict[str, Any]) -> str:
    if item["type"] == "function_call":
        return str(item["arguments"])
    return "".join(part.get("text") or part.get("refusal") or "" for part in item.get("summary") or item["content"])


@given(text=st.text(max_size=9), thought=st.text(max_size=9), calls=st.lists(st.text(max_size=5), max_size=3))
def test_a_whole_answer_and_a_stream_give_the_same_response(text: str, thought: str, calls: list[str]):
    told = [{"id": f"c{i}", "function": {"name": "get_weather", "arguments": one}} for i, one in enumerate(calls)]
    message = {"role": "assistant", "reasoning_content": thought, "content": text, "tool_calls": told}
    chat = {"model": "m", "created": 1, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    whole = answer(SUMMARY, chat, TWO, new_id=ids(), now=lambda: 1)
    to_client = encoder(SUMMARY)
    last = parsed(to_client.chunk(chunk_of(message, "stop")) + to_client.end(TWO))[-1]["response"]
    assert without_ids(last) == without_ids(whole)


def without_ids(response: dict[str, Any]) -> dict[str, Any]:
    output = [{name: value for name, value in item.items() if name != "id"} for item in response["output"]]
    return {**response, "id": "", "output": output}


@given(chunks=st.lists(st.dictionaries(st.sampled_from(["choices", "model", "created", "usage"]), JSON), max_size=3))
def test_no_chunk_breaks_a_stream(chunks: list[dict[str, Any]]):
    assert parsed(streamed(SUMMARY, chunks))[-1]["type"] == "response.completed"


@given(delta=st.dictionaries(st.sampled_from(["content", "refusal", "tool_calls", "annotations", "reasoning"]), JSON))
def test_no_delta_breaks_a_stream(delta: dict[str, Any]):
    assert parsed(streamed(SUMMARY, [chunk_of(delta, "stop")]))[-1]["type"] == "response.completed"


@given(message=JSON, chat=st.dictionaries(st.sampled_from(["model", "created", "service_tier"]), JSON))
def test_no_answer_breaks_a_response(message: Any, chat: dict[str, Any]):
    made = answer(SUMMARY, {"choices": [{"message": message}], **chat}, None)
    assert made["status"] == "completed"


def test_an_error_after_content_is_the_last_event_and_has_what_came():
    to_client = encoder(view_of(HI))
    told = parsed(to_client.chunk(chunk_of({"content": "Hel"})) + to_client.fail("It broke.", "api_error", None))
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    last = told[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["id"] == told[0]["response"]["id"]
    assert last["response"]["error"] == {"code": "server_error", "message": "It broke."}
    assert last["response"]["output"][0]["status"] == "incomplete"
    assert last["response"]["output"][0]["content"][0]["text"] == "Hel"
    assert EVENT.validate_python(last).response.error.message == "It broke."


def test_an_error_before_content_begins_the_stream_and_ends_it():
    told = parsed(encoder(view_of(HI)).fail("Too many requests.", "rate_limit_error", None))
    assert [event["type"] for event in told] == ["response.created", "response.in_progress", "response.failed"]
    assert told[-1]["response"]["error"]["code"] == "rate_limit_exceeded"


def test_other_choices_than_the_first_are_left_out():
    chunk = chunk_of({"content": "Hello"})
    chunk["choices"].append({"index": 1, "delta": {"content": "Goodbye"}, "finish_reason": None})
    told = parsed(streamed(view_of(HI), [chunk]))
    assert [event["delta"] for event in told if "delta" in event] == ["Hello"]
