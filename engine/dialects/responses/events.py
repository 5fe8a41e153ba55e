"""Chunks of a chat stream -> the events of a Responses stream. Pure but for ids and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import to_json

from engine.dialects.responses.answer import (
    created_of,
    ended,
    headed,
    model_of,
    new_id,
    repeated,
    tier_of,
    usage_of,
)
from engine.dialects.responses.begun import Begun
from engine.dialects.responses.errors import failed
from engine.dialects.responses.output import NewId, Open, Output
from engine.dialects.responses.request import ResponsesView
from engine.dialects.retelling import as_written, text_of
from engine.upstreams.tokens import Usage

IN_PROGRESS: dict[str, Any] = {"status": "in_progress", "error": None, "incomplete_details": None}

# What the last event of a response says in its own way.
RETOLD = frozenset({"id", "object", "model", "status", "error", "incomplete_details", "output", "usage"})


class ResponsesEncoder:
    """One client's stream: `response.created`, its items as they grow, and one of `response.completed`, `incomplete`
    and `failed`."""

    problem = ""  # arguments are a text here, and their reader looks at it

    def __init__(self, view: ResponsesView, *, new_id: NewId = new_id, now: Callable[[], float] = time.time) -> None:
        self._view, self._new_id, self._now = view, new_id, now
        self._output = Output(view.tools, new_id, self._tell, shows_thoughts=view.shows_thoughts)
        self._number = 0
        self._told: list[bytes] = []
        self._head: dict[str, Any] = {}
        # What the client asked for is long, and in three events.
        self._repeated = b""
        self._tier: dict[str, Any] = {}
        self._finish: str | None = None
        self._is_rest = False
        # What the last chunk went on with, and the JSON around its text.
        self._open: Open | None = None
        self._around = (b"", b"", b"")

    @classmethod
    def in_text(cls, view: ResponsesView, begun: Begun, text: str) -> ResponsesEncoder:
        """One for a response that its client has the beginning of, with this text open."""
        made = cls(view)
        made._number, made._is_rest = begun.number, True
        made._output.go_on(begun, text)
        made._head = {name: begun.response.get(name) for name in ("id", "model")}
        told = {name: value for name, value in begun.response.items() if name not in RETOLD}
        made._repeated = to_json({"object": "response", **told})[1:]
        return made

    def chunk(self, fields: dict[str, Any]) -> bytes:
        """The events for one chunk."""
        self._told = []
        if self._is_rest:
            self._head["model"] = model_of(fields, self._view)
        if not self._head:
            self._begin(fields)
        choices = fields.get("choices")
        if isinstance(choices, list):
            for choice in choices:
                if isinstance(choice, dict) and choice.get("index") in (0, None):
                    self._add(choice)
        return b"".join(self._told)

    def can_go_on(self, fields: dict[str, Any]) -> bool:
        """Whether a chunk like the last one, with another text in it, is told by `more`."""
        choice = fields["choices"][0]
        is_first = choice.get("index") in (0, None)
        is_text = is_first and not choice.get("finish_reason") and not choice.get("logprobs")
        self._open = self._output.open_for(choice["delta"]) if is_text else None
        if self._open is not None and self._open.event:
            name = self._open.event.encode()
            begin = b'event: %b\ndata: {"type":"%b","sequence_number":' % (name, name)
            middle, _, end = to_json({**self._open.place, "delta": "", **self._open.rest}).partition(b'"delta":""')
            self._around = begin, b"," + middle[1:] + b'"delta":"', b'"' + end + b"\n\n"
        return self._open is not None

    def more(self, texts: Sequence[bytes]) -> bytes:
        """The events for more of what is open; none where its text is told at its end."""
        if self._open is None:
            return b""
        self._open.texts.extend(map(text_of, texts))
        if not self._open.event:
            return b""
        begin, middle, end = self._around
        numbered = enumerate(texts, self._number)
        self._number += len(texts)
        return b"".join([b"%b%d%b%b%b" % (begin, at, middle, as_written(text), end) for at, text in numbered])

    def end(self, usage: Usage | None) -> bytes:
        """The last events."""
        self._told = []
        if not self._head:
            self._begin({})
        state = ended(self._finish)
        self._output.end(state["status"], is_answer=state["status"] == "completed")
        self._tell_response(f"response.{state['status']}", {**state, "usage": usage_of(usage)})
        return b"".join(self._told)

    def fail(self, message: str, type: str, code: str | None) -> bytes:
        """The stream broke: what has come so far is in the last event."""
        self._told = []
        if not self._head:
            self._begin({})
        state = {"status": "failed", "error": failed(message, type, code), "incomplete_details": None, "usage": None}
        self._tell_response("response.failed", state)
        return b"".join(self._told)

    def _begin(self, fields: dict[str, Any]) -> None:
        view = self._view
        self._head = headed(self._new_id("resp"), model_of(fields, view), created_of(fields, self._now))
        self._tier = tier_of(fields)
        self._repeated = to_json({**repeated(view.body), **self._tier})[1:]
        for event in ("response.created", "response.in_progress"):
            self._tell_response(event, {**IN_PROGRESS, "usage": None})

    def _add(self, choice: dict[str, Any]) -> None:
        if isinstance(delta := choice.get("delta"), dict):
            self._output.add(delta, choice.get("logprobs"))
        if isinstance(finish := choice.get("finish_reason"), str) and finish:
            self._finish = finish

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        data = to_json({"type": event, "sequence_number": self._number, **fields})
        self._told.append(b"event: %b\ndata: %b\n\n" % (event.encode(), data))
        self._number += 1

    def _tell_response(self, event: str, state: dict[str, Any]) -> None:
        begin = to_json({"type": event, "sequence_number": self._number})[:-1]
        response = to_json({**self._head, **state, "output": self._output.items()})[:-1]
        self._told.append(
            b'event: %b\ndata: %b,"response":%b,%b}\n\n' % (event.encode(), begin, response, self._repeated)
        )
        self._number += 1
