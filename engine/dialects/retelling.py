"""Text that goes from one dialect's JSON into another's as it stands, without being read and written. Pure."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json, to_json

# The fields of a chat's delta that are texts.
TEXTS = frozenset({"content", "reasoning_content", "refusal"})
# What has the text of a call, and its name there.
CALLS = {"function": "arguments", "custom": "input"}
Around = tuple[bytes, bytes]


def text_of(raw: bytes) -> str:
    """The text of a JSON string, given without its quotes."""
    return str(from_json(b'"%b"' % raw)) if b"\\" in raw else raw.decode()


def as_written(raw: bytes) -> bytes:
    """The same JSON string as our own writer has it: other escapes than its own are read and written."""
    if b"\\" not in raw or (b"\\u" not in raw and b"\\/" not in raw):
        return raw
    return to_json(text_of(raw))[1:-1]


def around(chunk: dict[str, Any]) -> Around | None:
    """The bytes of a chunk's event before and after its text; None for a chunk that is not one text alone."""
    [choice] = chunk["choices"]
    if (empty := _emptied(choice["delta"])) is None:
        return None
    told = to_json({**chunk, "choices": [{**choice, "delta": empty}]})
    delta = b'"delta":' + to_json(empty)
    cut = told.index(delta) + delta.index(b':""') + 2
    return b"data: " + told[:cut], told[cut:] + b"\n\n"


def _emptied(delta: dict[str, Any]) -> dict[str, Any] | None:
    """The delta without its text."""
    if len(delta) != 1:
        return None
    [(name, value)] = delta.items()
    if name in TEXTS:
        return {name: ""}
    if name != "tool_calls" or len(value) != 1:
        return None
    [call] = value
    for kind, text in CALLS.items():
        if kind in call and "id" not in call and call[kind].keys() == {text}:
            return {name: [{**call, kind: {text: ""}}]}
    return None
