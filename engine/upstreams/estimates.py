"""Estimates the tokens of a request and a stream that nobody counted.

Pure. A token is about four characters of English. Estimates are marked as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json, to_json

from engine.dialects.reading import data_of
from engine.upstreams.tokens import Usage

CHARACTERS_PER_TOKEN = 4
# Tokens of role and delimiters, as OpenAI counts them.
TOKENS_PER_MESSAGE = 4
# OpenAI's tokens for a detailed image of 1024 x 1024; audio and files count the same.
TOKENS_PER_ATTACHMENT = 765
COMMENT = re.compile(rb"^:[^\n]*\n+", re.MULTILINE)
# The fields of a delta with the model's text.
WRITTEN = frozenset(
    {"content", "reasoning_content", "reasoning", "thinking", "refusal", "arguments", "text", "partial_json", "delta"}
)


def usage(asked: Mapping[str, Any], choices: Iterable[Mapping[str, Any]] = ()) -> Usage:
    """The usage of a whole answer, or of one whose caller left: the input has been read by then."""
    read, written = input_tokens(asked), _tokens(_texts(list(choices)))
    return Usage(read, written, read + written, is_estimated=True)


def input_tokens(body: Mapping[str, Any]) -> int:
    """The tokens of a chat request: its messages and tools; images count the same at any size.

    Or of the texts to embed, to complete, to judge or to rank.
    """
    if "messages" not in body:
        return sum(_embedded(body.get(name)) for name in ("input", "prompt", "query", "documents") if name in body)
    messages = body.get("messages") or ()
    characters = attachments = 0
    for part in (part for message in messages for part in _parts(message)):
        text = part if isinstance(part, str) else part.get("text")
        characters += len(text) if isinstance(text, str) else 0
        attachments += text is None
    characters += len(to_json(tools)) if (tools := body.get("tools")) else 0
    return _tokens(characters) + TOKENS_PER_MESSAGE * len(messages) + TOKENS_PER_ATTACHMENT * attachments


class ForwardedEvents:
    """Counts the forwarded part of a stream; only `usage` reads events, three of them."""

    __slots__ = ("_count", "_first", "_last", "_second", "_size")

    def __init__(self) -> None:
        self._first = self._second = self._last = b""
        self._count = self._size = 0

    def add(self, piece: bytes) -> None:
        """Adds one or more whole events. Comments do not count."""
        if piece.startswith(b":") or b"\n:" in piece:
            piece = COMMENT.sub(b"", piece)
        if not piece:
            return
        if not self._first:
            self._first = piece
            return
        if not self._second:
            self._second = piece
        self._last = piece
        self._count += piece.count(b"data:")
        self._size += len(piece)

    def usage(self, asked: Mapping[str, Any]) -> Usage:
        """An estimate of the whole: the first and last pieces by their text, the others by their size beyond the
        envelope of the second, at least one token per event."""
        ends = [_written(event) for piece in (self._first, self._last) for event in _events(piece)]
        between = self._count - self._last.count(b"data:")
        size = self._size - len(self._last)
        written = sum(ends) + max(0, round(size - between * _envelope(self._second)))
        output = max(_tokens(written), between + sum(map(bool, ends)))
        read = input_tokens(asked)
        return Usage(read, output, read + output, is_estimated=True)


def _embedded(texts: object) -> int:
    """Tokens of one or several texts; for lists of tokens their number."""
    if isinstance(texts, list):
        return sum(1 if isinstance(text, int) else _embedded(text) for text in texts)
    if isinstance(texts, dict):
        texts = texts.get("text")
    return _tokens(len(texts)) if isinstance(texts, str) else 0


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


def _parts(message: object) -> Iterator[str | dict[str, Any]]:
    """A message's text or parts, and the arguments of its tool calls."""
    if not isinstance(message, dict):
        return
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part for part in content if isinstance(part, dict))
    if calls := message.get("tool_calls"):
        yield to_json(calls).decode()


def _events(piece: bytes) -> list[bytes]:
    return [event for event in piece.split(b"\n\n") if event]


def _envelope(piece: bytes) -> float:
    """The bytes of an average event of this piece without the model's text."""
    events = _events(piece)
    return (len(piece) - sum(map(_written, events))) / max(1, len(events))


def _written(event: bytes) -> int:
    """The bytes of the model's text in this event, of any dialect: in chat's choices, or the `delta` of others."""
    try:
        content = from_json(data_of(event) or b"")
    except ValueError:
        return 0
    return _texts(content.get("choices") or content.get("delta"), "delta") if isinstance(content, dict) else 0


def _texts(value: object, name: str = "") -> int:
    match value:
        case str():
            return len(value.encode()) if name in WRITTEN else 0
        case dict():
            return sum(_texts(part, key) for key, part in value.items())
        case list():
            return sum(_texts(part, name) for part in value)
    return 0
