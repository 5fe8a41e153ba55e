"""What the caller of a native Messages stream has when it breaks. Pure."""

from __future__ import annotations

from typing import Any

from engine.dialects.messages.events import MessagesEncoder
from engine.dialects.messages.request import MessagesView
from engine.dialects.rescue import Told
from engine.dialects.shapes import object_of

THOUGHTS = frozenset({"thinking", "redacted_thinking"})
OF_THOUGHTS = frozenset({"thinking_delta", "signature_delta"})
ENDS = frozenset({"message_delta", "message_stop"})


class ToldMessages(Told):
    """Its one text may have thoughts before it, and nothing after it."""

    def __init__(self) -> None:
        super().__init__()
        self._index = -1

    def rest(self, view: MessagesView) -> MessagesEncoder:
        """Goes on in the block of the text."""
        return MessagesEncoder.in_text(view, self._index)

    def _note(self, fields: dict[str, Any]) -> None:
        kind = fields.get("type")
        if kind == "content_block_delta":
            self._note_delta(fields.get("index"), object_of(fields.get("delta")))
        elif kind == "content_block_start":
            self._note_start(fields.get("index"), object_of(fields.get("content_block")))
        elif kind in ENDS or (kind == "content_block_stop" and fields.get("index") == self._index):
            self._is_text = False

    def _note_start(self, index: object, block: dict[str, Any]) -> None:
        is_first = self._index < 0
        if block.get("type") == "text" and is_first and type(index) is int and not block.get("citations"):
            self._index = index
            self._texts.append(str(block.get("text") or ""))
        elif block.get("type") not in THOUGHTS or not is_first:
            self._is_text = False

    def _note_delta(self, index: object, delta: dict[str, Any]) -> None:
        kind, text = delta.get("type"), delta.get("text")
        if kind == "text_delta" and index == self._index and isinstance(text, str):
            self._texts.append(text)
        elif kind not in OF_THOUGHTS:
            self._is_text = False
