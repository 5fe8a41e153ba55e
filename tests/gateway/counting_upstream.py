"""An upstream that counts what it is asked and what runs at the same time: asyncio, on a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from types import TracebackType
from typing import Any

ANSWER = {
    "id": "chatcmpl-counted",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "llama",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "counted"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
REASONS = {200: "OK", 500: "Internal Server Error", 503: "Service Unavailable"}


class CountingUpstream:
    """Answers with `status`; while it is held, requests wait until `release`. Counts are read from any thread."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = self.in_flight = self.most_in_flight = 0
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> CountingUpstream:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    def hold(self) -> None:
        """Requests from now on wait."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def release(self) -> None:
        """Answers those that wait."""
        self._loop.call_soon_threadsafe(self._open.set)

    def forget(self) -> None:
        """As if nobody had asked yet."""
        self.status, self.asked, self.most_in_flight = 200, 0, 0
        self.release()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0))
                writer.write(await self._answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self) -> bytes:
        self.asked, self.in_flight = self.asked + 1, self.in_flight + 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self._open.wait()
        finally:
            self.in_flight -= 1
        said: dict[str, Any] = ANSWER if self.status == 200 else {"error": {"message": "counted"}}
        body = json.dumps(said).encode()
        head = f"HTTP/1.1 {self.status} {REASONS[self.status]}\r\ncontent-type: application/json\r\n"
        return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body
