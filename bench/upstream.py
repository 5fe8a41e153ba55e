"""A fast upstream of any dialect: a bare protocol with prepared answers, far cheaper than what is measured.

A stream is 20 writes, 1 ms apart, so that a gateway sees them one by one as with a real provider.
Run it as `python -m bench.upstream PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from bench.answers import ANSWERS

PAUSE_S = 0.001
READY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection: answers each request as soon as its body is complete."""

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.loop = transport, asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.buffer = b""
        if head.startswith(b"GET"):
            self.transport.write(READY)
            return
        answers = ANSWERS[_path(head)]
        if b'"stream":true' in body or b'"stream": true' in body:
            self._send(answers.stream, 0)
        else:
            self.transport.write(answers.plain)

    def _send(self, stream: list[bytes], number: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(stream[number])
        if number + 1 < len(stream):
            self.loop.call_later(PAUSE_S, self._send, stream, number + 1)


def _path(head: bytes) -> str:
    """The path of a request after `/v1/`."""
    return head.split(b" ", 2)[1].decode().partition("?")[0].removeprefix("/v1/")


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
