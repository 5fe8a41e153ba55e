"""A server of many upstreams, each at an address of its own and with a script of its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from tests.conduct.doors import PATHS, SAID, Spoken
from tests.conduct.table import Act, Script
from tests.fakes import Behaviour, CutStream, Drop, Exchange, Hang, Ok, ScriptedUpstream, StalledStream, TruncatedStream


@dataclass(frozen=True)
class Said:
    """An error answer with a code and a message."""

    status: int
    code: str | None = None
    message: str = "Scripted: it failed."
    retry_after: str | None = None

    after_s: float = 0.0

    async def play(self, exchange: Exchange) -> None:
        if self.after_s:
            await exchange.pause(self.after_s)
        error = {"message": self.message, "type": None, "param": None, "code": self.code}
        headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
        await exchange.answer(self.status, {"error": error}, headers)


@dataclass(frozen=True)
class Page:
    """200, and a web page instead of an answer: what a proxy says that has lost its server."""

    async def play(self, exchange: Exchange) -> None:
        page = b"<!doctype html><title>Welcome</title>"
        exchange.head(200, {"Content-Type": "text/html", "Content-Length": str(len(page))})
        exchange.writer.write(page)
        await exchange.writer.drain()


@dataclass(frozen=True)
class Nothing:
    """200, and a body without a byte in it."""

    async def play(self, exchange: Exchange) -> None:
        exchange.head(200, {"Content-Type": "application/json", "Content-Length": "0"})
        await exchange.writer.drain()


@dataclass(frozen=True)
class Moved:
    """A redirect to another upstream, which would answer."""

    status: int

    async def play(self, exchange: Exchange) -> None:
        place = exchange.path.replace("/v1/", "/elsewhere/v1/", 1)
        await exchange.answer(self.status, {"error": {"message": "Scripted: it moved."}}, {"Location": place})


@dataclass(frozen=True)
class Blocked:
    """200, and nothing is left of the answer: a content filter has stopped it."""

    async def play(self, exchange: Exchange) -> None:
        if not exchange.is_stream:
            message = {"role": "assistant", "content": None}
            choice = {"index": 0, "message": message, "finish_reason": "content_filter"}
            usage = {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}
            body = {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}
            await exchange.answer(200, body)
            return
        exchange.start_stream()
        for delta, reason in (({"role": "assistant", "content": ""}, None), ({}, "content_filter")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            await exchange.event(json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]}))
        await exchange.event("[DONE]")
        await exchange.end_stream()


ACTS: dict[str, Callable[[Act], Behaviour]] = {
    "200": lambda act: Ok(),
    "slow": lambda act: Ok(delay_s=act.value or 0.0),
    "429": lambda act: Said(429, retry_after=_retry_after(act)),
    "quota": lambda act: Said(429, "insufficient_quota"),
    "long": lambda act: Said(400, "context_length_exceeded", "Too long."),
    "policy": lambda act: Said(400, "content_policy_violation", "Not allowed."),
    "reset": lambda act: Drop(),
    "hang": lambda act: Hang(),
    "mute": lambda act: StalledStream(3),
    "mute0": lambda act: StalledStream(1),
    "cut": lambda act: CutStream(3),
    "cut0": lambda act: CutStream(1),
    "void": lambda act: TruncatedStream(0),
    "empty": lambda act: Nothing(),
    "page": lambda act: Page(),
    "307": lambda act: Moved(307),
    "blocked": lambda act: Blocked(),
    "late": lambda act: Said(503, after_s=act.value or 0.0),
    "other": lambda act: Ok("something else"),
}


class Upstreams(ScriptedUpstream):
    """All upstreams of all cases, told apart by the path and the model: `/12/A/v1/chat/completions` and `A`."""

    def __init__(self) -> None:
        super().__init__()
        self._scripts: dict[tuple[str, str], Script] = {}
        self._began: dict[str, float] = {}
        self.asked: Counter[tuple[str, str]] = Counter()

    async def start(self) -> None:
        """On the loop of all others, so that they have one clock."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]

    def address(self, place: str) -> str:
        """Where the upstreams of a case (`12/A`) are."""
        return f"http://127.0.0.1:{self._port}/{place}/v1"

    def add(self, case: str, name: str, acts: list[Act]) -> None:
        """One more upstream."""
        self._scripts[case, name] = Script(acts)

    def begin(self, case: str) -> None:
        """The first second of a case."""
        self._began[case] = asyncio.get_running_loop().time()

    async def _play(self, exchange: Exchange) -> None:
        place = exchange.path.split("/")[1], str(exchange.body.get("model"))
        dialect = next((name for name, path in PATHS.items() if exchange.path.endswith(path)), "")
        if place not in self._scripts or not dialect:
            await Said(404).play(exchange)
            return
        self.asked[place] += 1
        act = self._scripts[place].next(asyncio.get_running_loop().time() - self._began[place[0]])
        await _behaviour(dialect, act).play(exchange)


def _behaviour(dialect: str, act: Act) -> Behaviour:
    if dialect == "chat" and act.word in ACTS:
        return ACTS[act.word](act)
    return Spoken(dialect, act.word) if act.word in SAID else Said(int(act.word), retry_after=_retry_after(act))


def _retry_after(act: Act) -> str | None:
    if act.value is None:
        return None
    return formatdate(time.time() + act.value, usegmt=True) if act.is_date else f"{act.value:g}"


def events(text: str) -> list[dict[str, Any]]:
    """The JSON events of a stream."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]
