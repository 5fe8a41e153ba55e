"""The second part of an answer, asked in the client's own words and read as chat, to be joined to the first."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from engine.dialects.reading import Event
from engine.dialects.rescue import UNSAID
from engine.dialects.shapes import object_of
from engine.spec import DeploymentSpec
from engine.upstreams import foreign_thoughts
from engine.upstreams.call import Call
from engine.upstreams.chat_events import Bytes, StreamEvents
from engine.upstreams.choose import MESSAGES_DIALECT, RESPONSES_DIALECT, dialects_of
from engine.upstreams.messages import ChatFromMessages, MessagesSpeech
from engine.upstreams.over_http import HTTPUpstream, Request
from engine.upstreams.responses import DecodedResponseEvents, ResponsesSpeech

# What chat has words for: blocks of a message, items of a response.
BLOCKS = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
ITEMS = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})
NO_WORDS = b"data: " + to_json({"choices": [{"index": 0, "delta": {UNSAID: True}}]}) + b"\n\n"


class RestOfMessagesSpeech(MessagesSpeech):
    """A client's own Messages request."""

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        foreign_thoughts.accept(request.thoughts)
        return RestOfMessages(source, schema_tool=None, hides_usage=True)


class RestOfResponsesSpeech(ResponsesSpeech):
    """A client's own Responses request."""

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        foreign_thoughts.accept(request.thoughts)
        return RestOfResponse(source, hides_usage=True)


class RestOfMessages(ChatFromMessages):
    """A message as chat, with a mark where chat has no words, and the text that stopped it."""

    def _shown(self, event: bytes, said: Event) -> bytes:
        return NO_WORDS if _is_other(said.fields, "content_block", BLOCKS) else super()._shown(event, said)

    def _chunks_of(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        chunks = super()._chunks_of(fields)
        sequence = object_of(fields.get("delta")).get("stop_sequence")
        if isinstance(sequence, str):
            for choice in (choice for chunk in chunks for choice in chunk["choices"]):
                choice["stop_reason"] = sequence
        return chunks


class RestOfResponse(DecodedResponseEvents):
    """A response as chat, with a mark where chat has no words."""

    def _shown(self, event: bytes, said: Event) -> bytes:
        return NO_WORDS if _is_other(said.fields, "item", ITEMS) else super()._shown(event, said)


_upstreams: dict[str, HTTPUpstream] = {
    MESSAGES_DIALECT: HTTPUpstream(RestOfMessagesSpeech()),
    RESPONSES_DIALECT: HTTPUpstream(RestOfResponsesSpeech()),
}


def own_upstream(call: Call, deployment: DeploymentSpec) -> HTTPUpstream | None:
    """The connection to a deployment that speaks the client's own dialect, where that is not chat."""
    return _upstreams.get(call.endpoint) if call.endpoint in dialects_of(deployment) else None


def _is_other(fields: dict[str, Any] | None, name: str, known: frozenset[str]) -> bool:
    kind = object_of((fields or {}).get(name)).get("type")
    return isinstance(kind, str) and kind not in known
