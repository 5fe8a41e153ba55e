"""Streams of a table's upstreams at every door, in the words of the dialect that a door's provider speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.conformance.upstreams.served import ARRIVES_S, SPEAKERS
from tests.conformance.words import Events, Reply, ToolCall
from tests.fakes import ANSWER, Exchange

HI = [{"role": "user", "content": "hi"}]
TOOL: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
# What a client of each door asks.
ASKED: dict[str, dict[str, Any]] = {
    "chat": {"messages": HI},
    "messages": {"messages": HI, "max_tokens": 100},
    "responses": {"input": "hi"},
}
FUNCTION = {"name": "look", "description": "Looks.", "parameters": TOOL}
TOOLS: dict[str, dict[str, Any]] = {
    "chat": {"type": "function", "function": FUNCTION},
    "messages": {"name": "look", "description": "Looks.", "input_schema": TOOL},
    "responses": {"type": "function", **FUNCTION},
}
# An error inside a stream; some dialects have a name for its kind.
FAULTS = ("fault", "fault_named")
TEXT = Reply(("pong ", "from the ", "scripted upstream"))
CALLING = Reply(TEXT.pieces, (ToolCall("look", '{"path": "a"}'),))
OTHER = Reply(("something ", "else"))
# What is said, and the word in the last event before the stream breaks ("" for one that does not).
SAID: dict[str, tuple[Reply, str]] = {
    "200": (TEXT, ""),
    "other": (OTHER, ""),
    "cut": (TEXT, "pong"),
    "mute": (TEXT, "pong"),
    **dict.fromkeys(FAULTS, (TEXT, "pong")),
    "calls": (CALLING, ""),
    "calls_cut": (CALLING, "pong"),
    "call_cut": (CALLING, "look"),
}


@dataclass(frozen=True)
class Spoken:
    """A stream in a dialect, and how it breaks: by `word`."""

    dialect: str
    word: str

    async def play(self, exchange: Exchange) -> None:
        speaker, (reply, last) = SPEAKERS[self.dialect], SAID[self.word]
        events = speaker.events(reply, exchange.body)
        exchange.start_stream()
        for event in _until(events, last.encode()) if last else [*events.head, *events.content, *events.end]:
            await self._send(exchange, event)
        if not last:
            await exchange.end_stream()
            return
        # What comes together is read together.
        await exchange.pause(None if self.word == "mute" else ARRIVES_S)
        if self.word in FAULTS:
            await self._send(exchange, speaker.error_event("Scripted: it broke."))
            await exchange.end_stream()
        else:
            exchange.hang_up()

    async def _send(self, exchange: Exchange, event: bytes) -> None:
        exchange.writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await exchange.writer.drain()


def _until(events: Events, last: bytes) -> list[bytes]:
    at = next(n for n, event in enumerate(events.content) if last in event)
    return [*events.head, *events.content[: at + 1]]


def has_broken(events: list[dict[str, Any]]) -> bool:
    """Whether a stream ended with an error, in the words of any door."""
    return any("error" in event or event.get("type") in ("error", "response.failed") for event in events)


def is_whole(events: list[dict[str, Any]]) -> bool:
    """Whether the text of a stream is the one answer, once; nothing, where a content filter has emptied it."""
    finishes = {choice.get("finish_reason") for event in events for choice in event.get("choices", ())}
    return "".join(_text(event) for event in events) == ("" if "content_filter" in finishes else ANSWER)


def _text(event: dict[str, Any]) -> str:
    delta = event.get("delta")
    if event.get("type") == "content_block_delta":
        return str(delta.get("text", "")) if isinstance(delta, dict) else ""
    if event.get("type") == "response.output_text.delta":
        return str(delta)
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))
