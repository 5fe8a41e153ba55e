"""A process with the gateway, its upstreams and its clients, which runs cases of the table and writes what they saw.

    python -m tests.conduct.served names.json seen.json

Everything goes over real sockets; only the clock is not the machine's (`patience.py`). All cases run at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn
from django.db.transaction import atomic

import routing_console.asgi  # first: it sets Django up
from gateway.live import start
from tests.conduct.live import MINUTE_S, Answered, Case, Live
from tests.conduct.patience import PatientLoop
from tests.conduct.rows import CASES, IDS
from tests.conduct.stories import STORIES, Story, Told
from tests.conduct.table import Row, Shape
from tests.conduct.twins import SEED, SLOT_S, TWINS, Twin, way_of
from tests.conduct.upstream import Upstreams
from tests.servers import free_port

ROWS_BY_NAME = dict(zip(IDS, CASES, strict=True))
STORIES_BY_NAME = {story.name: story for story in STORIES}
TWINS_BY_NAME = {twin.name: twin for twin in TWINS}


def run(names: list[str]) -> dict[str, Any]:
    """What the requests of these rows and stories saw, as JSON; an error is {"error": "what"}."""
    port = free_port()
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        upstreams = runner.run(_started(Upstreams()))
        live = Live(f"http://127.0.0.1:{port}", upstreams)
        cases = {name: Case(live, number, *_setting(name)) for number, name in enumerate(names)}
        with atomic():
            for case in cases.values():
                case.store()
        return runner.run(_all(live, port, cases))


def _setting(name: str) -> tuple[Shape, str]:
    one = STORIES_BY_NAME.get(name) or TWINS_BY_NAME.get(name) or ROWS_BY_NAME[name][0]
    return one.shape, one.upstreams


async def _started(upstreams: Upstreams) -> Upstreams:
    await upstreams.start()
    return upstreams


async def _all(live: Live, port: int, cases: dict[str, Case]) -> dict[str, Any]:
    together = {name: case for name, case in cases.items() if name not in TWINS_BY_NAME}
    async with _gateway(port), live.client:
        # Limits are counted by the minute: all begin with one.
        await _next(MINUTE_S)
        found = dict(zip(together, await asyncio.gather(*map(_caught, map(_case, together.items()))), strict=True))
        await _next(MINUTE_S)
        for name in [name for name in cases if name in TWINS_BY_NAME]:
            await _next(SLOT_S)
            found[name] = await _caught(_twin(cases[name], TWINS_BY_NAME[name]))
        return found


async def _next(seconds: float) -> None:
    """Waits until the clock has a multiple of so many."""
    await asyncio.sleep(seconds - asyncio.get_running_loop().time() % seconds)


class _Server(uvicorn.Server):
    """Says when it is ready."""

    ready: asyncio.Event

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def _gateway(port: int) -> AsyncIterator[None]:
    config = uvicorn.Config(
        routing_console.asgi.application, port=port, access_log=False, timeout_keep_alive=3600, lifespan="on"
    )
    server = _Server(config)
    server.ready = asyncio.Event()
    serving = asyncio.create_task(server.serve())
    await server.ready.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def _caught(work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    try:
        return await work
    except Exception:
        return {"error": traceback.format_exc()}


def _case(about: tuple[str, Case]) -> Awaitable[dict[str, Any]]:
    name, case = about
    return _story(case, STORIES_BY_NAME[name]) if name in STORIES_BY_NAME else _row(case, *ROWS_BY_NAME[name])


async def _row(case: Case, row: Row, is_stream: bool) -> dict[str, Any]:
    case.begin()
    now = asyncio.get_running_loop().time
    began = now()
    for number in range(row.before):
        await asyncio.sleep(began + number * row.every_s - now())
        await case.ask(is_stream=is_stream, group=row.via)
    await asyncio.sleep(began + row.before * row.every_s + row.pause_s - now())
    return asdict(await case.seen(await case.ask(is_stream=is_stream)))


async def _story(case: Case, story: Story) -> dict[str, Any]:
    case.begin()

    async def one(at_s: float) -> Told:
        await asyncio.sleep(at_s)
        return case.told(await case.ask(), at_s)

    told = await asyncio.gather(*(one(at_s) for at_s in story.at_s))
    return {"told": [asdict(one) for one in told], "asked": case.counts}


async def _twin(case: Case, twin: Twin) -> dict[str, Any]:
    case.begin()
    gateway = await start()
    gateway.routing._rng.seed(f"{SEED}:routing")  # as a rehearsal's

    async def one(at_s: float) -> Answered:
        await asyncio.sleep(at_s)
        return await case.ask(is_stream=twin.is_stream)

    answers = await asyncio.gather(*(one(at_s) for at_s in twin.at_s))
    return {"ways": [way_of(await case.seen(answer)) for answer in answers]}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(run(json.loads(Path(sys.argv[1]).read_text()))))
