"""Reading one event of an upstream's stream, and one whole answer."""

import json
from typing import Any

import pytest

from engine.dialects.answers import read_chat, read_embeddings
from engine.dialects.progress import Progress
from engine.dialects.reading import Event, event_of, read_event
from engine.upstreams.call import Usage

ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(delta: Any = None, finish: Any = None, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return b"data: " + json.dumps({**ENVELOPE, "choices": [choice], **fields}).encode()


def told(event: Event) -> tuple[Any, ...]:
    return event.has_content, event.choices, event.finishes, event.usage, event.error, event.is_done, event.is_readable


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"content": [{"type": "thinking", "thinking": "hm"}]},
        {"content": None, "reasoning_content": "hm"},
        {"content": "", "reasoning": "hm"},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]},
        {"function_call": {"name": "f"}},
    ],
)
def test_text_reasoning_and_tool_calls_are_content(delta: dict[str, Any]):
    assert read_event(chunk(delta)).has_content


@pytest.mark.parametrize("delta", [{}, {"role": "assistant"}, {"role": "assistant", "content": ""}, {"content": None}])
def test_a_role_and_empty_texts_are_no_content(delta: dict[str, Any]):
    event = read_event(chunk(delta))
    assert (event.has_content, event.is_data, event.is_readable, event.finishes) == (False, True, True, ())


@pytest.mark.parametrize("finish", [None, "", 0, False])
def test_an_empty_finish_reason_ends_nothing(finish: Any):
    assert read_event(chunk({"content": "x"}, finish)).finishes == ()


@pytest.mark.parametrize(
    "event",
    [
        chunk({"content": ""}, "error", error={"code": 502, "message": "gone"}),
        b'data: {"error": {"code": 502, "message": "gone"}}',
        b'data: {"choices": [{"delta": {}, "error": {"code": 502, "message": "gone"}}]}',
        b'data: {"type": "error", "error": {"code": 502, "message": "gone"}}',
        b'event: error\ndata: {"code": 502, "message": "gone"}',
        b'data: {"object": "error", "code": 502, "message": "gone"}',
    ],
)
def test_an_error_is_seen_wherever_an_upstream_puts_it(event: bytes):
    error = read_event(event).error
    assert isinstance(error, dict)
    assert (error["code"], error["message"]) == (502, "gone")


def test_a_finish_reason_of_error_is_an_error_without_an_object_too():
    assert read_event(chunk({"content": ""}, "error")).error


def test_text_that_looks_like_an_error_or_an_end_is_only_text():
    event = read_event(chunk({"content": '"error": {"x":1} data: [DONE] "finish_reason": "stop"'}))
    assert told(event) == (True, (0,), (), None, None, False, True)


@pytest.mark.parametrize("data", [b"{half", b"<html>", b"", b"7", b"null", b"[]", b'"text"', b'{"choices": 7}', b"{}"])
def test_what_no_client_could_read_is_unreadable(data: bytes):
    assert not read_event(b"data: " + data).is_readable


@pytest.mark.parametrize("event", [b": ping", b"", b"event: ping", b"id: 1\nretry: 5"])
def test_an_event_without_data_is_a_comment(event: bytes):
    assert not read_event(event).is_data


def test_half_a_surrogate_pair_is_text_as_clients_take_it():
    assert read_event(rb'data: {"choices":[{"delta":{"content":"\ud83d"}}]}').has_content


def progress_of(*events: bytes, choices: int = 1) -> Progress:
    progress = Progress(choices)
    for event in events:
        progress.add(read_event(event))
    return progress


def test_a_stream_is_complete_when_all_its_answers_are_finished():
    one, two = chunk({"content": "a"}), chunk({"content": "b"}, index=1)
    ends = [chunk({}, "stop"), chunk({}, "stop", index=1)]
    done = b"data: [DONE]"
    assert progress_of(one, ends[0]).is_complete
    assert not progress_of(one, done).is_complete
    assert not progress_of(done).is_complete
    assert not progress_of(one, two, ends[0], done, choices=2).is_complete
    assert not progress_of(one, ends[0], choices=2).is_complete
    assert progress_of(one, two, *ends, choices=2).is_complete
    assert progress_of(one, ends[0], done, choices=2).is_complete, "it knows no n"


WHOLE = Usage(3, 4, 7)
FOREIGN: list[tuple[dict[str, Any], Usage | None]] = [
    ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, WHOLE),
    ({"usage": {"input_tokens": 3, "output_tokens": 4}}, WHOLE),
    ({"usage": {"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 4}}, Usage(3, 4, 7, 2)),
    (
        {"usage": {"input_tokens": 3, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}},
        Usage(3, 4, 7, 2),
    ),
    ({"usage": {"promptTokens": 3, "completionTokens": 4}}, WHOLE),
    ({"usage": {"prompt_tokens": 3.0, "completion_tokens": 4.0}}, WHOLE),
    ({"usage": {"prompt_tokens": 3, "total_tokens": 7}}, WHOLE),
    ({"usage": {"completion_tokens": 4, "total_tokens": 7}}, WHOLE),
    ({"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}, WHOLE),
    ({"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}}, WHOLE),
    ({"choices": [{"usage": {"prompt_tokens": 3, "completion_tokens": 4}}]}, WHOLE),
    ({"usage": {"total_tokens": 7}}, None),
    ({"usage": {}}, None),
    ({"usage": None}, None),
    ({"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}, None),
    ({"usage": {"prompt_tokens": -1, "completion_tokens": 1}}, None),
    ({"usage": {"prompt_tokens": 2**31, "completion_tokens": 1}}, None),
    ({"usage": {"prompt_tokens": "7", "completion_tokens": 1}}, None),
    ({"usage": {"prompt_tokens": None, "completion_tokens": 1}}, None),
]


@pytest.mark.parametrize(("fields", "usage"), FOREIGN)
def test_usage_is_read_in_everybodys_words(fields: dict[str, Any], usage: Usage | None):
    assert event_of({"choices": [], **fields}).usage == usage


def answer(*choices: Any, **fields: Any) -> bytes:
    return json.dumps({"choices": list(choices), **fields}).encode()


HELLO = {"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "answered with nothing."),
        (b"{}", "did not answer in OpenAI's format."),
        (b"<html>", "did not answer in OpenAI's format."),
        (b'{"choices": null}', "did not answer in OpenAI's format."),
        (answer(), "answered without a message."),
        (answer({}), "answered without a message."),
        (answer({"message": {"content": ""}, "finish_reason": ""}), "answered without a message."),
        (answer("text"), "answered without a message."),
    ],
)
def test_an_answer_without_a_message_is_none(body: bytes, problem: str):
    assert read_chat(body).problem == problem


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"code": 429}}',
        answer(HELLO, error={"code": 429}),
        answer({**HELLO, "error": {"code": 429}}),
    ],
)
def test_an_error_in_a_whole_answer_is_seen(body: bytes):
    assert read_chat(body).error == {"code": 429}
    assert read_chat(answer({**HELLO, "finish_reason": "error"})).error


def test_an_empty_text_that_ended_properly_is_an_answer():
    said = read_chat(answer({"message": {"content": ""}, "finish_reason": "length"}))
    assert (said.problem, said.error, said.finish_reasons) == (None, None, ("length",))


def test_embeddings_are_read_in_their_own_shape():
    body = json.dumps({"data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode()
    assert read_embeddings(body).usage == Usage(3, 0, 3)
    assert read_embeddings(b'{"data": []}').problem == "answered without an embedding."
