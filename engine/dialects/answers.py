"""Reads a whole answer of an OpenAI-compatible upstream. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.dialects.reading import CONTENT, error_in, parsed
from engine.upstreams.tokens import Usage, usage_in


@dataclass(frozen=True, slots=True)
class AnswerReading:
    """The content of an answer.

    `error` is an error object of the upstream. `problem` says why this is not an answer, as the end of a sentence that
    begins with the provider's name. `usage` is None if the answer has none. `fields` is the JSON, where somebody needs
    it again.
    """

    error: object = None
    problem: str | None = None
    usage: Usage | None = None
    finish_reasons: tuple[str, ...] = ()
    choices: tuple[dict[str, Any], ...] = ()
    fields: dict[str, Any] | None = None


def read_chat(body: bytes) -> AnswerReading:
    """Reads the JSON of a chat answer, or of a completion, with a success status."""
    fields = parsed(body)
    if not fields:
        return no_answer(body)
    if error := error_in(fields):
        return AnswerReading(error=error)
    choices = fields.get("choices")
    if not isinstance(choices, list):
        return AnswerReading(problem="did not answer in OpenAI's format.")
    if not choices or not all(map(_is_answer, choices)):
        return AnswerReading(problem="answered without a message.")
    reasons = tuple(reason for choice in choices if isinstance(reason := choice.get("finish_reason"), str))
    return AnswerReading(usage=usage_in(fields), finish_reasons=reasons, choices=tuple(choices))


def read_embeddings(body: bytes) -> AnswerReading:
    """Reads the JSON of an embeddings answer with a success status."""
    return _rows_of(body, "data", "answered without an embedding.")


def read_images(body: bytes) -> AnswerReading:
    """Reads the JSON of generated images."""
    return _rows_of(body, "data", "answered without an image.")


def read_audio(body: bytes) -> AnswerReading:
    """Reads spoken audio: any bytes but the JSON of an error."""
    fields = parsed(body) if body[:1] == b"{" else None
    if fields and (error := error_in(fields)):
        return AnswerReading(error=error)
    return AnswerReading() if body else AnswerReading(problem="answered with nothing.")


def read_transcript(body: bytes) -> AnswerReading:
    """Reads a transcript: JSON with a text, which may be empty where nobody spoke, or plain text of any kind."""
    fields = parsed(body) if body.lstrip()[:1] == b"{" else None
    if fields and (error := error_in(fields)):
        return AnswerReading(error=error)
    if fields is not None and not isinstance(fields.get("text"), str):
        return AnswerReading(problem="answered without a text.")
    return AnswerReading(usage=usage_in(fields) if fields else None)


def read_results(body: bytes) -> AnswerReading:
    """Reads the JSON of moderations, or of ranked documents."""
    return _rows_of(body, "results", "answered without a result.")


def _rows_of(body: bytes, name: str, problem: str) -> AnswerReading:
    fields = parsed(body)
    if not fields:
        return no_answer(body)
    if error := error_in(fields):
        return AnswerReading(error=error)
    if not isinstance(rows := fields.get(name), list):
        return AnswerReading(problem="did not answer in OpenAI's format.")
    return AnswerReading(usage=usage_in(fields)) if rows else AnswerReading(problem=problem)


def no_answer(body: bytes) -> AnswerReading:
    """The reading of a body that has no JSON object, or an empty one."""
    is_empty = not body.strip()
    return AnswerReading(problem="answered with nothing." if is_empty else "did not answer in OpenAI's format.")


def _is_answer(choice: object) -> bool:
    """Whether a choice has content; an empty text with a finish_reason is an answer, too."""
    if not isinstance(choice, dict):
        return False
    if isinstance(choice.get("text"), str):  # of a completion
        return True
    if not isinstance(message := choice.get("message"), dict):
        return False
    return bool(choice.get("finish_reason")) or any(message.get(name) for name in CONTENT)
