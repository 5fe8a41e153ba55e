"""A Responses upstream that sends `[DONE]` before its real end: its client sees one end, the real one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import to_json

from engine.upstreams.chat_events import StreamEvents
from engine.upstreams.responses import DecodedResponseEvents, ResponseEvents

DONE = b"data: [DONE]\n\n"
ENDED = {"type": "response.completed", "response": {"id": "r", "output": [], "usage": {"input_tokens": 1}}}


class Arriving:
    """These bytes, each by itself."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = [*parts]

    async def readany(self) -> bytes:
        return self._parts.pop(0) if self._parts else b""


def event(fields: dict[str, Any]) -> bytes:
    return b"data: " + to_json(fields) + b"\n\n"


async def shown(events: StreamEvents) -> bytes:
    parts = []
    while True:
        piece = await events.next()
        parts.append(piece.shown)
        if piece.is_last:
            return b"".join(parts) + events.ending


@pytest.mark.parametrize("is_chat", [True, False])
async def test_an_early_done_is_not_shown(is_chat: bool):
    told = (event({"type": "response.output_text.delta", "delta": "yes"}), DONE, event(ENDED), DONE)
    source = Arriving(*told)
    said = await shown(DecodedResponseEvents(source, hides_usage=True) if is_chat else ResponseEvents(source))
    assert said.count(DONE) == is_chat
    assert said.endswith(DONE if is_chat else event(ENDED))
    assert b"yes" in said
