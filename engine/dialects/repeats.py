"""Events that are like one that was parsed before, text apart: what they say is known without parsing them. Pure."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from engine.dialects.reading import Event

TEXT_AT = re.compile(rb'"(content|reasoning_content|reasoning|arguments)"\s*:\s*"')
# OpenAI fills its events up with it, to hide how long their text is.
PADDING_AT = re.compile(rb'"obfuscation"\s*:\s*"')
# Half of a surrogate pair is no text, which a pattern does not see: events with one are parsed.
TEXT = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})++')
NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
MOST_TRIES = 8


class Repeats:
    """What the events of one stream have in common. `NO_USAGE` is taken out of what a client sees if `hides_usage`."""

    __slots__ = ("_begin", "_ends", "_hidden", "_hides_usage", "_tries")

    def __init__(self, *, hides_usage: bool = False) -> None:
        self._hides_usage = hides_usage
        self._begin = self._hidden = b""
        self._ends: tuple[bytes, ...] = ()
        self._tries = 0

    def shown(self, data: bytes) -> bytes:
        """What a client sees of whole events, with their blank lines, that all are repeats; b'' if they are not.

        A repeat has content for the same answer as the event that was learned, and says nothing else.
        """
        if not self._begin or not self._are_in(data) or not _is_utf8(data):
            return b""
        return data.replace(self._hidden, b"") if self._hidden else data

    def learn(self, event: bytes, said: Event) -> None:
        """Tries to make an event that has been read, without its blank line, the pattern of those to come."""
        if self._tries >= MOST_TRIES or not said.has_content or said.finishes or said.usage or said.error:
            return
        if not _is_utf8(event):
            return
        self._tries += 1
        found = list(TEXT_AT.finditer(event))
        if len(found) == 1 and (text := TEXT.match(event, found[0].end())) and _is_text_of(said, found[0], text):
            hidden = NO_USAGE.search(event) if self._hides_usage else None
            self._begin, self._hidden = event[: text.start()], hidden.group() if hidden else b""
            self._ends = _without_padding(event[text.end() :] + b"\n\n")

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
    """What comes after the text, in two parts where there is padding between."""
    found = list(PADDING_AT.finditer(end))
    if len(found) != 1:
        return (end,)
    begin = found[0].end()
    padding = TEXT.match(end, begin)
    return end[:begin], end[padding.end() if padding else begin :]


def _is_text_of(said: Event, name: re.Match[bytes], text: re.Match[bytes]) -> bool:
    """Whether what was found in the bytes is what the one choice says."""
    choices: list[dict[str, Any]] = (said.fields or {}).get("choices") or []
    if len(choices) != 1 or not text.string.startswith(b'"', text.end()):
        return False
    holder: Any = choices[0].get("delta")
    key = name[1].decode()
    if key == "arguments" and isinstance(holder, dict):
        calls = holder.get("tool_calls")
        holder = calls[0].get("function") if isinstance(calls, list) and len(calls) == 1 else None
    return isinstance(holder, dict) and bool(holder.get(key) == from_json(b'"' + text[0] + b'"'))
