"""The callers: requests over real sockets, in real time, and what they saw."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bench.fidelity.cases import ORDERED, Case
from bench.fidelity.stage import EVEN, EVEN_MS, Built, World, places_of
from bench.fidelity.verdicts import SHARE, quantile
from engine.outcomes import ABOUT_THE_REQUEST
from tests.servers import MASTER_KEY, Console

# Calls at a time: to measure one upstream, and all of them.
FEW, MANY = 2, 24
SETTLES_S = 60.0
QUANTILES = {"p50": 0.5, "p95": 0.95}
MINUTE_S = 60.0
LATEST_S = 1.5
LOOKS_EVERY_S = 0.4
HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}
PATIENCE = aiohttp.ClientTimeout(total=300)


@dataclass
class Call:
    """One request of a caller."""

    status: int = 0
    is_whole: bool = False
    served_by: str = ""
    took_ms: float = 0.0
    first_token_ms: float | None = None
    fallbacks: int = 0
    error: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether it got all of its answer."""
        return self.status == 200 and self.is_whole


@dataclass
class Played:
    """One live run of a case: its numbers by name, and what gateway and machine added to an answer then (`noise`)."""

    numbers: dict[str, float]
    noise: dict[str, float]
    total: int
    errors: dict[str, int] = field(default_factory=dict)


def body_of(model: str, prompt: int, answer: int, *, is_stream: bool) -> dict[str, Any]:
    """A chat with a prompt of so many words."""
    messages = [{"role": "user", "content": "word " * prompt}]
    return {"model": model, "messages": messages, "max_tokens": answer, "stream": is_stream}


async def measure(ours: Console, cases: Iterable[tuple[Case, Built]]) -> None:
    """The first calls through the gateway, to each upstream alone: they fill the request log."""
    gate = asyncio.Semaphore(MANY)
    async with aiohttp.ClientSession(headers=HEADERS, timeout=PATIENCE, connector=_connections()) as client:
        await asyncio.gather(
            *(
                _measure_one(client, ours, case, address, gate)
                for case, built in cases
                for address in built.addresses.values()
            )
        )


async def _measure_one(
    client: aiohttp.ClientSession, ours: Console, case: Case, address: str, gate: asyncio.Semaphore
) -> None:
    few, rng = asyncio.Semaphore(FEW), random.Random(address)
    sizes = [rng.choice(case.arrivals)[1:] for _ in range(case.calls)]

    async def one(prompt: int, answer: int) -> None:
        async with few, gate:
            body = body_of(address, prompt, answer, is_stream=case.traffic.is_stream)
            await _ask(client, ours, body, Call())

    await asyncio.gather(*(one(*size) for size in sizes))


async def play(consoles: Sequence[Console], world: World, cases: Sequence[tuple[Case, Built]]) -> list[Played]:
    """One live run of each of these cases, side by side: they share nothing but the machine."""
    await _next_minute(cases)
    began, added = datetime.now(UTC), list[float]()
    watch = asyncio.create_task(_watch(consoles, added))
    calls = await asyncio.gather(*(_play(consoles, world, *one) for one in cases))
    watch.cancel()
    found = []
    for (case, built), made in zip(cases, calls, strict=True):
        lines = await asyncio.to_thread(_recorded, consoles[0], built, began, len(made))
        found.append(_played(case, built, made, lines, added))
    return found


async def _watch(consoles: Sequence[Console], added: list[float]) -> None:
    """Asks an upstream that always takes the same time: what is on top of that, gateway and machine have added."""
    async with aiohttp.ClientSession(headers=HEADERS, timeout=PATIENCE, connector=_connections()) as client:
        while True:
            call = await _ask(client, random.choice(consoles), body_of(EVEN, 1, 1, is_stream=False), Call())
            if call.is_answered:
                added.append(call.took_ms - EVEN_MS)
            await asyncio.sleep(LOOKS_EVERY_S)


async def _next_minute(cases: Sequence[tuple[Case, Built]]) -> None:
    """Waits for the first second of a minute where limits a minute decide: a rehearsal begins there.

    Processes that count together do it by the clock of their store, others by their own.
    """
    if not any(case.is_by_minute for case, _ in cases):
        return
    now = time.time if any(case.is_shared for case, _ in cases) else time.monotonic
    if not 0.1 <= now() % MINUTE_S <= LATEST_S:
        await asyncio.sleep(MINUTE_S - now() % MINUTE_S + 0.1)


async def _play(consoles: Sequence[Console], world: World, case: Case, built: Built) -> list[Call]:
    async with aiohttp.ClientSession(headers=HEADERS, timeout=PATIENCE, connector=_connections()) as client:
        await asyncio.to_thread(world.begin, places_of(case))
        began, tasks = time.monotonic(), []
        for at_s, prompt, answer in case.arrivals:
            if (wait_s := began + at_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            body = body_of(built.group, prompt, answer, is_stream=case.traffic.is_stream)
            # As before any load balancer: whichever.
            tasks.append(asyncio.create_task(_ask(client, random.choice(consoles), body, Call())))
        return list(await asyncio.gather(*tasks))


async def _ask(client: aiohttp.ClientSession, ours: Console, body: dict[str, Any], call: Call) -> Call:
    began = time.monotonic()
    try:
        async with client.post(f"{ours.url}/v1/chat/completions", json=body) as answer:
            call.status = answer.status
            call.served_by = answer.headers.get("x-litellm-model-id", "")
            call.fallbacks = int(answer.headers.get("x-litellm-attempted-fallbacks") or 0)
            if body["stream"] and answer.status == 200:
                await _read_stream(answer, call, began)
            else:
                text = await answer.read()
                call.is_whole, call.error = answer.status == 200, _code(text) if answer.status != 200 else ""
    except aiohttp.ClientError as error:
        call.error = type(error).__name__
    call.took_ms = (time.monotonic() - began) * 1000
    return call


async def _read_stream(answer: aiohttp.ClientResponse, call: Call, began: float) -> None:
    async for line in answer.content:
        if line.startswith(b"data: [DONE]"):
            call.is_whole = not call.error
        elif line.startswith(b'data: {"error"'):
            call.error = _code(line.removeprefix(b"data: "))
        elif (
            line.startswith(b"data: ") and call.first_token_ms is None and b'"content":"word' in line.replace(b" ", b"")
        ):
            call.first_token_ms = (time.monotonic() - began) * 1000


def _code(text: bytes) -> str:
    try:
        error = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return "unreadable"
    return str(error.get("code") or error.get("type"))


def _connections() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=30)


def _recorded(ours: Console, built: Built, began: datetime, count: int) -> list[dict[str, Any]]:
    """The gateway's own record of who was asked; waits until all requests are in it."""
    deadline = time.monotonic() + SETTLES_S
    while True:
        period = {"from": _moment(began), "until": _moment(datetime.now(UTC))}
        path = f"/v1/routing_group/{built.group_id}/traffic?{urlencode(period)}"
        lines = [json.loads(line) for line in ours.send("GET", path).text.splitlines()]
        if len(lines) >= count or time.monotonic() > deadline:
            return lines
        time.sleep(0.5)


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _fell_back(case: Case, built: Built, calls: Sequence[Call], lines: Sequence[dict[str, Any]]) -> int:
    """How many left their first tier; a deployment that was asked beside a slow one is none that was moved to."""
    if "hedge" in case.settings:
        return sum(call.fallbacks > 0 for call in calls)
    first = _first_tier(case, built)
    return sum(any(one["deployment_id"] not in first for one in line["attempts"]) for line in lines)


def _first_tier(case: Case, built: Built) -> set[str]:
    own = [place for place in case.places if not place.group]
    lowest = min((place.row.get("priority", 1) for place in own), default=1) if case.strategy == ORDERED else None
    return {built.models[p.name] for p in own if lowest is None or p.row.get("priority", 1) == lowest}


def _served(case: Case, calls: Sequence[Call], lines: Sequence[dict[str, Any]]) -> Counter[str]:
    """Answers by deployment. The headers of a stream that was rescued name the one that began it."""
    if case.settings.get("rescue") != "auto":
        return Counter(call.served_by for call in calls)
    return Counter(line["attempts"][-1]["deployment_id"] for line in lines if line["outcome"] == "answered")


def _played(
    case: Case, built: Built, calls: Sequence[Call], lines: Sequence[dict[str, Any]], added: Sequence[float]
) -> Played:
    answered = [call for call in calls if call.is_answered]
    refused = sum(call.status in ABOUT_THE_REQUEST for call in calls)
    served = _served(case, answered, lines)
    names = {model: name for name, model in built.models.items()}
    numbers = {SHARE + name: served[model] / served.total() for model, name in names.items()} if answered else {}
    if len(calls) > refused:
        numbers["success"] = len(answered) / (len(calls) - refused)
    numbers["fell back"] = _fell_back(case, built, calls, lines) / len(calls)
    took = [call.took_ms for call in answered]
    if took:
        numbers |= {name: quantile(took, share) for name, share in QUANTILES.items()}
    if first := [call.first_token_ms for call in answered if call.first_token_ms is not None]:
        numbers |= {f"first {name}": quantile(first, share) for name, share in QUANTILES.items()}
    noise = {name: quantile(added, share) for name, share in QUANTILES.items()} if added else {}
    noise |= {f"first {name}": added_ms for name, added_ms in noise.items()}  # it comes before the first token
    errors = Counter(f"{call.status} {call.error}" for call in calls if not call.is_answered)
    return Played(numbers, noise, len(calls), dict(errors.most_common()))
