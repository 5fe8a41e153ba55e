"""Upstreams that answer slowly, fail, fall silent and are full, over real HTTP.

`python -m bench.fidelity.upstream PORT`. It knows nothing of the engine, and nothing of it is imported here. Its random
numbers are the system's: nobody can repeat them. Each upstream is a place with an address of its own,
`POST /PLACE/v1/chat/completions`.

`PUT /places/PLACE` describes one (`Place`), `POST /begin` `[PLACE, …]` starts the clocks of their troubles.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import uvicorn

CHANCE = random.SystemRandom()
# Tokens in one event of a stream.
EVENT_TOKENS = 5
FULL_AFTER_S = 0.03
HANGS_S = 3600.0


class Gone(Exception):
    """The caller waits no more."""


@dataclass
class Place:
    """One upstream.

    Milliseconds to the first token are `first_ms`, by chance `spread` times as much (on average) on top, and in a
    share of `rare` answers `rare_ms` more; reading a token of the prompt takes `read_ms`, writing one `write_ms`, by
    chance up to `uneven` of it more or less. `slots` are served at a time, `queue` more wait, those beyond get 429.
    Beyond `tokens_per_s` of all of its answers together, all are slowed down. A prompt of more than `context` words is
    refused. `holds`: no answer before so many requests have come.

    `troubles` are `{"does", "share"?, "from_s"?, "until_s"?, …}`; the first that strikes is what happens.
    """

    first_ms: float = 100.0
    spread: float = 0.3
    rare: float = 0.0
    rare_ms: float = 0.0
    read_ms: float = 0.0
    write_ms: float = 5.0
    uneven: float = 0.2
    slots: int | None = None
    queue: int = 0
    tokens_per_s: float | None = None
    context: int | None = None
    holds: int = 0
    troubles: list[dict[str, Any]] = field(default_factory=list)
    began_s: float | None = None
    serving: int = 0
    writing: int = 0
    asked: int = 0

    def __post_init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.held = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether one more has to wait for a slot."""
        return self.slots is not None and self.serving >= self.slots

    def left(self) -> None:
        """A slot is free: the next one's that still waits."""
        while self.waiting:
            if not (turn := self.waiting.popleft()).done():
                turn.set_result(None)
                return
        self.serving -= 1

    def begin(self) -> None:
        """Its troubles begin now."""
        self.began_s, self.asked = time.monotonic(), 0
        self.held = asyncio.Event()

    def trouble(self, kinds: tuple[str, ...]) -> dict[str, Any] | None:
        """The first of these kinds that strikes a request which comes now."""
        if self.began_s is None:
            return None
        at_s = time.monotonic() - self.began_s
        return next((one for one in self.troubles if one["does"] in kinds and _strikes(one, at_s)), None)

    def first_s(self, read: int) -> float:
        """A draw of the time to the first token."""
        slow = CHANCE.gammavariate(2.0, self.first_ms * self.spread / 2) if self.spread else 0.0
        rare = self.rare_ms if CHANCE.random() < self.rare else 0.0
        return (self.first_ms + slow + rare + read * self.read_ms) / 1000

    def token_s(self) -> float:
        """A draw of the time for one token of an answer."""
        return self.write_ms * (1 + self.uneven * (2 * CHANCE.random() - 1)) / 1000

    def crowded(self, token_s: float) -> float:
        """How many times as long a token takes, so many answers being written."""
        if self.tokens_per_s is None:
            return 1.0
        return max(1.0, self.writing / token_s / self.tokens_per_s)


def _strikes(one: dict[str, Any], at_s: float) -> bool:
    if not one.get("from_s", 0.0) <= at_s < one.get("until_s", float("inf")):
        return False
    if "period_s" in one and (at_s - one.get("from_s", 0.0)) % one["period_s"] >= one["down_s"]:
        return False
    return CHANCE.random() < one.get("share", 1.0)


PLACES: dict[str, Place] = {}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    body, path = await _body(receive), scope["path"].strip("/").split("/")
    if scope["method"] == "POST" and len(path) > 1:
        await _Answer(PLACES[path[0]], json.loads(body), receive, send).give()
    elif scope["method"] == "PUT":
        PLACES[path[1]] = Place(**json.loads(body))
        await _say(send, 200, {})
    elif path[0] == "begin":
        for name in json.loads(body):
            PLACES[name].begin()
        await _say(send, 200, {})
    else:
        await _say(send, 200, {"data": []})


class _Answer:
    """One request to one place."""

    def __init__(self, place: Place, asked: dict[str, Any], receive: Any, send: Any) -> None:
        self._place, self._asked, self._send = place, asked, send
        self._gone = asyncio.create_task(_leaves(receive))
        self._now = time.monotonic()
        texts = (message["content"] for message in asked["messages"])
        self._read = sum(len(text.split()) for text in texts if isinstance(text, str))
        self._write = asked.get("max_tokens") or asked.get("max_completion_tokens") or 20

    async def give(self) -> None:
        """The answer, until the caller leaves."""
        try:
            await self._given()
        except Gone:
            return
        finally:
            self._gone.cancel()

    async def _given(self) -> None:
        place = self._place
        place.asked += 1
        if place.holds and place.asked >= place.holds:
            place.held.set()
        if (trouble := place.trouble(("status", "hang"))) is not None:
            await self._refuse(trouble)
        elif place.context is not None and self._read > place.context:
            error = {"message": "Too long.", "code": "context_length_exceeded"}
            await self._wait(place.first_ms / 4000)
            await _say(self._send, 400, {"error": error})
        elif place.is_full and len(place.waiting) >= place.queue:
            await self._wait(FULL_AFTER_S)
            await _say(self._send, 429, {"error": {"message": "No slot is free."}})
        else:
            await self._serve()

    async def _refuse(self, trouble: dict[str, Any]) -> None:
        await self._wait(HANGS_S if trouble["does"] == "hang" else trouble.get("after_ms", 40.0) / 1000)
        headers = {"retry-after": str(trouble["retry_after_s"])} if "retry_after_s" in trouble else {}
        await _say(self._send, trouble["status"], {"error": {"message": "Not now."}}, headers)

    async def _serve(self) -> None:
        place = self._place
        if place.is_full:
            await self._queue()
        else:
            place.serving += 1
        self._now = time.monotonic()
        try:
            if place.holds:
                await self._unless_gone(place.held.wait())
            await self._write_it()
        finally:
            place.left()

    async def _queue(self) -> None:
        """Until a slot is its own."""
        turn = asyncio.get_running_loop().create_future()
        self._place.waiting.append(turn)
        await asyncio.wait({turn, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if not turn.done():
            self._place.waiting.remove(turn)
            raise Gone

    async def _write_it(self) -> None:
        place, factor = self._place, 1.0
        if (slow := place.trouble(("slow",))) is not None:
            factor = slow["factor"]
        token_s = place.token_s() * factor
        await self._wait(place.first_s(self._read) * factor)
        place.writing += 1
        try:
            if self._asked.get("stream"):
                await self._stream(token_s)
            else:
                await self._tokens(self._write, token_s)
                await _say(self._send, 200, self._whole())
        finally:
            place.writing -= 1

    async def _stream(self, token_s: float) -> None:
        trouble = self._place.trouble(("cut", "stall"))
        ends_at = self._write if trouble is None else round(self._write * trouble.get("after_share", 0.5))
        headers = [(b"content-type", b"text/event-stream")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        written = 0
        while True:
            count = min(EVENT_TOKENS, ends_at - written)
            await self._event({"choices": [{"index": 0, "delta": {"content": "word " * count}}]})
            written += count
            if written >= ends_at:
                break
            await self._tokens(min(EVENT_TOKENS, ends_at - written), token_s)
        if trouble is not None:
            await self._wait(HANGS_S if trouble["does"] == "stall" else 0.0)
            raise ConnectionResetError("cut")
        await self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        await self._event({"choices": [], "usage": self._usage()})
        await self._send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    async def _event(self, what: dict[str, Any]) -> None:
        data = {"id": "x", "object": "chat.completion.chunk", "model": self._asked["model"], **what}
        line = b"data: " + json.dumps(data).encode() + b"\n\n"
        await self._send({"type": "http.response.body", "body": line, "more_body": True})

    async def _tokens(self, count: int, token_s: float) -> None:
        """Writes so many; where others are written too, in steps, because they come and go."""
        if self._place.tokens_per_s is None:
            await self._wait(count * token_s)
            return
        for at in range(0, count, EVENT_TOKENS):
            await self._wait(min(EVENT_TOKENS, count - at) * token_s * self._place.crowded(token_s))

    async def _wait(self, seconds: float) -> None:
        """Until so long after the last wait, so that being late does not add up."""
        self._now += seconds
        if (left_s := self._now - time.monotonic()) > 0:
            done, _ = await asyncio.wait({self._gone}, timeout=left_s)
            if done:
                raise Gone

    async def _unless_gone(self, what: Any) -> None:
        task = asyncio.ensure_future(what)
        await asyncio.wait({task, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            raise Gone

    def _usage(self) -> dict[str, int]:
        total = self._read + self._write
        return {"prompt_tokens": self._read, "completion_tokens": self._write, "total_tokens": total}

    def _whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": "word " * self._write}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": self._asked["model"]}
        return {**head, "choices": [choice], "usage": self._usage()}


async def _leaves(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _say(send: Any, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    told = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    head = [(b"content-type", b"application/json"), *told]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="critical", timeout_keep_alive=75)
