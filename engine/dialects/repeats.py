"""Events that repeat an earlier event except for its text: they need no parsing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

from engine.dialects.reading import Event

TEXT_AT = re.compile(rb'"(content|reasoning_content|reasoning|arguments)"\s*:\s*"')
MESSAGES_TEXT_AT = re.compile(rb'"(text|thinking|partial_json)"\s*:\s*"')
# OpenAI pads its events with it, to hide the length of their text.
PADDING_AT = re.compile(rb'"obfuscation"\s*:\s*"')
# Half a surrogate pair is not valid text, and a pattern can't see it: events with one are parsed.
TEXT = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})++')
NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
MOST_TRIES = 8


class Repeats:
    """The pattern that the events of one stream share. With `hides_usage` a client does not see `NO_USAGE`.

    `text_at` is the beginning of their text, `holder_of` finds what has it in the JSON of one.
    """

    __slots__ = ("_begin", "_ends", "_hidden", "_hides_usage", "_holder_of", "_text_at", "_tries")

    def __init__(
        self,
        *,
        hides_usage: bool = False,
        text_at: re.Pattern[bytes] = TEXT_AT,
        holder_of: Callable[[Mapping[str, Any], str], object] | None = None,
    ) -> None:
        self._hides_usage, self._text_at, self._holder_of = hides_usage, text_at, holder_of or _holder_in_chat
        self._begin = self._hidden = b""
        self._ends: tuple[bytes, ...] = ()
        self._tries = 0

    def shown(self, data: bytes) -> bytes:
        """The bytes for the client if all these whole events, with their blank lines, are repeats; b'' if not.

        A repeat has content for the same answer as the learned event, and nothing else.
        """
        if not self._begin or not self._are_in(data) or not _is_utf8(data):
            return b""
        return data.replace(self._hidden, b"") if self._hidden else data

    def learn(self, event: bytes, said: Event) -> None:
        """Tries to make an event, without its blank line, the pattern for the next ones."""
        if self._tries >= MOST_TRIES or not said.has_content or said.finishes or said.usage or said.error:
            return
        if not _is_utf8(event):
            return
        self._tries += 1
        found = list(self._text_at.finditer(event))
        if len(found) == 1 and (text := TEXT.match(event, found[0].end())) and self._is_text_of(said, found[0], text):
            hidden = NO_USAGE.search(event) if self._hides_usage else None
            self._begin, self._hidden = event[: text.start()], hidden.group() if hidden else b""
            self._ends = _without_padding(event[text.end() :] + b"\n\n")

    def _is_text_of(self, said: Event, name: re.Match[bytes], text: re.Match[bytes]) -> bool:
        """Whether the text found in the bytes is the event's text."""
        if said.fields is None or not text.string.startswith(b'"', text.end()):
            return False
        key = name[1].decode()
        holder = self._holder_of(said.fields, key)
        return isinstance(holder, dict) and bool(holder.get(key) == from_json(b'"' + text[0] + b'"'))

    def _are_in(self, data: bytes) -> bool:
        at, size, begin, ends = 0, len(data), self._begin, self._ends
        while at < size:
            if not data.startswith(begin, at) or (text := TEXT.match(data, at + len(begin))) is None:
                return False
            at = text.end()
            for number, end in enumerate(ends):
                if number and (text := TEXT.match(data, at)) is not None:
                    at = text.end()
                if not data.startswith(end, at):
                    return False
                at += len(end)
        return True


def _is_utf8(data: bytes) -> bool:
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _without_padding(end: bytes) -> tuple[bytes, ...]:
    """The bytes after the text, in two parts if there is padding between them."""
    found = list(PADDING_AT.finditer(end))
    if len(found) != 1:
        return (end,)
    begin = found[0].end()
    padding = TEXT.match(end, begin)
    return end[:begin], end[padding.end() if padding else begin :]


def holder_in_messages(fields: Mapping[str, Any], key: str) -> object:
    """What has the text of an event of Anthropic's Messages."""
    return fields.get("delta") if fields.get("type") == "content_block_delta" else None


def _holder_in_chat(fields: Mapping[str, Any], key: str) -> object:
    """The delta of the one choice, or the function of its one call."""
    choices: list[dict[str, Any]] = fields.get("choices") or []
    holder: Any = choices[0].get("delta") if len(choices) == 1 else None
    if key == "arguments" and isinstance(holder, dict):
        calls = holder.get("tool_calls")
        holder = calls[0].get("function") if isinstance(calls, list) and len(calls) == 1 else None
    return holder
