"""Reads an upstream's Messages that are passed on as they are: the events of a stream, or a whole answer. Pure."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import to_json

from engine.dialects.answers import AnswerReading, no_answer
from engine.dialects.anthropic.answer import FINISHES
from engine.dialects.reading import COMMENT, UNREADABLE, Event, data_of, error_in, parsed
from engine.dialects.shapes import listed, object_of
from engine.upstreams.tokens import Usage, usage_in

# The one answer of a stream.
ANSWER = (0,)
# Nearly every event is one of these two; making one for each would take longer than reading it.
MORE, NOTHING = Event(has_content=True, choices=ANSWER), Event(choices=ANSWER)
MODEL = re.compile(rb'("model"\s*:\s*)"(?:[^"\\]|\\.)*"')


class MessagesReading:
    """The reader of one stream, which adds up usage: input is told first, output at the end.

    `fields` is the JSON of the last event.
    """

    def __init__(self) -> None:
        self.fields: dict[str, Any] | None = None
        self._usage: dict[str, Any] = {}

    def read_event(self, event: bytes) -> Event:
        """Reads one event, without its final blank line.

        The type in the data decides, because some servers send no `event:` line. `message_stop` is `is_done`. A ping
        only keeps the connection alive, and the start of a message or of an empty block is no content yet: another
        deployment can still answer.
        """
        if (data := data_of(event)) is None or data == b"[DONE]":
            return COMMENT
        self.fields = fields = parsed(data)
        return UNREADABLE if fields is None else self.event_of(fields)

    def event_of(self, fields: dict[str, Any]) -> Event:
        """Reads the JSON of one event."""
        kind = fields.get("type")
        if kind == "content_block_delta":
            return MORE if _has_text(object_of(fields.get("delta"))) else NOTHING
        if kind == "content_block_start":
            return Event(has_content=_has_begun(object_of(fields.get("content_block"))), choices=ANSWER, fields=fields)
        if kind == "message_start":
            self._add(object_of(fields.get("message")).get("usage"))
            return Event(choices=ANSWER, fields=fields)
        if kind == "message_delta":
            return self._end(fields)
        if kind == "message_stop":
            return Event(is_done=True, fields=fields)
        if kind == "error" or error_in(fields):
            return Event(error=error_in(fields) or {"message": "The stream ended with an error."}, fields=fields)
        return Event(is_data=kind != "ping", is_readable=isinstance(kind, str), fields=fields)

    def _end(self, fields: dict[str, Any]) -> Event:
        self._add(fields.get("usage"))
        reason = object_of(fields.get("delta")).get("stop_reason")
        finishes = ((0, FINISHES.get(reason, "stop")),) if isinstance(reason, str) else ()
        # The count at the start is no count of what was written, so usage is known only here.
        return Event(choices=ANSWER, finishes=finishes, usage=Usage.of(self._usage), fields=fields)

    def _add(self, usage: object) -> None:
        """Later counts win, but not where they are null."""
        self._usage |= {name: value for name, value in object_of(usage).items() if value is not None}


def read_message(body: bytes) -> AnswerReading:
    """Reads the JSON of a whole message with a success status; its blocks stand for the choices."""
    fields = parsed(body)
    if not fields:
        return no_answer(body)
    if fields.get("type") == "error" or (error_in(fields) and "content" not in fields):
        return AnswerReading(error=error_in(fields) or {"message": "The answer is an error."})
    if not isinstance(fields.get("content"), list):
        return AnswerReading(problem="did not answer in the format of the Messages API.")
    if not fields["content"] and not fields.get("stop_reason"):
        return AnswerReading(problem="answered without a message.")
    finish = FINISHES.get(str(fields.get("stop_reason")), "stop")
    blocks = tuple(block for block in listed(fields["content"]) if isinstance(block, dict))
    return AnswerReading(usage=usage_in(fields), finish_reasons=(finish,), choices=blocks, fields=fields)


def with_model(data: bytes, name: str) -> bytes:
    """An answer or a `message_start` with the model's name as the client spelled it, otherwise byte by byte the same.

    Claude Code throws away the thoughts of a model with another name than it asked for.
    """
    # Not where it might be a text of the answer.
    content = data.find(b'"content"')
    found = MODEL.search(data, 0, content if content >= 0 else len(data))
    if found is not None:
        return data[: found.start()] + found[1] + to_json(name) + data[found.end() :]
    lead, mark, rest = data.rpartition(b"data:") if data.startswith((b"event:", b"data:")) else (b"", b"", data)
    fields = parsed(rest.strip())
    if fields is None:
        return data
    inner = fields["message"] if isinstance(fields.get("message"), dict) else fields
    inner["model"] = name
    return lead + mark + (b" " if mark else b"") + to_json(fields)


def _has_text(delta: dict[str, Any]) -> bool:
    return any(delta.get(name) for name in ("text", "partial_json", "thinking"))


def _has_begun(block: dict[str, Any]) -> bool:
    """Whether a block has content when it starts: a call has its name, and what a server's tool found is whole."""
    kind = block.get("type")
    return bool(block.get("text") or block.get("thinking")) if kind in ("text", "thinking") else kind is not None
