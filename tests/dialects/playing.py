"""A dialect on a real socket: its answers, cuts and errors."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field

from tests.dialects.said import Dialect, Said
from tests.fakes import Exchange

SAID = Said()
# The first content is to be on its way when the stream breaks: what comes together is read together.
ARRIVES_S = 0.1


@dataclass(frozen=True)
class Speaks:
    """An answer, plain or streamed as asked. `cut` ends the body properly, `drop` breaks the connection, `stall` falls
    silent, `error` tells an error: each after so many events; `pause_s` waits once after the first content."""

    dialect: Dialect
    said: Said = SAID
    cut: int | None = None
    stall: int | None = None
    error: int | None = None
    pause_s: float = 0.0
    drops: bool = False
    lingers: bool = False

    @property
    def _breaks(self) -> bool:
        return self.cut is not None or self.error is not None

    async def play(self, exchange: Exchange) -> None:
        if not self.dialect.is_stream(exchange.path, exchange.body):
            await exchange.answer(200, self.dialect.whole(self.said))
            return
        exchange.head(200, {"Content-Type": self.dialect.content_type, "Transfer-Encoding": "chunked"})
        await self._stream(exchange)

    async def _stream(self, exchange: Exchange) -> None:
        events = self.dialect.events(self.said)
        first = len(events.head)
        for place, event in enumerate([*events.head, *events.content, *events.end]):
            if place == self.stall:
                await exchange.pause(None)
            if place == self.error:
                await send(exchange, self.dialect.error_event("scripted trouble"))
            if place in (self.cut, self.error):
                break
            await send(exchange, event)
            if place == first and (pause_s := self.pause_s or (self._breaks and ARRIVES_S)):
                await exchange.pause(pause_s)
        if self.drops:
            exchange.hang_up()
            return
        if self.lingers:
            await exchange.pause(None)
        await exchange.end_stream()


@dataclass(frozen=True)
class Raw:
    """A stream of these events."""

    content_type: str
    events: tuple[bytes, ...]

    async def play(self, exchange: Exchange) -> None:
        exchange.head(200, {"Content-Type": self.content_type, "Transfer-Encoding": "chunked"})
        for event in self.events:
            await send(exchange, event)
        await exchange.end_stream()


@dataclass(frozen=True)
class Refuses:
    """An error answer in the dialect's shape."""

    dialect: Dialect
    status: int
    message: str = "scripted trouble"
    headers: dict[str, str] = field(default_factory=dict)
    is_packed: bool = False

    async def play(self, exchange: Exchange) -> None:
        error = self.dialect.error(self.status, self.message)
        if not self.is_packed:
            await exchange.answer(self.status, error, self.headers)
            return
        raw = gzip.compress(json.dumps(error).encode())
        kind = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Content-Length": str(len(raw))}
        exchange.head(self.status, kind | self.headers)
        exchange.writer.write(raw)
        await exchange.writer.drain()


async def send(exchange: Exchange, raw: bytes) -> None:
    """One piece of a chunked body."""
    exchange.writer.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
    await exchange.writer.drain()
