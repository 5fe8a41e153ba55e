"""Reading one event of an upstream's Responses stream, and one whole response."""

from __future__ import annotations

import json
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.progress import Progress
from engine.dialects.reading import Event
from engine.dialects.responses.upstream.ending import Ending
from engine.dialects.responses.upstream.reading import event_of, is_part, read_event, read_response
from engine.upstreams.tokens import Usage
from tests.dialects.golden_files import ROOT, events

STREAMS = sorted((ROOT / "chat-over-responses").glob("*/got.sse")) + sorted(
    (ROOT / "responses-over-chat").glob("*/given.sse")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "id", "output"]), inner),
    max_leaves=8,
)


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': 0, **fields})}".encode()


def added(**item: Any) -> bytes:
    return event("response.output_item.added", output_index=0, item=item)


@pytest.mark.parametrize(
    "told",
    [
        event("response.output_text.delta", delta="Hel"),
        event("response.refusal.delta", delta="I can't"),
        event("response.reasoning_summary_text.delta", delta="hm"),
        event("response.function_call_arguments.delta", delta="{"),
        event("response.custom_tool_call_input.delta", delta="***"),
        added(type="function_call", name="f", arguments=""),
        added(type="web_search_call", status="in_progress"),
    ],
)
def test_text_thoughts_and_calls_are_content(told: bytes):
    assert read_event(told).has_content


@pytest.mark.parametrize(
    "told",
    [
        event("response.created", response={"status": "in_progress", "output": []}),
        event("response.in_progress", response={"status": "in_progress", "output": []}),
        event("response.queued", response={"status": "queued", "output": []}),
        added(type="message", content=[]),
        added(type="reasoning", summary=[]),
        event("response.content_part.added", part={"type": "output_text", "text": ""}),
        event("response.output_text.delta", delta=""),
    ],
)
def test_an_envelope_is_no_content(told: bytes):
    read = read_event(told)
    assert (read.has_content, read.is_data, read.is_readable, read.error) == (False, True, True, None)


def test_the_last_event_has_the_tokens_and_the_end():
    usage = {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 8}, "output_tokens": 10}
    read = read_event(event("response.completed", response={"status": "completed", "output": [], "usage": usage}))
    assert (read.is_done, read.usage, read.finishes) == (True, Usage(20, 10, 30, cached_tokens=8), ((0, "stop"),))


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, "length")]
)
def test_an_incomplete_response_ends_with_its_reason(reason: str | None, finish: str):
    response = {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": []}
    read = read_event(event("response.incomplete", response=response))
    assert (read.is_done, read.finishes) == (True, ((0, finish),))


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (
            event("response.failed", response={"error": {"code": "rate_limit_exceeded", "message": "Slow down."}}),
            {"code": "rate_limit_exceeded", "message": "Slow down."},
        ),
        (
            event("error", code="server_error", message="It broke.", param=None),
            {"code": "server_error", "message": "It broke."},
        ),
        (event("error", error={"code": "x", "message": "It broke."}), {"code": "x", "message": "It broke."}),
        (b'data: {"error": {"message": "It broke."}}', {"message": "It broke."}),
        (event("response.failed"), {"message": "The response failed."}),
    ],
)
def test_errors_are_found_wherever_they_are(told: bytes, error: object):
    assert read_event(told).error == error


def test_the_type_in_the_data_decides_without_an_event_line():
    assert read_event(b'data: {"type":"response.output_text.delta","delta":"x"}').has_content


@pytest.mark.parametrize(("told", "is_data"), [(b": ping", False), (b"data: {not json", True), (b"data: [1]", True)])
def test_comments_and_what_is_not_json_are_no_events(told: bytes, is_data: bool):
    read = read_event(told)
    assert (read.is_data, read.is_data and read.is_readable) == (is_data, False)


def test_events_of_an_unknown_type_are_passed_on():
    read = read_event(event("response.something_new", x=1))
    assert (read.is_readable, read.has_content, read.is_done, read.error) == (True, False, False, None)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.parent.name)
def test_every_golden_stream_is_complete_after_its_last_event_and_not_before(path: Any):
    progress, told = Progress(), [event_of(fields) for fields in events(path)]
    for read in told[:-1]:
        progress.add(read)
        assert not progress.is_complete
    progress.add(told[-1])
    assert progress.is_complete == (not told[-1].error)
    assert progress.has_begun or told[-1].error


@given(fields=st.dictionaries(st.sampled_from(["type", "response", "item", "delta", "error"]), JSON))
def test_no_event_breaks_the_reading(fields: dict[str, Any]):
    for kind in ("response.completed", "response.failed", "error", "response.output_item.added", "response.created"):
        assert event_of({**fields, "type": kind}).is_data
    event_of(fields)


def test_a_whole_response_has_its_tokens_and_its_text():
    usage = {"input_tokens": 2, "output_tokens": 3}
    message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
    response = {"status": "completed", "error": None, "output": [message]}
    read = read_response(json.dumps(response | {"usage": usage}).encode())
    assert (read.error, read.problem, read.usage, read.finish_reasons) == (None, None, Usage(2, 3, 5), ("stop",))
    [uncounted] = read_response(json.dumps(response).encode()).choices
    assert uncounted["message"]["content"] == "Hello", "its tokens are estimated from it"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "answered with nothing."),
        (b"<html>", "did not answer in OpenAI's format."),
        (b'{"choices": []}', "did not answer in the format of Responses."),
    ],
)
def test_what_is_no_response_says_why(body: bytes, problem: str):
    assert read_response(body).problem == problem


def test_a_failed_response_is_an_error():
    assert read_response(b'{"status": "failed", "error": {"code": "server_error", "message": "x"}, "output": []}').error
    assert read_response(b'{"status": "failed", "output": []}').error == {"message": "The response failed."}


def test_a_blocked_response_says_so():
    body = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []}
    assert read_response(json.dumps(body).encode()).finish_reasons == ("content_filter",)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.parent.name)
def test_an_event_of_a_part_counts_nothing_and_the_end_of_a_broken_stream_goes_on_behind_it(path: Path):
    passed, read, progress = Ending(), Ending(), Progress()
    for one in path.read_bytes().removesuffix(b"\n\n").split(b"\n\n"):
        said = read_event(one)
        if is_part(one + b"\n\n", has_begun=passed.has_begun, has_content=progress.has_content):
            assert said._replace(fields=None, has_content=False) == Event()
            assert progress.has_content or not said.has_content
            passed.pass_by(one + b"\n\n")
        else:
            passed.note(said.fields)
        read.note(said.fields)
        progress.add(said)
        broken = copy(passed), copy(read)
        assert broken[0].fail("gone", "api_error", None) == broken[1].fail("gone", "api_error", None)


@pytest.mark.parametrize(
    "told",
    [
        event("response.content_part.added", part={})[:-1],
        event("response.content_part.added", part={}) + b"\ndata: 1",
        event("response.content_part.added", part={}).replace(b"added\n", b"done\n"),
        event("response.content_part.added", part={}).removeprefix(b"event: response.content_part.added\n"),
        event("response.output_text.done").replace(b": 0", b": NaN"),
        event("response.output_text.done", text="x").replace(b"x", b"\xff"),
        event("response.completed", response={}),
    ],
)
def test_what_is_no_certain_event_of_a_part_is_read(told: bytes):
    assert not is_part(told + b"\n\n", has_begun=True, has_content=True)


def test_an_item_that_is_done_may_be_the_first_content():
    told = event("response.output_item.done", item={"type": "function_call", "name": "f"}) + b"\n\n"
    assert [is_part(told, has_begun=True, has_content=has) for has in (False, True)] == [False, True]


def test_the_first_event_with_a_response_is_read_whatever_its_name():
    told = event("response.in_progress", response={"id": "resp_1"}) + b"\n\n"
    assert [is_part(told, has_begun=has, has_content=False) for has in (False, True)] == [False, True]
