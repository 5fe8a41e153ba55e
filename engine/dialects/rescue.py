"""What the caller of a stream has when it breaks, and how a chat stream goes on from there. Pure.

A chunk is the JSON of one event of a chat stream, as a dict.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from engine.dialects.reading import chunk_in
from engine.dialects.translation import Encoder
from engine.upstreams.tokens import Usage

# Streams of more than that are not kept, and not rescued.
MOST_BYTES = 2 * 1024 * 1024
# A step of reading them: other requests wait meanwhile.
READ_AT_ONCE = 64 * 1024
# Parts of an answer that cannot be cut in two.
WHOLE = ("tool_calls", "function_call", "refusal", "audio", "images")
# What a second stream says again, and the caller has.
SAID_ONCE = ("role", "reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks")
# In a delta: something that chat has no words for.
UNSAID = "unsaid"


class AnotherAnswer(Exception):
    """The second answer is another one than the first."""


class Told:
    """The part of a stream that its caller has. `add` is called for each piece, the rest only after a break.

    Afterwards `text` is the text of its one answer, and `first` what all its chunks share. One class for each dialect
    says what its events mean.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._texts: list[str] = []
        self._size = 0
        self._is_text = True
        self.text = ""
        self.first: dict[str, Any] = {}

    def add(self, piece: bytes) -> None:
        """One or more whole events."""
        if self._size <= MOST_BYTES:
            self._size += len(piece)
            self._pieces.append(piece)

    def read(self) -> Iterator[None]:
        """Reads what was added, one step at a time."""
        pieces, self._pieces, size = self._pieces, [], 0
        for piece in pieces if self._size <= MOST_BYTES else ():
            for event in piece.split(b"\n\n"):
                if event and (fields := chunk_in(event)) is not None:
                    self._note(fields)
            size += len(piece)
            if size >= READ_AT_ONCE:
                size = 0
                yield
        self.text = "".join(self._texts)

    @property
    def can_be_continued(self) -> bool:
        """Whether it is the unfinished text of one answer."""
        return self._is_text and bool(self.text) and self._size <= MOST_BYTES

    def rest(self, view: Any) -> Encoder | None:
        """What tells a chat stream to the caller as the rest of this one; None where it is chat itself."""
        return None

    def _note(self, fields: dict[str, Any]) -> None:
        """The next event."""
        raise NotImplementedError


class ToldChat(Told):
    """That of a chat stream."""

    def _note(self, fields: dict[str, Any]) -> None:
        self.first = self.first or fields
        choices = fields.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            delta = delta_of(choice)
            has_ended = isinstance(choice, dict) and choice.get("finish_reason") is not None
            if has_ended or choice.get("index", 0) != 0 or any(delta.get(part) for part in WHOLE):
                self._is_text = False
            if isinstance(content := delta.get("content"), str):
                self._texts.append(content)


class Joint:
    """The chunks of a second stream for the caller of the first, who has `text` already.

    One that starts again says it again, and is shown from its end on; raises AnotherAnswer where it says something
    else. One that goes on `is_continued`: it is shown whole, unless it repeats the text first, as some servers do.
    `lost` is the white space at the end of the text that it was not told.
    """

    def __init__(self, told: Told, *, is_continued: bool, lost: str = "") -> None:
        self._told, self._is_continued, self._lost = told.first, is_continued, lost
        self._text = told.text.removesuffix(lost) if lost else told.text
        self._at = 0  # so much of it was said again
        self._is_joined = False

    def chunks(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        """The caller's chunks for one of the second stream."""
        made = self._as_first(chunk)
        if not made.get("choices"):
            return [made]
        if delta_of(made["choices"][0]).get(UNSAID):
            raise AnotherAnswer
        if self._is_joined:
            return [self._without_lost(made)]
        return self._continued(made) if self._is_continued else self._again(made)

    def _again(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        content = content_of(chunk)
        known = self._text[self._at : self._at + len(content)]
        self._at += len(content)
        is_behind = self._at < len(self._text)
        if not content.startswith(known) or (is_behind and says_more(chunk)):
            raise AnotherAnswer
        return [] if is_behind else self._join(with_content(chunk, content[len(known) :]))

    def _continued(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        content, held = content_of(chunk), self._text[: self._at]
        known = self._text[self._at : self._at + len(content)]
        self._at += len(content)
        if content.startswith(known) and self._at >= len(self._text):
            return self._join(with_content(chunk, content[len(known) :]))
        if content.startswith(known) and not says_more(chunk):
            return []  # it may be saying the text again
        return self._join(with_content(chunk, held + content))

    def _join(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        self._is_joined = True
        return [self._without_lost(chunk)]

    def _without_lost(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Without the white space that the caller has already; it may come in several chunks."""
        if not (self._lost and (content := content_of(chunk))):
            return chunk
        both = zip(content, self._lost, strict=False)
        known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))
        self._lost = self._lost[known:] if known == len(content) else ""
        return with_content(chunk, content[known:])

    def _as_first(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """With the id and time of the first stream: to the caller it is the same answer."""
        kept: dict[str, Any] = {name: self._told[name] for name in ("id", "created") if name in self._told}
        choices = chunk.get("choices")
        shown = [_without_repeats(choice) for choice in choices] if isinstance(choices, list) else choices
        return {**chunk, **kept, "choices": shown}


def delta_of(choice: Any) -> dict[str, Any]:
    """The delta of a choice; empty where it has none."""
    delta = choice.get("delta") if isinstance(choice, dict) else None
    return delta if isinstance(delta, dict) else {}


def content_of(chunk: dict[str, Any]) -> str:
    """The text in a chunk of one answer."""
    content = delta_of(chunk["choices"][0]).get("content")
    return content if isinstance(content, str) else ""


def with_content(chunk: dict[str, Any], content: str) -> dict[str, Any]:
    """The chunk with another text."""
    first, *others = chunk["choices"]
    return {**chunk, "choices": [{**first, "delta": {**delta_of(first), "content": content}}, *others]}


def says_more(chunk: dict[str, Any]) -> bool:
    """Whether a chunk ends its answer, or has more than text."""
    choice = chunk["choices"][0]
    is_end = isinstance(choice, dict) and choice.get("finish_reason") is not None
    return is_end or any(delta_of(choice).get(part) for part in WHOLE)


def with_usage(chunk: dict[str, Any], earlier: Usage) -> dict[str, Any]:
    """The chunk with the tokens of all parts, where it has any."""
    usage = chunk.get("usage")
    if not isinstance(usage, dict):
        return chunk
    more = {"prompt_tokens": earlier.input_tokens, "completion_tokens": earlier.output_tokens}
    more["total_tokens"] = earlier.input_tokens + earlier.output_tokens
    sums = {name: usage[name] + count for name, count in more.items() if type(usage.get(name)) is int}
    return {**chunk, "usage": {**usage, **sums}}


def _without_repeats(choice: Any) -> Any:
    if not (delta := delta_of(choice)):
        return choice
    return {**choice, "delta": {name: value for name, value in delta.items() if name not in SAID_ONCE}}
