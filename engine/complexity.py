"""The complexity of a message: messages -> a score and its parts. Pure, and fast enough for every request.

The rules are those of docs/adr/0010; a virtual model may change each number and keyword.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

SIMPLE_KEYWORDS = ("ls", "cat", "hi", "hello", "test")
COMPLEX_KEYWORDS = ("implement", "analyze", "architecture", "debug")
CODE_FENCE = "```"
# Includes everything up to the next letter or digit. A row of dots is looked at once.
SENTENCE_END = re.compile(r"(?:(?<![.!?…])[.!?…]+(?=\s|$)|[。！？]+)[\W_]*")
# Of longer texts, this many characters are read at the beginning and at the end.
MOST_READ = 25_000
# From this code point on (Thai, Khmer, then Chinese, Japanese, Korean), no spaces separate words.
UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1780, 0x17FF), (0x2E80, 0xA4CF)),
    *((0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)


class Unscorable(ValueError):
    """The messages hold no text of a user, so there is nothing to score."""


@dataclass(frozen=True, slots=True)
class ComplexityRules:
    """The rules and their points.

    The length counts one point a character up to `most_length`; each keyword counts once; more than
    `most_sentences` sentences and more than `most_messages` messages count once.
    """

    simple_keywords: tuple[str, ...] = SIMPLE_KEYWORDS
    complex_keywords: tuple[str, ...] = COMPLEX_KEYWORDS
    simple_points: int = -100
    complex_points: int = 150
    most_length: int = 200
    code_points: int = 100
    most_sentences: int = 2
    sentences_points: int = 50
    most_messages: int = 5
    messages_points: int = 30


@dataclass(frozen=True, slots=True)
class Part:
    """One reason for the score. `kind`: length, simple, complex, code, sentences or messages.

    `what` is the keyword, or a count; `at` is its position in the text in characters, None without a position.
    """

    kind: str
    points: int
    what: str
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The sum of its parts, and the text that was scored."""

    total: int
    parts: tuple[Part, ...]
    text: str


def score_of(messages: Sequence[Any], rules: ComplexityRules = ComplexityRules()) -> Score:
    """The score of a conversation in OpenAI's shape: of its last user message, and of its length in messages.

    Raises Unscorable when no user wrote any text.
    """
    text = text_of(messages)
    parts = tuple(_parts(text, len(messages), rules))
    return Score(sum(part.points for part in parts), parts, text)


def text_of(messages: Sequence[Any]) -> str:
    """The user's last message; for content in parts, their text. Raises Unscorable when there is none."""
    users = (m for m in reversed(messages) if isinstance(m, Mapping) and m.get("role") == "user")
    text = next(filter(None, map(_content, users)), "")
    if not text:
        raise Unscorable("No user message has any text.")
    return text


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, Mapping))
        return "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _parts(text: str, messages: int, rules: ComplexityRules) -> Iterator[Part]:
    yield Part("length", min(len(text), rules.most_length), str(len(text)))
    read = text if len(text) <= 2 * MOST_READ else f"{text[:MOST_READ]}\n{text[-MOST_READ:]}"
    for part in _read_parts(read, rules):
        yield part if part.at is None else replace(part, at=_place(len(text), part.at))
    if messages > rules.most_messages:
        yield Part("messages", rules.messages_points, str(messages))


def _read_parts(read: str, rules: ComplexityRules) -> Iterator[Part]:
    lowered = _lowered(read)
    for kind, keywords, points in (
        ("simple", rules.simple_keywords, rules.simple_points),
        ("complex", rules.complex_keywords, rules.complex_points),
    ):
        for keyword in keywords:
            if (at := _find_word(lowered, keyword.lower())) >= 0:
                yield Part(kind, points, keyword, at)
    if (at := read.find(CODE_FENCE)) >= 0:
        yield Part("code", rules.code_points, CODE_FENCE, at)
    if _has_more_sentences(read, rules.most_sentences):
        yield Part("sentences", rules.sentences_points, f"more than {rules.most_sentences}")


def _lowered(text: str) -> str:
    """In lower case, each character at the same position."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def _place(length: int, at: int) -> int:
    """A position in the part that was read -> the position in the whole text of that length."""
    left_out = length - 2 * MOST_READ - 1
    return at if left_out < 0 or at < MOST_READ else at + left_out


def _find_word(lowered: str, keyword: str) -> int:
    """The position of a keyword as a whole word, in any script; -1 if it is not there."""
    # Most keywords are not there, and a plain search finds that out ten times as fast.
    found = _word(keyword).search(lowered) if keyword and keyword in lowered else None
    return found.start() if found else -1


@lru_cache(maxsize=10_000)
def _word(keyword: str) -> re.Pattern[str]:
    """A keyword must be a whole word, in languages that separate words."""
    before = r"(?<!\w)" if _needs_a_gap(keyword[0]) else ""
    after = r"(?!\w)" if _needs_a_gap(keyword[-1]) else ""
    return re.compile(f"{before}{re.escape(keyword)}{after}")


def _needs_a_gap(edge: str) -> bool:
    return (edge.isalnum() or edge == "_") and not _is_unspaced(edge)


def _is_unspaced(character: str) -> bool:
    code = ord(character)
    return code >= UNSPACED[0][0] and any(first <= code <= last for first, last in UNSPACED)


def _has_more_sentences(text: str, most: int) -> bool:
    """Whether there are more than `most` sentences; the last one may lack its full stop."""
    begin = count = 0
    for end in SENTENCE_END.finditer(text):
        count += _has_words(text[begin : end.start()])
        begin = end.end()
        if count > most:
            return True
    return count + _has_words(text[begin:]) > most


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))
