"""Reads an event of a stream that is no chat: a transcript, speech, images. Pure.

Its JSON has a `type`; some servers send transcripts in chat's words, and these are read as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.dialects.reading import COMMENT, DONE, UNREADABLE, Event, data_of, error_in, event_of, parsed
from engine.dialects.shapes import object_of
from engine.upstreams.tokens import usage_in


@dataclass(frozen=True, slots=True)
class Words:
    """The types of the events of one kind of stream: those with content, by the field that has it, and the last."""

    content: Mapping[str, str]
    end: str


TRANSCRIPT = Words({"transcript.text.delta": "delta", "transcript.text.segment": "text"}, "transcript.text.done")
SPEECH = Words({"speech.audio.delta": "audio"}, "speech.audio.done")
IMAGES = Words({"image_generation.partial_image": "b64_json"}, "image_generation.completed")


def read_event(event: bytes, words: Words, *, ended: int = 0, of: int = 1) -> Event:
    """Reads one event, without its final blank line; `ended` of `of` results have come before it."""
    if (data := data_of(event)) is None:
        return COMMENT
    if data == b"[DONE]":
        return DONE
    if (fields := parsed(data)) is None:
        return UNREADABLE
    kind = fields.get("type")
    if (error := error_in(fields)) or kind == "error":
        return Event(error=error or _without_type(fields), fields=fields)
    if kind == words.end:
        finishes = ((ended, "stop"),)
        return Event(
            has_content=True,
            choices=(ended,),
            finishes=finishes,
            usage=usage_in(fields),
            is_done=ended + 1 >= of,
            fields=fields,
        )
    if isinstance(kind, str):
        has_content = bool(fields.get(words.content.get(kind, "")))
        return Event(has_content=has_content, choices=(ended,) if has_content else (), fields=fields)
    return event_of(fields, is_error=event.startswith(b"event: error"))


def _without_type(fields: dict[str, Any]) -> object:
    told = object_of(fields)
    return {name: value for name, value in told.items() if name != "type"} or {"message": "The stream failed."}
