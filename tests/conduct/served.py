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

from routing_console.asgi import application
from tests.conduct.live import MINUTE_S, Case, Live
from tests.conduct.patience import PatientLoop
from tests.conduct.rows import CASES, IDS
from tests.conduct.stories import STORIES, Story, Told
from tests.conduct.table import Row, Shape
from tests.conduct.upstream import Upstreams
from tests.servers import free_port

ROWS_BY_NAME = dict(zip(IDS, CASES, strict=True))
STORIES_BY_NAME = {story.name: story for story in STORIES}


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
    one = STORIES_BY_NAME[name] if name in STORIES_BY_NAME else ROWS_BY_NAME[name][0]
    return one.shape, one.upstreams


async def _started(upstreams: Upstreams) -> Upstreams:
    await upstreams.start()
    return upstreams


async def _all(live: Live, port: int, cases: dict[str, Case]) -> dict[str, Any]:
    async with _gateway(port), live.client:
        # Limits are counted by the minute: all begin with one.
        await asyncio.sleep(MINUTE_S - asyncio.get_running_loop().time() % MINUTE_S)
        return dict(zip(cases, await asyncio.gather(*(_caught(_case(*one)) for one in cases.items())), strict=True))


class _Server(uvicorn.Server):
    """Says when it is ready."""

    ready: asyncio.Event

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def _gateway(port: int) -> AsyncIterator[None]:
    config = uvicorn.Config(application, port=port, access_log=False, timeout_keep_alive=3600, lifespan="on")
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


def _case(name: str, case: Case) -> Awaitable[dict[str, Any]]:
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


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(run(json.loads(Path(sys.argv[1]).read_text()))))
