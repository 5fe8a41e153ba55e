"""The load generator: N connections, each sends its next request when the last one is answered.

A bare protocol, so that it takes little of the machine that it shares with what is measured. Run as
`python -m bench.load '{"port": …, "connections": …, "seconds": …, …}'`, it prints its result as JSON.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import uvloop

from bench.answers import ANSWERS

# A busy machine takes long for the last answers of many connections.
LAST_ANSWERS_S = 60.0
TEXT = "Say a word twenty times, please."
MESSAGES = [{"role": "user", "content": TEXT}]
QUESTIONS: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": MESSAGES},
    "responses": {"input": TEXT},
    "messages": {"messages": MESSAGES, "max_tokens": 100},
}


@dataclass(frozen=True)
class Load:
    """What to send: to an endpoint at `port` on loopback, on `connections`, until `requests` were sent or `seconds` are
    over."""

    port: int
    key: str
    model: str
    is_stream: bool
    connections: int = 16
    seconds: float = 4.0
    requests: int = 1_000_000
    headers: tuple[tuple[str, str], ...] = ()
    endpoint: str = "chat/completions"


@dataclass
class Result:
    """What came back; latencies of good answers only, in milliseconds."""

    seconds: float = 0.0
    answered: int = 0
    failed: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    first_failure: str = ""


@dataclass
class Tally:
    """Shared by the connections of one run."""

    load: Load
    end: float
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    sent: int = 0

    def may_send(self) -> bool:
        return self.sent < self.load.requests and time.perf_counter() < self.end


class Connection(asyncio.Protocol):
    """One client: request, whole answer, next request."""

    def __init__(self, tally: Tally, request: bytes, done: asyncio.Future[None]) -> None:
        self.tally, self.request, self.done = tally, request, done
        self.buffer = bytearray()
        self.needed: int | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._next()

    def _next(self) -> None:
        if not self.tally.may_send():
            self._stop()
            return
        self.tally.sent += 1
        self.buffer.clear()
        self.needed = None
        self.started = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.needed is None and (at := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = bytes(self.buffer[:at]).lower().partition(b"content-length:")[2]
            self.needed = at + 4 + int(length.split(b"\r\n", 1)[0]) if length else -1
        if self.needed is None or len(self.buffer) < self.needed:
            return
        if self.needed == -1 and not self.buffer.endswith(b"0\r\n\r\n"):
            return
        self._answered()

    def _answered(self) -> None:
        took_ms = (time.perf_counter() - self.started) * 1000
        load = self.tally.load
        is_whole = ANSWERS[load.endpoint].ending in self.buffer or not load.is_stream
        if self.buffer.startswith(b"HTTP/1.1 200") and is_whole:
            self.tally.latencies.append(took_ms)
        else:
            self.tally.failures.append(self.buffer[:500].decode("latin-1"))
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.tally.failures.append(f"connection lost: {error}")
            self._stop()

    def _stop(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        self.transport.close()


def request_of(load: Load) -> bytes:
    body = json.dumps({"model": load.model, **QUESTIONS[load.endpoint], "stream": load.is_stream}).encode()
    head = (
        f"POST /v1/{load.endpoint} HTTP/1.1\r\nhost: 127.0.0.1:{load.port}\r\nauthorization: Bearer {load.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    )
    head += "".join(f"{name}: {value}\r\n" for name, value in load.headers) + "\r\n"
    return head.encode() + body


async def run(load: Load) -> Result:
    """Sends the load; bounded by its seconds, and those for the last answers."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    tally = Tally(load, started + load.seconds)
    request = request_of(load)
    ends = [loop.create_future() for _ in range(load.connections)]
    for end in ends:
        await loop.create_connection(partial(Connection, tally, request, end), "127.0.0.1", load.port)
    await asyncio.wait(ends, timeout=load.seconds + LAST_ANSWERS_S)
    return _summary(tally, time.perf_counter() - started)


def _summary(tally: Tally, seconds: float) -> Result:
    latencies = sorted(tally.latencies) or [0.0]
    return Result(
        seconds=seconds,
        answered=len(tally.latencies),
        failed=tally.sent - len(tally.latencies),
        p50_ms=statistics.median(latencies),
        p95_ms=latencies[int(0.95 * (len(latencies) - 1))],
        first_failure=tally.failures[0] if tally.failures else "",
    )


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(run(Load(**json.loads(sys.argv[1])))))))
