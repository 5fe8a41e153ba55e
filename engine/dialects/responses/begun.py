"""A response that its caller has the beginning of. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Begun:
    """`response` is its envelope, `number` that of the next event. `ended` are the items before the message, which has
    the index `len(ended)`; `message` is the item, `part` the index of its one text, `logprobs` are those of the text.
    """

    response: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    ended: list[dict[str, Any]] = field(default_factory=list)
    message: dict[str, Any] = field(default_factory=dict)
    part: int = -1
    logprobs: list[object] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether all is known that the rest needs."""
        return bool(self.response.get("id") and self.message.get("id")) and self.part >= 0

    def begin_item(self, index: object, item: dict[str, Any]) -> bool:
        """An item begins; False where it is neither the one message nor reasoning before it."""
        if self.message or index != len(self.ended):
            return False
        if item.get("type") == "message":
            self.message = item
        return item.get("type") in ("message", "reasoning")

    def end_item(self, index: object, item: dict[str, Any]) -> bool:
        """An item has ended; False where it is not reasoning before the message."""
        if self.message or index != len(self.ended) or item.get("type") != "reasoning":
            return False
        self.ended.append(item)
        return True

    def begin_part(self, fields: dict[str, Any]) -> bool:
        """The text begins; False where it is not the first part of the message."""
        part = fields.get("content_index")
        if self.part >= 0 or not self.message or fields.get("item_id") != self.message.get("id") or part != 0:
            return False
        self.part = 0
        return True

    def is_place(self, fields: dict[str, Any]) -> bool:
        """Whether a piece of text belongs to the one text."""
        place = fields.get("item_id"), fields.get("output_index"), fields.get("content_index")
        return place == (self.message.get("id"), len(self.ended), self.part)
