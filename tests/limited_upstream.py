"""An upstream with finite capacity, as a program of its own: it knows nothing of rehearsals.

    python -m tests.limited_upstream PORT

`PUT /PLACE` `{slots?, queue?, out?: [from_s, until_s], answer_s: [shortest, longest], tokens_per_s?}` makes a place;
`POST /begin` starts the clock of its outages. `POST /PLACE/v1/chat/completions` is answered after a time of its own;
beyond its slots and its queue with 429. Its random numbers are nobody's.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvicorn


@dataclass
class Place:
    """One upstream: what it can take, and who is there."""

    answer_s: tuple[float, float]
    slots: int | None = None
    queue: int = 0
    out: tuple[float, float] = (0.0, 0.0)
    tokens_per_s: float | None = None
    waiting: int = 0
    free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.free = asyncio.Semaphore(self.slots or 100_000)

    async def status(self, at_s: float) -> tuple[int, int]:
        """Answers with so many tokens, or says why not."""
        if self.out[0] <= at_s < self.out[1]:
            await asyncio.sleep(0.1)
            return 503, 0
        if self.free.locked() and self.waiting >= self.queue:
            await asyncio.sleep(0.1)
            return 429, 0
        self.waiting += 1
        try:
            await self.free.acquire()
        finally:
            self.waiting -= 1
        try:
            takes_s = random.uniform(*self.answer_s)
            await asyncio.sleep(takes_s)
            return 200, 10 if self.tokens_per_s is None else round(takes_s * self.tokens_per_s)
        finally:
            self.free.release()


PLACES: dict[str, Place] = {}
BEGAN = [0.0]
ANSWER = {"role": "assistant", "content": "ok"}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    body, name = await _body(receive), scope["path"].split("/")[1]
    if scope["method"] == "PUT":
        PLACES[name] = Place(**json.loads(body))
        await _answer(send, 200, {})
    elif name == "begin":
        BEGAN[0] = time.monotonic()
        await _answer(send, 200, {})
    elif scope["method"] == "POST":
        await _serve(PLACES[name], receive, send)
    else:
        await _answer(send, 200, {"data": []})


async def _serve(place: Place, receive: Any, send: Any) -> None:
    """Answers unless its client leaves before."""
    work = asyncio.create_task(place.status(time.monotonic() - BEGAN[0]))
    gone = asyncio.create_task(receive())
    await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not work.done():
        work.cancel()
        return
    status, tokens = work.result()
    if status != 200:
        await _answer(send, status, {"error": {"message": "Not now."}})
        return
    usage = {"prompt_tokens": 100, "completion_tokens": tokens, "total_tokens": 100 + tokens}
    choice = {"index": 0, "message": ANSWER, "finish_reason": "stop"}
    await _answer(send, 200, {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Any, status: int, content: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
