"""The error at the end of a stream, from its bytes."""

from __future__ import annotations

import pytest

from engine.dialects.errors import read_error
from engine.dialects.trailing_error import trailing_error
from tests.dialects.framed_dialects import frame

TOLD = [
    (b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}\n\n', 529),
    (b'data: {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}\n\n', 503),
    (b'{"done": false}\n{"error": "busy"}\n', None),
    (b'data: {"object": "error", "message": "busy", "type": "x", "code": "3505"}\n\n', None),
    (b'data: {"choices": [{"delta": {}, "error": {"message": "busy", "code": 502}}]}\n\n', 502),
    (frame("throttlingException", {"message": "busy"}, is_exception=True), 429),
]


@pytest.mark.parametrize(("body", "status"), TOLD)
def test_an_error_is_found_with_the_status_it_stands_for(body: bytes, status: int | None):
    told = trailing_error(body)
    assert told is not None
    reading = read_error(None, {}, {"error": told})
    assert (reading.message, reading.status) == ("busy", status)


def test_an_end_without_a_word_is_named_an_error_all_the_same():
    told = trailing_error(b'data: {"choices": [{"delta": {"content": ""}, "finish_reason": "error"}]}\n\n')
    assert told is not None
    assert told["message"] == "The answer ended with finish_reason 'error'."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'data: {"choices": [{"delta": {"content": "an error"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "{\\"error\\": 1}"}}], "error": null}\n\n',
        b'data: {"error": {"mess',
    ],
)
def test_what_a_model_says_about_errors_is_none(body: bytes):
    assert trailing_error(body) is None
