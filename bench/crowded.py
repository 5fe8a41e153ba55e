"""`make bench NAME=crowded`: what an upstream takes at a time, found in the log, against what it really takes.

A fallback has two slots and a queue of four; nobody says so. It is called through the gateway, by one caller and by
eight, more than it has places for. What is then found in the log is printed, and how many of 14 requests a second
succeed while the primary is out for ten seconds: rehearsed with what was found, and live. The upstream is a process of
its own with its own random numbers. No test, as its answers are late on a machine that does other things: slots
are then not told from a slow machine, and a rehearsal knows of the places only.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from tests.servers import console, free_port, running
from tests.tester.test_capacity_over_the_wire import ARRIVALS, HEADERS, OUT, SEEDS, Stage, live

PLACES = {"slots": 2, "queue": 4}
NAME, ALONE, IDLE, CROWD, EACH = "crowded", "crowded-alone", 25, 8, 12


async def idle_and_crowded(stage: Stage) -> None:
    """One caller for some answers, then more than there are places for some each; all ask until they have them."""
    body: dict[str, Any] = {"model": ALONE, "messages": [{"role": "user", "content": "hi"}]}
    async with httpx.AsyncClient(base_url=stage.ours.url, headers=HEADERS, timeout=60) as client:

        async def caller(answers: int) -> None:
            while answers:
                answers -= (await client.post("/v1/chat/completions", json=body)).status_code == 200

        await caller(IDLE)
        await asyncio.gather(*(caller(EACH) for _ in range(CROWD)))


def rehearsed(stage: Stage, group_id: str, models: list[str]) -> tuple[dict[str, Any], list[float]]:
    """What was found, and the success with each seed: nobody says a capacity."""
    outage = {"kind": "outage", "target": models[0], "from_s": OUT[0], "until_s": OUT[1]}
    asked = {"scenario": {"faults": [outage]}, "workload": {"kind": "trace", "arrivals": ARRIVALS}}
    path = f"/v1/routing_group/{group_id}/simulate"
    results = [stage.ours.call("POST", path, {**asked, "seed": seed}) for seed in SEEDS]
    run = stage.ours.call("GET", f"/v1/runs/{results[0]['run_id']}")
    shares = [row["successful_requests"] / row["total_requests"] for row in results]
    return run["config"]["capacities"][models[1]], shares


def measure(stage: Stage) -> None:
    """Prints what was found, and both successes."""
    known: dict[str, Any] = {**PLACES, "answer_s": (0.3, 0.7), "tokens_per_s": 20}
    group_id, models = stage.group(NAME, **known)
    never = {"cooldown_config": {"cooldown_time_s": 0}, "retry_config": {"num_retries": 0, "timeout_s": 10}}
    stage.ours.add_group(ALONE, models[1:], **never)
    stage.ours.catch_up()
    asyncio.run(idle_and_crowded(stage))
    stage.ours.catch_up()
    found, shares = rehearsed(stage, group_id, models)
    served = asyncio.run(live(stage, NAME))
    print(f"it has {PLACES}\nfound  {found}")
    print(f"success rehearsed {median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%}), live {served:.1%}")


def main() -> None:
    """One upstream, one server."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tests.limited_upstream", str(port)]
        log = folder / "upstream.log"
        with running(command, url=url, ready=None, log=log, env=dict(os.environ)), console(folder) as ours:
            measure(Stage(ours, url))


if __name__ == "__main__":
    main()
