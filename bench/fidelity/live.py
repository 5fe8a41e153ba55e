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

import aiohttp

from bench.fidelity.cases import ORDERED, Case
from bench.fidelity.stage import Built, World, places_of
from bench.fidelity.verdicts import SHARE, quantile
from engine.outcomes import ABOUT_THE_REQUEST
from tests.servers import MASTER_KEY, Console

# Calls at a time: to measure one upstream, and all of them.
FEW, MANY = 2, 24
SETTLES_S = 60.0
MINUTE_S = 60.0
LATEST_S = 1.5
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
    late_ms: float = 0.0
    overhead_ms: float = 0.0
    error: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether it got all of its answer."""
        return self.status == 200 and self.is_whole


@dataclass
class Played:
    """One live run of a case: its numbers by name, and by how much the machine was late (`noise`)."""

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
    world.late_ms()
    began = datetime.now(UTC)
    calls = await asyncio.gather(*(_play(consoles, world, *one) for one in cases))
    ended, late = datetime.now(UTC), world.late_ms()
    found = []
    for (case, built), made in zip(cases, calls, strict=True):
        fell_back = await asyncio.to_thread(_fell_back, consoles[0], case, built, began, ended, len(made))
        found.append(_played(built, made, fell_back, late))
    return found


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
            call = Call(late_ms=(time.monotonic() - began - at_s) * 1000)
            body = body_of(built.group, prompt, answer, is_stream=case.traffic.is_stream)
            # As before any load balancer: whichever.
            tasks.append(asyncio.create_task(_ask(client, random.choice(consoles), body, call)))
        return list(await asyncio.gather(*tasks))


async def _ask(client: aiohttp.ClientSession, ours: Console, body: dict[str, Any], call: Call) -> Call:
    began = time.monotonic()
    try:
        async with client.post(f"{ours.url}/v1/chat/completions", json=body) as answer:
            call.status = answer.status
            call.served_by = answer.headers.get("x-litellm-model-id", "")
            call.overhead_ms = float(answer.headers.get("x-litellm-overhead-duration-ms") or 0.0)
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


def _fell_back(ours: Console, case: Case, built: Built, began: datetime, ended: datetime, count: int) -> int:
    """How many left their first tier, by the gateway's own record of who was asked; waits until all are in it."""
    deadline = time.monotonic() + SETTLES_S
    path = f"/v1/routing_group/{built.group_id}/traffic"
    while True:
        until = datetime.now(UTC)
        query = "&".join(
            f"{name}={at.isoformat().replace('+00:00', 'Z')}" for name, at in (("from", began), ("until", until))
        )
        lines = [json.loads(line) for line in ours.send("GET", f"{path}?{query}").text.splitlines()]
        if len(lines) >= count or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    first = _first_tier(case, built)
    return sum(any(one["deployment_id"] not in first for one in line["attempts"]) for line in lines)


def _first_tier(case: Case, built: Built) -> set[str]:
    own = [place for place in case.places if not place.group]
    lowest = min((place.row.get("priority", 1) for place in own), default=1) if case.strategy == ORDERED else None
    return {built.models[p.name] for p in own if lowest is None or p.row.get("priority", 1) == lowest}


def _played(built: Built, calls: Sequence[Call], fell_back: int, late: Sequence[float]) -> Played:
    answered = [call for call in calls if call.is_answered]
    refused = sum(call.status in ABOUT_THE_REQUEST for call in calls)
    served = Counter(call.served_by for call in answered)
    names = {model: name for name, model in built.models.items()}
    numbers = {SHARE + name: served[model] / len(answered) for model, name in names.items()} if answered else {}
    if len(calls) > refused:
        numbers["success"] = len(answered) / (len(calls) - refused)
    numbers["fell back"] = fell_back / len(calls)
    took = [call.took_ms for call in answered]
    noise = {}
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        if took:
            numbers[name] = quantile(took, share)
            parts = ([c.overhead_ms for c in answered], [c.late_ms for c in calls], late or [0.0])
            noise[name] = sum(quantile(part, share) for part in parts)
    errors = Counter(f"{call.status} {call.error}" for call in calls if not call.is_answered)
    return Played(numbers, noise, len(calls), dict(errors.most_common()))
