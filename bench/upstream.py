"""A fast OpenAI-compatible upstream: a bare protocol with prepared answers, far cheaper than what is measured.

A stream is 20 chunks, 1 ms apart, so that a gateway sees them one by one as with a real provider.
Run it as `python -m bench.upstream PORT`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvloop

CHUNKS = 20
PAUSE_S = 0.001
ENVELOPE = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "bench"}
USAGE = {"prompt_tokens": 9, "completion_tokens": CHUNKS, "total_tokens": 9 + CHUNKS}


def _plain() -> bytes:
    message = {"role": "assistant", "content": "word " * CHUNKS}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({**ENVELOPE, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _event(data: str) -> bytes:
    event = f"data: {data}\n\n".encode()
    return f"{len(event):x}\r\n".encode() + event + b"\r\n"


def _chunk(delta: dict[str, str], reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return _event(json.dumps({**ENVELOPE, "object": "chat.completion.chunk", "choices": [choice], **more}))


PLAIN = _plain()
READY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM = [
    STREAM_HEAD + _chunk({"role": "assistant", "content": ""}),
    *(_chunk({"content": "word "}) for _ in range(CHUNKS - 2)),
    _chunk({}, "stop", usage=USAGE) + _event("[DONE]") + b"0\r\n\r\n",
]


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
        elif b'"stream":true' in body or b'"stream": true' in body:
            self._send_chunk(0)
        else:
            self.transport.write(PLAIN)

    def _send_chunk(self, number: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(STREAM[number])
        if number + 1 < len(STREAM):
            self.loop.call_later(PAUSE_S, self._send_chunk, number + 1)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
