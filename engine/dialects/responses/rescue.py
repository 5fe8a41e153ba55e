"""What the caller of a native Responses stream has when it breaks. Pure."""

from __future__ import annotations

from typing import Any

from engine.dialects.rescue import Told
from engine.dialects.responses.begun import Begun
from engine.dialects.responses.events import ResponsesEncoder
from engine.dialects.responses.request import ResponsesView
from engine.dialects.shapes import object_of, objects

HEADS = frozenset({"response.created", "response.in_progress", "response.queued"})
THOUGHTS = "response.reasoning_"
# Parts of items, which say what they are.
PARTS = frozenset({"response.content_part.added", "response.content_part.done"})


class ToldResponse(Told):
    """Its one text may have reasoning before it, and nothing after it."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = Begun()

    def rest(self, view: ResponsesView) -> ResponsesEncoder:
        """Goes on in the part of the text."""
        return ResponsesEncoder.in_text(view, self._begun, self.text)

    @property
    def can_be_continued(self) -> bool:
        """Whether it is the unfinished text of one answer, in an item and a part that have begun."""
        return super().can_be_continued and self._begun.is_whole

    def _note(self, fields: dict[str, Any]) -> None:
        kind, number = fields.get("type"), fields.get("sequence_number")
        self._begun.number = number + 1 if type(number) is int else self._begun.number + 1
        if not isinstance(kind, str):
            return
        if kind in HEADS:
            self._begun.response = object_of(fields.get("response"))
        elif kind == "response.output_text.delta":
            self._note_text(fields)
        elif not (kind.startswith(THOUGHTS) or self._has_begun(kind, fields)):
            self._is_text = False

    def _note_text(self, fields: dict[str, Any]) -> None:
        if not self._begun.is_place(fields) or not isinstance(text := fields.get("delta"), str):
            self._is_text = False
            return
        self._texts.append(text)
        self._begun.logprobs += objects(fields.get("logprobs"))

    def _has_begun(self, kind: str, fields: dict[str, Any]) -> bool:
        """Whether the event is the beginning of the one text, or of thoughts before it or their end."""
        begun = self._begun
        if kind in PARTS:
            part = object_of(fields.get("part")).get("type")
            if part == "output_text" and kind == "response.content_part.added":
                return begun.begin_part(fields)
            return part == "reasoning_text"
        item = object_of(fields.get("item"))
        if kind == "response.output_item.added":
            return begun.begin_item(fields.get("output_index"), item)
        return kind == "response.output_item.done" and begun.end_item(fields.get("output_index"), item)
