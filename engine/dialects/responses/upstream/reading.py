"""Reads an upstream's Responses that are passed on as they are: one event of a stream, or a whole answer. Pure."""

from __future__ import annotations

import re
from typing import Any

from engine.dialects.answers import AnswerReading, no_answer
from engine.dialects.reading import (
    COMMENT,
    UNREADABLE,
    Event,
    data_of,
    error_in,
    event_as_json,
    is_utf8,
    parsed,
)
from engine.dialects.responses.upstream.answer import answer, finish_of
from engine.dialects.shapes import object_of
from engine.upstreams.tokens import usage_in

# What a client can use. All else before the first of them is an envelope: another deployment can still answer.
CONTENT = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.image_generation_call.partial_image",
        "response.audio.delta",
        "response.code_interpreter_call_code.delta",
        "response.mcp_call_arguments.delta",
    }
)
ITEMS = frozenset({"response.output_item.added", "response.output_item.done"})
# Items that are empty when they begin; others are a call, with its name.
BEGIN_EMPTY = frozenset({"message", "reasoning"})
ENDS = frozenset({"response.completed", "response.incomplete"})
FAILURES = frozenset({"response.failed", "response.cancelled", "error"})
# Events that tell a client where a part of its answer begins or ends: nothing that counts, and no first content. An
# item that is done may be the first content, if nothing came before it.
PART = re.compile(
    rb"event: ?(response\.(?:in_progress|content_part\.(?:added|done)|output_text\.done|refusal\.done|output_item\.done"
    rb"|function_call_arguments\.done|custom_tool_call_input\.done|reasoning_text\.done"
    rb'|reasoning_summary_part\.(?:added|done)|reasoning_summary_text\.done))\ndata: ?\{"type": ?"\1",[^\n]*\}\n\n'
)
# The response once more, right after it was created.
AGAIN, ITEM_DONE = b"response.in_progress", b"response.output_item.done"
# The one answer of a stream.
ANSWER = (0,)
DONE_MARK = b"[DONE]"


def read_event(event: bytes) -> Event:
    """Reads one event, without its final blank line.

    The type in the data decides, because some servers send no `event:` line. The last event is `is_done`.
    """
    if (data := data_of(event)) is None:
        return COMMENT
    if data == DONE_MARK:
        return COMMENT
    fields = parsed(data)
    return UNREADABLE if fields is None else event_of(fields)


def is_part(event: bytes, *, has_begun: bool, has_content: bool) -> bool:
    """Whether an event, with its blank line, only tells of a part, so that its JSON need not be read.

    `has_begun`: the response was told before it; `has_content`: there was content before it.
    """
    found = PART.fullmatch(event)
    if found is None or (found[1] == ITEM_DONE and not has_content) or (found[1] == AGAIN and not has_begun):
        return False
    is_whole = event.count(b"{") == event.count(b"}")  # or has one in its text, and is read
    return is_whole and is_utf8(event) and event_as_json(event) is event


def is_done_mark(event: bytes) -> bool:
    """Whether an event is `[DONE]`, from servers that end all streams alike: a client must see only the real end."""
    return data_of(event) == DONE_MARK


def event_of(fields: dict[str, Any]) -> Event:
    """Reads the JSON of one event."""
    kind = fields.get("type")
    if not isinstance(kind, str):
        return Event(error=fields["error"], fields=fields) if fields.get("error") else UNREADABLE
    if kind in CONTENT:
        has_content = bool(fields.get("delta") or fields.get("partial_image_b64"))
        return Event(has_content=has_content, choices=ANSWER, fields=fields)
    if kind in ENDS:
        return _end(fields)
    if kind in FAILURES:
        return Event(error=error_of(fields), fields=fields)
    if kind in ITEMS:
        return Event(has_content=_is_content(object_of(fields.get("item"))), fields=fields)
    return Event(fields=fields)


def read_response(body: bytes) -> AnswerReading:
    """Reads the JSON of a whole response with a success status; `choices` are in chat's words, where nobody counted
    them."""
    fields = parsed(body)
    if not fields:
        return no_answer(body)
    if (error := error_in(fields)) or fields.get("status") == "failed":
        return AnswerReading(error=error or error_of(fields))
    if not isinstance(fields.get("output"), list):
        return AnswerReading(problem="did not answer in the format of Responses.")
    finish, usage = finish_of(fields, has_calls=False), usage_in(fields)
    return AnswerReading(
        usage=usage,
        finish_reasons=(finish,),
        choices=() if usage else tuple(answer(fields, created=1)["choices"]),
        fields=fields,
    )


def error_of(fields: dict[str, Any]) -> object:
    """The error of a failed response, or of an event that is one."""
    if told := object_of(fields.get("response")).get("error") or fields.get("error"):
        return told
    known = {name: fields[name] for name in ("code", "message", "param") if fields.get(name) is not None}
    return known or {"message": "The response failed."}


def _end(fields: dict[str, Any]) -> Event:
    response = object_of(fields.get("response"))
    return Event(
        has_content=bool(response.get("output")),
        choices=ANSWER,
        finishes=((0, finish_of(response, has_calls=False)),),
        usage=usage_in(response),
        is_done=True,
        fields=fields,
    )


def _is_content(item: dict[str, Any]) -> bool:
    kind = item.get("type")
    if kind in BEGIN_EMPTY:
        return bool(item.get("content") or item.get("summary"))
    return isinstance(kind, str)
