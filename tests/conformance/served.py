"""A process with the gateway and the upstreams of all cells, which asks each cell's question and records what comes.

    python -m tests.conformance.served names.json seen.json

Over real sockets; the clock stands still while anything happens (`tests/conduct/patience.py`).
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
from django.db.transaction import atomic

import routing_console.asgi  # noqa: F401  # first: it sets Django up
from engine.upstreams import through_litellm  # noqa: F401  # the clock does not wait for the thread that imports it
from groups.models import Deployment, RoutingGroup
from tests.conduct.patience import PatientLoop
from tests.conduct.served import _gateway
from tests.conformance.cases import CELLS, Cell
from tests.conformance.doors.asking import asked
from tests.conformance.upstreams.served import SPEAKERS, Upstreams
from tests.factories import make_group, make_model, make_provider
from tests.servers import MASTER_KEY, free_port
from usage.models import RequestRecord

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
RETRIES = {"num_retries": 0, "timeout_s": 6, "first_token_timeout_s": 3, "stream_idle_timeout_s": 2}
# A type that is reached through LiteLLM.
TYPES = {"litellm": "huggingface"}
AT_ONCE = 16
PRICES = {"input_cost_per_million": 3, "cached_input_cost_per_million": 1, "output_cost_per_million": 15}


def run(names: list[str]) -> dict[str, Any]:
    """What came of these cells, as JSON: the client's answer, what the upstream read or refused, what was reported."""
    known = {cell.name: cell for cell in CELLS}
    cells = [known[name] for name in names]
    port = free_port()
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        upstreams = Upstreams()
        runner.run(upstreams.start())
        with atomic():
            for number, cell in enumerate(cells):
                _store(upstreams, number, cell)
        return runner.run(_all(port, upstreams, cells))


def _store(upstreams: Upstreams, number: int, cell: Cell) -> None:
    settings = {"rescue": "off"}  # what is broken is to be seen
    group = make_group(name=f"conform-{number}", strategy="priority-failover", retry_config=RETRIES, settings=settings)
    _deploy(upstreams, str(number), cell, group, 1)
    if cell.then:
        _deploy(upstreams, f"{number}b", cell.second, group, 2)


def _deploy(upstreams: Upstreams, number: str, cell: Cell, group: RoutingGroup, priority: int) -> None:
    upstreams.cells[number] = cell
    provider = make_provider(
        name=f"Provider {number}",
        type=TYPES.get(cell.dialect, "custom"),
        api_base=upstreams.address(number),
        dialects=[cell.dialect],
        key=f"sk-of-{number}",
    )
    model = make_model(provider=provider, name=SPEAKERS[cell.dialect].model, **PRICES)
    Deployment.objects.create(group=group, model=model, priority=priority, position=priority)


async def _all(port: int, upstreams: Upstreams, cells: list[Cell]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    limits, turns = httpx.Limits(max_keepalive_connections=0), asyncio.Semaphore(AT_ONCE)
    async with (
        _gateway(port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=100, limits=limits) as client,
    ):

        async def one(number: int, cell: Cell) -> dict[str, Any]:
            async with turns:
                try:
                    return await _ask(client, upstreams, number, cell)
                except Exception:
                    return {"crash": traceback.format_exc()}

        found = await asyncio.gather(*(one(number, cell) for number, cell in enumerate(cells)))
    logged = await asyncio.to_thread(_logged)
    for seen in found:
        seen["logged"] = logged.get(seen.get("call_id"))
    return {cell.name: seen for cell, seen in zip(cells, found, strict=True)}


async def _ask(client: httpx.AsyncClient, upstreams: Upstreams, number: int, cell: Cell) -> dict[str, Any]:
    body = {"model": f"conform-{number}", **asked(cell.door, cell.case.question, is_stream=cell.is_stream)}
    answer = await client.post(PATHS[cell.door], json=body)
    place = f"{number}b" if cell.then else str(number)
    read = upstreams.read.get(place)
    kept = ("content-type", "retry-after", "x-should-retry", "x-routing-dropped-params")
    return {
        "call_id": answer.headers["x-litellm-call-id"],
        "told": upstreams.told.get(str(number), b"").decode(),
        "recorded": {
            "door": cell.door,
            "is_stream": cell.is_stream,
            "status": answer.status_code,
            "headers": {name: answer.headers[name] for name in kept if name in answer.headers},
            "body": answer.text,
        },
        "dropped": answer.headers.get("x-routing-dropped-params", ""),
        "cost": answer.headers.get("x-litellm-response-cost"),
        "read": None if read is None else asdict(read),
        "refused": upstreams.refused.get(place),
    }


def _logged() -> dict[str, dict[str, Any]]:
    """What the log has of each request, by its id."""
    names = ("status", "input_tokens", "cached_tokens", "output_tokens", "is_estimated", "cost_usd", "endpoint")
    return {row.pop("call_id"): row for row in RequestRecord.objects.values("call_id", *names)}


if __name__ == "__main__":
    wanted, into = sys.argv[1:]
    Path(into).write_text(json.dumps(run(json.loads(Path(wanted).read_text()))))
