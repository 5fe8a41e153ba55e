"""Reads one event of an OpenAI-compatible chat stream: content, finish, usage, error. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from engine.upstreams.tokens import Usage, usage_in

# A delta with a value under one of these names has content for the caller.
CONTENT = (
    "content",
    "tool_calls",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "thinking",
    "thinking_blocks",
    "refusal",
    "function_call",
    "audio",
    "images",
)


NO_NUMBERS = (b"NaN", b"Infinity")


class Event(NamedTuple):
    """The content of one event of a chat stream.

    `is_data` is False for comments, which only keep a connection alive; `is_readable` is False for data that no OpenAI
    client can read. `has_content`: text, reasoning or a tool call. `choices` are the indexes of its answers, `finishes`
    the answers that end here, with the reason. `error` is the upstream's error object, anywhere in the event; `usage`
    its tokens; `is_usage_alone`: there is nothing else. `is_done` is `[DONE]`. `fields` is its JSON.
    """

    is_data: bool = True
    is_readable: bool = True
    has_content: bool = False
    choices: tuple[int, ...] = ()
    finishes: tuple[tuple[int, str], ...] = ()
    usage: Usage | None = None
    is_usage_alone: bool = False
    error: object = None
    is_done: bool = False
    fields: dict[str, Any] | None = None


COMMENT = Event(is_data=False)
UNREADABLE = Event(is_readable=False)
DONE = Event(is_done=True)


def read_event(event: bytes) -> Event:
    """Reads one event, without its final blank line; its lines end with `\\n`."""
    kind, data = _parts_of(event)
    if data is None:
        return COMMENT
    if data == b"[DONE]":
        return DONE
    fields = parsed(data)
    return UNREADABLE if fields is None else event_of(fields, is_error=kind == b"error")


def data_of(event: bytes) -> bytes | None:
    """The data of one event, without its final blank line; None for a comment."""
    return _parts_of(event)[1]


def chunk_in(event: bytes) -> dict[str, Any] | None:
    """The JSON of one event; None for `[DONE]`, comments and what can not be read."""
    data = data_of(event)
    return None if data is None or data == b"[DONE]" else parsed(data)


def event_of(fields: dict[str, Any], *, is_error: bool = False) -> Event:
    """Reads the JSON of one event; `is_error` is set by `event: error` in the stream."""
    choices, usage = _choices_of(fields), usage_in(fields)
    error = error_in(fields) or (fields if is_error else None)
    if choices is None and not error and usage is None:
        return UNREADABLE
    finishes = tuple((i, reason) for i, choice in choices or () if (reason := _finish_of(choice)))
    has_content = any(_has_content(choice) for _, choice in choices or ())
    return Event(
        has_content=has_content,
        choices=tuple(i for i, _ in choices or ()),
        finishes=finishes,
        usage=usage,
        is_usage_alone=usage is not None and not choices and not error,
        error=error,
        fields=fields,
    )


def error_in(fields: dict[str, Any]) -> object:
    """The error object of an event or an answer, anywhere inside it; None without one."""
    if error := fields.get("error"):
        return error
    if fields.get("object") == "error":
        return fields
    for _, choice in _choices_of(fields) or ():
        if error := choice.get("error"):
            return error
        if choice.get("finish_reason") == "error":
            return {"message": "The answer ended with finish_reason 'error'."}
    return None


def parsed(data: bytes) -> dict[str, Any] | None:
    """A JSON object, parsed as clients parse it; None for anything else. Numbers that JSON does not have are null."""
    try:
        content = from_json(data, allow_inf_nan=False)
    except ValueError:
        content = _parsed_leniently(data)
    return content if isinstance(content, dict) else None


def _parsed_leniently(data: bytes) -> object:
    # Clients accept half a surrogate pair; the fast parser does not.
    try:
        content = json.loads(data, parse_constant=lambda _: None, parse_float=_finite)
        # With one, the text could be neither sent nor stored.
        return from_json(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def as_json(data: bytes) -> bytes:
    """The same bytes, or with null for numbers that JSON does not have: some servers send `NaN`, and no browser reads
    it."""
    if not any(name in data for name in NO_NUMBERS):
        return data
    try:
        from_json(data, allow_inf_nan=False)
    except ValueError:
        content = _parsed_leniently(data)
        return data if content is None else to_json(content)
    return data  # in a text


def is_utf8(data: bytes) -> bool:
    """Whether it is text as JSON must be encoded."""
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def event_as_json(event: bytes) -> bytes:
    """The same for an event of a stream, without its final blank line."""
    # Each event passes here, and a loop over the names takes three times as long.
    if b"NaN" not in event and b"Infinity" not in event:
        return event
    return b"\n".join(
        b"data: " + as_json(line[5:].strip()) if line.startswith(b"data:") else line for line in event.split(b"\n")
    )


def _finite(text: str) -> float | None:
    return number if math.isfinite(number := float(text)) else None


def _parts_of(event: bytes) -> tuple[bytes, bytes | None]:
    """The name and the data of an event; None for the data without a data line."""
    if event.startswith(b"data:") and b"\n" not in event:
        return b"", event[5:].strip()
    first, _, rest = event.partition(b"\n")
    if first.startswith(b"event:") and rest.startswith(b"data:") and b"\n" not in rest:
        return first[6:].strip(), rest[5:].strip()
    name, data = b"", []
    for line in event.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.strip()
    return name, b"\n".join(data).strip() if data else None


def _choices_of(fields: dict[str, Any]) -> list[tuple[int, dict[str, Any]]] | None:
    """Index and content of each choice; None if their shape is not OpenAI's."""
    choices = fields.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return None
    return list(_numbered(choices))


def _numbered(choices: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, choice in enumerate(choices):
        index = choice.get("index")
        yield (index if type(index) is int else place), choice


def _finish_of(choice: dict[str, Any]) -> str:
    reason = choice.get("finish_reason")
    return reason if isinstance(reason, str) else ""


def _has_content(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta") or choice.get("message")
    if isinstance(delta, dict):
        return any(delta.get(name) for name in CONTENT)
    return bool(choice.get("text"))  # of a completion
