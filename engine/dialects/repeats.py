"""Events that repeat an earlier event except for its text: they need no parsing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic_core import from_json

from engine.dialects.reading import Event, is_utf8
from engine.dialects.shapes import object_of

# Half a surrogate pair is not valid text, and a pattern can't see it: events with one are parsed.
TEXT = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})++')
PADDING = re.compile(TEXT.pattern.removesuffix(b"++") + b"*+")
SPACES, NUMBER = re.compile(b" *+"), re.compile(rb"(?:0|[1-9]\d{0,15}+)(?!\d)")
# OpenAI pads its events with it, to hide the length of their text.
PADDING_AT = re.compile(rb'"obfuscation"\s*:\s*"')
NUMBER_AT = re.compile(rb'"sequence_number"\s*:\s*(?=\d)')
# Anthropic pads with spaces.
SPACES_AT = re.compile(rb"\}(?= *+\}\Z)")
NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
MOST_TRIES = 8

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the events of a dialect differ: the beginning of their text (its name is the first group), what has it in
    the JSON of one, and what else may be another in each, as its beginning and its pattern."""

    text_at: re.Pattern[bytes]
    holder_of: Callable[[Fields, str], object]
    others: tuple[tuple[re.Pattern[bytes], re.Pattern[bytes]], ...] = ()


class Found(NamedTuple):
    """The texts of events that are all repeats, as they stand in their JSON, and the number of the last event."""

    texts: tuple[bytes, ...] | list[bytes] = ()
    number: int | None = None


NOTHING = Found()


class Repeats:
    """The pattern that the events of one stream share. With `hides_usage` a client does not see `NO_USAGE`."""

    __slots__ = (
        *(
            "_around_number",
            "_begin",
            "_end",
            "_ends_with_number",
            "_hidden",
            "_hides_usage",
            "_next",
            "_number_place",
            "_parts",
        ),
        *("_shape", "_start", "_text_place", "_tries"),
    )

    def __init__(self, shape: Shape | None = None, *, hides_usage: bool = False) -> None:
        self._shape, self._hides_usage = shape or CHAT, hides_usage
        self._begin = self._hidden = b""
        # What is before the text of the very next event, and after it, where only its number differs otherwise.
        self._start = self._end = b""
        # The number of that event, and the bytes around it, before the text or after it; None where events have none.
        self._next: int | None = None
        self._around_number = (b"", b"")
        self._ends_with_number = False
        # What is another in each event, and the bytes that follow it.
        self._parts: tuple[tuple[Callable[[bytes, int], re.Match[bytes] | None], bytes], ...] = ()
        self._text_place = self._number_place = -1
        self._tries = 0

    def shown(self, data: bytes) -> bytes:
        """The bytes for the client if all these whole events, with their blank lines, are repeats; b'' if not.

        A repeat has content for the same answer as the learned event, and nothing else.
        """
        if not self.found(data).texts:
            return b""
        return data.replace(self._hidden, b"") if self._hidden else data

    def found(self, data: bytes) -> Found:
        """What differs in these whole events, with their blank lines; nothing if one of them is no repeat."""
        begin, at, size = self._begin, 0, len(data)
        if not begin or not data.startswith(begin) or not is_utf8(data):
            return NOTHING
        if (alone := self._foreseen(data)) is not None:
            return alone
        texts, number = [], None
        while at < size:
            if not data.startswith(begin, at):
                return NOTHING
            at += len(begin)
            for place, (match, after) in enumerate(self._parts):
                if (other := match(data, at)) is None or not data.startswith(after, end := other.end()):
                    return NOTHING
                if place == self._text_place:
                    texts.append(data[at:end])
                elif place == self._number_place:
                    number = int(data[at:end])
                at = end + len(after)
        self._tries = 0
        if self._next is not None and number is not None:
            self._expect(number + 1)
        return Found(texts, number)

    def _foreseen(self, data: bytes) -> Found | None:
        """That of one event that is the next one in all but its text: what most reads bring. Else None."""
        if not (data.startswith(self._start) and data.endswith(self._end)):
            return None
        text, number = TEXT.fullmatch(data, len(self._start), len(data) - len(self._end)), self._next
        if text is None:
            return None
        self._tries = 0
        if number is not None:
            self._expect(number + 1)
        return Found((text[0],), number)

    def _expect(self, number: int) -> None:
        """The next event has this number."""
        lead, rest = self._around_number
        self._next, told = number, b"%b%d%b" % (lead, number, rest)
        if self._ends_with_number:
            self._end = told
        else:
            self._start = told

    def forget(self) -> None:
        """The next event is no repeat."""
        self._begin = b""

    def learn(self, event: bytes, fields: Fields | None) -> bool:
        """Tries to make an event, without its blank line, the pattern for the next ones; `fields` is its JSON.

        The event has content for its client and nothing else: no end, no usage, no error.
        """
        if self._tries >= MOST_TRIES or fields is None or not is_utf8(event):
            return False
        self._tries += 1
        names = list(self._shape.text_at.finditer(event))
        if len(names) != 1 or (text := TEXT.match(event, names[0].end())) is None:
            return False
        if not self._is_text_of(fields, names[0], text):
            return False
        self._cut(event, text)
        hidden = NO_USAGE.search(event) if self._hides_usage else None
        self._hidden = hidden.group() if hidden else b""
        return True

    def _cut(self, event: bytes, text: re.Match[bytes]) -> None:
        """Cuts the event where others may differ."""
        cuts = [(text.start(), text.end(), TEXT)]
        for name, pattern in self._shape.others:
            found = list(name.finditer(event))
            if len(found) == 1 and (other := pattern.match(event, found[0].end())) is not None:
                cuts.append((other.start(), other.end(), pattern))
        cuts.sort(key=lambda cut: cut[:2])
        ends = [*(cut[0] for cut in cuts[1:]), len(event)]
        literals = [event[cut[1] : end] for cut, end in zip(cuts, ends, strict=True)]
        literals[-1] += b"\n\n"
        patterns = [cut[2] for cut in cuts]
        self._begin = event[: cuts[0][0]]
        self._parts = tuple((pattern.match, after) for pattern, after in zip(patterns, literals, strict=True))
        self._text_place = patterns.index(TEXT)
        self._number_place = patterns.index(NUMBER) if NUMBER in patterns else -1
        self._foresee(event, text, cuts)

    def _foresee(self, event: bytes, text: re.Match[bytes], cuts: list[tuple[int, int, re.Pattern[bytes]]]) -> None:
        """Sets what is around the text of the next event, if it is like this one and has the next number."""
        self._start, self._end, self._next = event[: text.start()], event[text.end() :] + b"\n\n", None
        if self._number_place < 0:
            return
        first, last, _ = cuts[self._number_place]
        self._ends_with_number = first > text.start()
        if self._ends_with_number:
            self._around_number = event[text.end() : first], event[last:] + b"\n\n"
        else:
            self._around_number = event[:first], event[last : text.start()]
        self._expect(int(event[first:last]) + 1)

    def _is_text_of(self, fields: Fields, name: re.Match[bytes], text: re.Match[bytes]) -> bool:
        """Whether the text found in the bytes is the event's text."""
        if not text.string.startswith(b'"', text.end()):
            return False
        key = name[1].decode()
        holder = self._shape.holder_of(fields, key)
        return isinstance(holder, dict) and bool(holder.get(key) == from_json(b'"' + text[0] + b'"'))


def is_text_alone(said: Event) -> bool:
    """Whether an event has content, and nothing that ends or counts an answer."""
    return said.has_content and not (said.finishes or said.usage or said.error)


def _holder_in_chat(fields: Fields, key: str) -> object:
    """The delta of the one choice, or the function of its one call."""
    delta = object_of(_only(fields.get("choices")).get("delta"))
    return _only(delta.get("tool_calls")).get("function") if key == "arguments" else delta


def _only(value: object) -> Fields:
    """The one object in a list."""
    return object_of(value[0]) if isinstance(value, list) and len(value) == 1 else {}


def _holder_in_messages(fields: Fields, key: str) -> object:
    """What has the text of an event of Anthropic's Messages."""
    return fields.get("delta") if fields.get("type") == "content_block_delta" else None


def _holder_in_responses(fields: Fields, key: str) -> object:
    """The event itself."""
    return fields


CHAT = Shape(
    re.compile(rb'"(content|reasoning_content|reasoning|arguments)"\s*:\s*"'),
    _holder_in_chat,
    ((PADDING_AT, PADDING),),
)
MESSAGES = Shape(re.compile(rb'"(text|thinking|partial_json)"\s*:\s*"'), _holder_in_messages, ((SPACES_AT, SPACES),))
RESPONSES = Shape(re.compile(rb'"(delta)"\s*:\s*"'), _holder_in_responses, ((NUMBER_AT, NUMBER), (PADDING_AT, PADDING)))
