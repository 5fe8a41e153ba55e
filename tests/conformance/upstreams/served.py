"""One server for the upstreams of all cells, told apart by the first part of the path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from tests.conformance.cases import Cell
from tests.conformance.upstreams.chat import Chat
from tests.conformance.upstreams.messages import Messages
from tests.conformance.upstreams.responses import Responses
from tests.conformance.words import Question, Refused
from tests.fakes import Exchange, ScriptedUpstream

Speaker = Chat | Responses | Messages
SPEAKERS: dict[str, Speaker] = {"chat": Chat(), "responses": Responses(), "messages": Messages(), "litellm": Chat()}
# The first content is to be on its way when the stream breaks: what comes together is read together.
ARRIVES_S = 0.1
ERRORS = {
    "400": (400, "context_length_exceeded", "This is too long: prompt is too long: 9 tokens > 8 maximum"),
    "401": (401, "invalid_api_key", "Scripted: a wrong key."),
    "429": (429, "rate_limit_exceeded", "Scripted: too many."),
    "500": (500, None, "Scripted: it failed."),
}


class Upstreams(ScriptedUpstream):
    """All cells' upstreams; `read` are the questions that they read, `refused` the reasons of those they did not,
    `told` the bytes of streams."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: dict[str, Cell] = {}
        self.read: dict[str, Question] = {}
        self.refused: dict[str, str] = {}
        self.told: dict[str, bytes] = {}

    async def start(self) -> None:
        """On the loop of all others, so that they have one clock."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]

    def address(self, name: str) -> str:
        """Where the upstream of a cell is."""
        return f"http://127.0.0.1:{self._port}/{name}/v1"

    async def _play(self, exchange: Exchange) -> None:
        name = exchange.path.split("/")[1]
        cell = self.cells[name]
        speaker = SPEAKERS[cell.dialect]
        try:
            if not exchange.path.endswith(speaker.path):
                raise Refused(f"asked at {exchange.path}")
            self.read[name] = speaker.read(exchange.body)
        except (Refused, KeyError, TypeError, ValueError) as why:
            self.refused[name] = f"{type(why).__name__}: {why}: {exchange.body}"
            await exchange.answer(400, speaker.error(400, "Scripted: refused.", None))
            return
        await self._act(name, speaker, exchange)

    async def _act(self, name: str, speaker: Speaker, exchange: Exchange) -> None:
        cell = self.cells[name]
        if cell.case.act == "answers" and exchange.is_stream:
            events = speaker.events(cell.case.reply, exchange.body)
            pieces = list(_pieces(cell.case.raw, speaker, [*events.head, *events.content, *events.end]))
            self.told[name] = b"".join(pieces)
            exchange.start_stream()
            for piece in pieces:
                await _send(exchange, piece)
            await exchange.end_stream()
        else:
            await _act(cell, speaker, exchange)


async def _act(cell: Cell, speaker: Speaker, exchange: Exchange) -> None:
    case = cell.case
    if case.act in ERRORS:
        status, code, message = ERRORS[case.act]
        headers = {"Retry-After": "7"} if status == 429 else {}
        await exchange.answer(status, speaker.error(status, message, code), headers)
    elif case.act == "mute":
        await exchange.pause(None)
    elif exchange.is_stream:
        await _broken(cell, speaker, exchange)
    else:
        await exchange.answer(200, speaker.whole(case.reply, exchange.body))


async def _broken(cell: Cell, speaker: Speaker, exchange: Exchange) -> None:
    case = cell.case
    events = speaker.events(case.reply, exchange.body)
    exchange.start_stream()
    await _send(exchange, b"".join(events.head))
    if not case.act.endswith("0"):
        await _begin(exchange, events.content)
    if case.act.startswith("error"):
        await _send(exchange, speaker.error_event("Scripted: it broke."))
        await exchange.end_stream()
    elif case.act == "stall":
        await exchange.pause(None)
    elif case.act == "ends":
        await exchange.end_stream()
    else:
        exchange.hang_up()


async def _begin(exchange: Exchange, content: list[bytes]) -> None:
    """All up to the first half of the text, which a client must have before the stream breaks."""
    first = next(place for place, event in enumerate(content) if b'"po"' in event)
    await _send(exchange, b"".join(content[: first + 1]))
    await exchange.pause(ARRIVES_S)


def _pieces(raw: str, speaker: Speaker, events: list[bytes]) -> Iterable[bytes]:
    """The same bytes as they may come."""
    whole = b"".join(events)
    match raw:
        case "bytes":
            return (whole[start : start + 7] for start in range(0, len(whole), 7))
        case "crlf":
            return (event.replace(b"\n", b"\r\n") for event in events)
        case "comments":
            return [b": hello\n\n", *(event + b": keep-alive\n\n" for event in events)]
        case "unknown":
            return [events[0], *speaker.unknown(), *events[1:]]
        case "together":
            return [whole]
    return events


async def _send(exchange: Exchange, raw: bytes) -> Any:
    exchange.writer.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
    await exchange.writer.drain()
