"""`make bench NAME=live`: what it costs to show one run to many, on a real server over real sockets.

A rehearsal of ten deployments, all of them failing now and then, is played at ten times its speed by 50 viewers at
once, each of which acknowledges every frame. Bytes are those of the JSON on the wire. Time per frame is that of making
one, without anything remembered; the CPU per frame sent is all the server did, sockets included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import django

from bench.processes import cpu_s
from bench.rehearsal import memory_mb
from tests.servers import MASTER_KEY, Console, console

VIEWERS, SECONDS, SPEED, PLAYED_S = 50, 8.0, 10, 12
NAMES = ["Nebius", "Fireworks", "Azure", "OpenAI", "Anthropic", "Groq", "Mistral", "Cohere", "Together", "OpenRouter"]
WANTED_BYTES, WANTED_MS, WANTED_FPS, WANTED_MB = 1500, 2.0, 15.0, 2.0
# A frame more or less at either end of the measurement.
TOLERANCE_FPS = 0.2
HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}


@dataclass
class Seen:
    """What one viewer got: when, and how many bytes."""

    at_s: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def fps(self, begin_s: float, end_s: float) -> float:
        return sum(begin_s <= at <= end_s for at in self.at_s) / (end_s - begin_s)


@dataclass(frozen=True)
class Measured:
    """What was found."""

    viewers: list[Seen]
    begin_s: float
    end_s: float
    cpu_s: float
    growth_mb: float
    ms_per_frame: float

    @property
    def fps(self) -> list[float]:
        return [seen.fps(self.begin_s, self.end_s) for seen in self.viewers]

    @property
    def patches(self) -> list[int]:
        """Sizes of all frames but the first, whole ones."""
        return [size for seen in self.viewers for size in seen.sizes[1:]]

    @property
    def cpu(self) -> float:
        """The part of one core that the server used."""
        return self.cpu_s / (self.end_s - self.begin_s)


def rehearsed(ours: Console) -> str:
    """A finished rehearsal, long enough to be played for a while; gives its id."""
    models = [ours.add_model(provider=name, api_base="http://127.0.0.1:9/v1") for name in NAMES]
    deployments = [{"model_id": model, "weight": weight} for weight, model in enumerate(models, 1)]
    group_id = ours.add_group("bench", models, routing_strategy="weighted", deployments=deployments)
    traffic = {"kind": "poisson", "num_requests": 30 * PLAYED_S * SPEED, "rate_per_s": 30}
    failures = {"deployment_failure_rates": dict.fromkeys(models, 0.1)}
    asked = {"workload": traffic, "seed": 7, "failure_injection": failures}
    run_id = str(ours.call("POST", f"/v1/routing_group/{group_id}/simulate?wait=false", asked)["run_id"])
    while (run := ours.call("GET", f"/v1/runs/{run_id}"))["status"] in ("queued", "running"):
        time.sleep(0.2)
    assert run["status"] == "done", run["error"]
    return run_id


async def watch(session: aiohttp.ClientSession, url: str, seen: Seen, until_s: float) -> None:
    async with session.ws_connect(url, headers=HEADERS, max_msg_size=0) as socket:
        async for message in socket:
            seen.at_s.append(time.perf_counter())
            seen.sizes.append(len(message.data))
            number = message.data[len('{"n":') : message.data.index(",")]
            await socket.send_str(f'{{"ack":{number}}}')
            if seen.at_s[-1] > until_s:
                return


async def measure(ours: Console, run_id: str, viewers: int, seconds: float) -> tuple[list[Seen], float, float, float]:
    """All viewers at once; gives what they saw, begin, end, and the server's CPU seconds between the two."""
    url = f"{ours.url}/ws/runs/{run_id}/?speed={SPEED}&seek_ms=0"
    seen = [Seen() for _ in range(viewers)]
    begin_s = time.perf_counter() + 1.5  # everybody is connected by then
    end_s = begin_s + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        watching = [asyncio.create_task(watch(session, url, one, end_s)) for one in seen]
        await asyncio.sleep(begin_s - time.perf_counter())
        used = cpu_s(ours.process.pid)
        await asyncio.sleep(end_s - time.perf_counter())
        used = cpu_s(ours.process.pid) - used
        await asyncio.gather(*watching)
    return seen, begin_s, end_s, used


async def growth_mb(ours: Console, run_id: str, viewers: int, seconds: float = 5.0) -> float:
    """By how much the server grows while nobody of so many viewers reads or acknowledges anything."""
    url = f"{ours.url}/ws/runs/{run_id}/?speed={SPEED}&seek_ms=0"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        deaf = await asyncio.gather(*(session.ws_connect(url, headers=HEADERS) for _ in range(viewers)))
        await asyncio.sleep(1)  # the cost of a connection is not part of the measurement
        before = memory_mb(ours.process.pid)
        await asyncio.sleep(seconds)
        after = memory_mb(ours.process.pid)
        await asyncio.gather(*(socket.close() for socket in deaf))
    return after - before


def ms_per_frame(ours: Console, run_id: str) -> float:
    """The mean time to make one patch of this run: read the frame, draw it, compare it, write the JSON."""
    django.setup()
    from engine.spec import Strategy
    from tester.live.frame_buffer import FrameBuffer, RunUpdate, StoredFrame
    from tester.live.pictures import PictureKey, Pictures
    from tester.models import RunStatus
    from tester.scene import DrawnDeployment, DrawnGroup, Mode

    frames = _frames(ours, run_id)
    rows = (DrawnDeployment(one, one[:8], "Bench", "default", weight=1) for one in frames[0]["deployments"])
    buffer = FrameBuffer(DrawnGroup("bench", Strategy.WEIGHTED, tuple(rows)))
    buffer.add(RunUpdate(RunStatus.DONE, "", None, [StoredFrame(f["n"], f["at_ms"], json.dumps(f)) for f in frames]))
    pictures, began = Pictures(buffer), time.process_time()
    for index in range(buffer.last):
        pictures.patch(PictureKey(Mode.WEIGHTED, index), PictureKey(Mode.WEIGHTED, index + 1))
    return (time.process_time() - began) * 1000 / buffer.last


def _frames(ours: Console, run_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := ours.call("GET", f"/v1/runs/{run_id}/frames?size=200&after={found[-1]['n'] if found else -1}")[
        "frames"
    ]:
        found += page
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.live", description=__doc__)
    parser.add_argument("--viewers", type=int, default=VIEWERS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="at most 10: the run is over after 12")
    parser.add_argument("--server", choices=["daphne", "uvicorn"], default="daphne")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, console(Path(folder), server=asked.server) as ours:
        run_id = rehearsed(ours)
        seen, begin_s, end_s, used = asyncio.run(measure(ours, run_id, asked.viewers, asked.seconds))
        growth = asyncio.run(growth_mb(ours, run_id, asked.viewers))
        found = Measured(seen, begin_s, end_s, used, growth, ms_per_frame(ours, run_id))
    sys.exit(0 if report(found, asked.server) else 1)


def report(found: Measured, server: str) -> bool:
    """Prints the result; returns whether it meets the goal."""
    fps, median = found.fps, statistics.median(found.patches)
    sent = sum(fps) * (found.end_s - found.begin_s)
    whole = statistics.median(seen.sizes[0] for seen in found.viewers)
    print(f"{len(fps)} viewers of one run with {len(NAMES)} deployments at speed {SPEED}, on {server}")
    print(f"  whole first frame {whole:.0f} bytes; a tenth of the patches has more than {_tenth(found.patches):.0f}")
    print(f"  CPU of the server: {100 * found.cpu:.0f} % of a core, {1000 * found.cpu_s / sent:.2f} ms a frame sent")
    return all(
        [
            _say(median < WANTED_BYTES, f"median patch {median:.0f} bytes, wanted less than {WANTED_BYTES}"),
            _say(
                found.ms_per_frame < WANTED_MS,
                f"{found.ms_per_frame:.2f} ms to make one, wanted less than {WANTED_MS:g}",
            ),
            _say(
                min(fps) >= WANTED_FPS - TOLERANCE_FPS,
                f"{min(fps):.1f} frames per second for the slowest viewer, {statistics.mean(fps):.1f} on average, "
                f"wanted {WANTED_FPS:g}",
            ),
            _say(
                found.growth_mb < WANTED_MB,
                f"{found.growth_mb:.1f} MB more after 5 s in which nobody read, wanted less than {WANTED_MB:g}",
            ),
        ]
    )


def _tenth(sizes: list[int]) -> float:
    return statistics.quantiles(sizes, n=10)[-1]


def _say(is_met: bool, what: str) -> bool:
    print(f"{'met' if is_met else 'NOT MET'}: {what}")
    return is_met


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "routing_console.settings")
    main()
