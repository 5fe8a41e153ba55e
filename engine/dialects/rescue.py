"""What the caller of a chat stream has when it breaks, and how another stream goes on from there. Pure.

A chunk is the JSON of one event of a chat stream, as a dict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.dialects.reading import chunk_in
from engine.upstreams.tokens import Usage

# Streams of more than that are not kept, and not rescued.
MOST_BYTES = 2 * 1024 * 1024
# Parts of an answer that cannot be cut in two.
WHOLE = ("tool_calls", "function_call", "refusal", "audio", "images")
# What a second stream says again, and the caller has.
SAID_ONCE = ("role", "reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks")


class AnotherAnswer(Exception):
    """The second answer is another one than the first."""


@dataclass(slots=True)
class Told:
    """The part of a chat stream that its caller has. `add` is called for each piece, the rest only after a break."""

    _pieces: list[bytes] = field(default_factory=list)
    _size: int = 0
    _is_text: bool = True
    text: str = ""
    first: dict[str, Any] = field(default_factory=dict)

    def add(self, piece: bytes) -> None:
        """One or more whole events."""
        if self._size <= MOST_BYTES:
            self._size += len(piece)
            self._pieces.append(piece)

    def can_be_continued(self) -> bool:
        """Whether it is the unfinished text of one answer; reads what was added."""
        for piece in self._pieces:
            for event in piece.split(b"\n\n"):
                if event and (chunk := chunk_in(event)) is not None:
                    self._read(chunk)
        self._pieces.clear()
        return self._is_text and bool(self.text) and self._size <= MOST_BYTES

    def _read(self, chunk: dict[str, Any]) -> None:
        self.first = self.first or chunk
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            delta = delta_of(choice)
            has_ended = isinstance(choice, dict) and choice.get("finish_reason") is not None
            if has_ended or choice.get("index", 0) != 0 or any(delta.get(part) for part in WHOLE):
                self._is_text = False
            if isinstance(content := delta.get("content"), str):
                self.text += content


class Joint:
    """The chunks of a second stream for the caller of the first, who has `text` already.

    One that starts again says it again, and is shown from its end on; raises AnotherAnswer where it says something
    else. One that goes on `is_continued`: it is shown whole, unless it repeats the text first, as some servers do.
    `lost` is the white space at the end of the text that it was not told.
    """

    def __init__(self, told: Told, *, is_continued: bool, lost: str = "") -> None:
        self._told, self._is_continued, self._lost = told.first, is_continued, lost
        self._text = told.text.removesuffix(lost) if lost else told.text
        self._seen, self._held = "", list[dict[str, Any]]()
        self._is_joined = False

    @property
    def has_joined(self) -> bool:
        """Whether it says something new."""
        return self._is_joined

    def chunks(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        """The caller's chunks for one of the second stream."""
        made = self._as_first(chunk)
        if self._is_joined or not made.get("choices"):
            return [made]
        if self._is_continued:
            return self._continued(made)
        return self._again(made)

    def _again(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        self._seen += content_of(chunk)
        left = len(self._text) - len(self._seen)
        is_new = not (self._text.startswith(self._seen) if left >= 0 else self._seen.startswith(self._text))
        if is_new or (left > 0 and says_more(chunk)):
            raise AnotherAnswer
        return [] if left > 0 else self._join(with_content(chunk, self._seen[len(self._text) :]))

    def _continued(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        self._seen += content_of(chunk)
        if self._seen.startswith(self._text):
            return self._join(with_content(chunk, self._seen[len(self._text) :].removeprefix(self._lost)))
        if self._text.startswith(self._seen) and not says_more(chunk):
            return []  # it may be saying the text again
        return self._join(with_content(chunk, self._seen.removeprefix(self._lost)))

    def _join(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        self._is_joined = True
        return [chunk]

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
