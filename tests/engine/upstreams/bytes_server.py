"""An upstream that sends exactly these bytes, over a raw socket."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

LIMIT_S = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True)
class Answer:
    """What follows one request: these bytes, `later` after the client has had them, and whether that is all.

    `again` is sent without end.
    """

    sent: bytes
    ends: bool = True
    later: bytes = b""
    again: bytes = b""


@dataclass
class Bytes:
    """Answers each request with the next of its answers; the last one counts for all that follow."""

    answers: Sequence[Answer]
    connections: int = 0
    requests: int = 0
    sent_again: int = 0
    port: int = 0
    may_send_later: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await _request(reader)
                answer = self.answers[min(self.requests, len(self.answers) - 1)]
                self.requests += 1
                writer.write(answer.sent)
                await writer.drain()
                await self._rest(answer, writer)
                if answer.ends:
                    break
        writer.close()

    async def _rest(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        if answer.later:
            await self.may_send_later.wait()
            writer.write(answer.later)
            await writer.drain()
        while answer.again and not self._stopped.is_set():
            writer.write(answer.again)
            await writer.drain()
            self.sent_again += len(answer.again)
            await asyncio.sleep(0)


async def _request(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


@asynccontextmanager
async def sending(*answers: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Bytes, str]]:
    """The server and its address; ended within the limit."""
    script = Bytes(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=tls)
    script.port = server.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(LIMIT_S):
            yield script, f"http{'s' if tls else ''}://127.0.0.1:{script.port}/v1"
    finally:
        script._stopped.set()
        script.may_send_later.set()
        server.close()
