"""The socket on real servers, with a client nobody here wrote: rehearsals that are watched while they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.fakes import ScriptedUpstream
from tests.servers import MASTER_KEY, Console, console, console_beside, stop

HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}
PATIENCE_S = 60


@dataclass
class Stage:
    """A running server with a group of two tiers."""

    ours: Console
    group_id: str

    async def start(self, **asked: Any) -> str:
        """Begins a rehearsal; gives its id."""
        path = f"/v1/routing_group/{self.group_id}/simulate?wait=false"
        return str((await asyncio.to_thread(self.ours.call, "POST", path, asked))["run_id"])

    async def cancel(self, run_id: str) -> None:
        await asyncio.to_thread(self.ours.call, "POST", f"/v1/runs/{run_id}/cancel")

    async def result(self, run_id: str) -> dict[str, Any]:
        return dict((await asyncio.to_thread(self.ours.call, "GET", f"/v1/runs/{run_id}"))["result"])


@dataclass
class Viewer:
    """A page without a screen: what it shows, and what it was told."""

    socket: aiohttp.ClientWebSocketResponse
    state: dict[str, dict[str, str]] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)

    async def frame(self) -> None:
        frame = await self.socket.receive_json(timeout=PATIENCE_S)
        for name, attributes in frame["p"].items():
            self.state.setdefault(name, {}).update(attributes)
        self.says.update(frame.get("s", {}))
        self.numbers.append(frame["n"])
        await self.socket.send_json({"ack": frame["n"]})

    async def until_the_end(self) -> None:
        """Watches until the last frame of a run that has ended."""
        while self.says.get("status") in (None, "queued", "running") or self.says["at_ms"] < self.says["end_ms"]:
            await self.frame()


@asynccontextmanager
async def viewer(ours: Console, run_id: str, headers: dict[str, str] = HEADERS, **query: str) -> AsyncIterator[Viewer]:
    url = f"{ours.url}/ws/runs/{run_id}/?{urlencode(query)}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
        yield Viewer(socket)


def prepared(ours: Console) -> Stage:
    with ScriptedUpstream() as upstream:
        models = [ours.add_model(provider=name, api_base=upstream.url) for name in ("Nebius", "Fireworks")]
    return Stage(ours, ours.add_group("chat", models))


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with console(tmp_path_factory.mktemp("sockets"), server=request.param) as ours:
        yield prepared(ours)


async def test_two_viewers_and_a_late_one_see_the_run_that_the_api_tells_of(stage):
    run_id = await stage.start(num_requests=3000, seed=7, scenario="flapping-primary")
    async with viewer(stage.ours, run_id) as one, viewer(stage.ours, run_id) as other:
        await asyncio.gather(one.until_the_end(), other.until_the_end())
        async with viewer(stage.ours, run_id) as late:
            await late.frame()
    result = await stage.result(run_id)
    assert one.state == other.state == late.state
    assert (late.numbers, late.says["status"]) == ([1], "done")
    assert one.state["rq"]["#text"] == f"{result['total_requests']:,}"
    assert one.state["fb"]["#text"] == f"{result['fallback_count']:,}"
    served = [f"{row['success_count']:,}" for row in result["traffic_distribution"]]
    assert [one.state[name]["#text"] for name in ("n0", "n1")] == served


async def test_a_returning_viewer_gets_a_whole_frame_and_goes_on(stage):
    run_id = await stage.start(num_requests=100_000)
    async with viewer(stage.ours, run_id) as before:
        while before.says.get("end_ms", 0) < 1000:
            await before.frame()
    async with viewer(stage.ours, run_id) as after:
        await after.frame()
        assert after.state.keys() == before.state.keys()
        assert after.says["at_ms"] >= before.says["at_ms"]
        await stage.cancel(run_id)
        await after.until_the_end()
    assert after.says["status"] == "cancelled"
    assert after.numbers == list(range(1, len(after.numbers) + 1))


@pytest.mark.parametrize(
    ("headers", "code", "why"),
    [
        ({}, 4401, "Sign in"),
        ({"Authorization": "Bearer sk-rc-unknown"}, 4401, "Bearer KEY"),
    ],
)
async def test_who_may_not_watch_learns_why(stage, headers, code, why):
    async with viewer(stage.ours, await stage.start(num_requests=10), headers=headers) as seen:
        assert why in (await seen.socket.receive_json(timeout=PATIENCE_S))["error"]
        closing = await seen.socket.receive(timeout=PATIENCE_S)
    assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, code)


async def test_a_program_reads_events_to_the_end(stage):
    run_id = await stage.start(num_requests=2000, seed=3)
    async with viewer(stage.ours, run_id, view="events") as seen:
        events = [message.json() async for message in seen.socket]
    result = await stage.result(run_id)
    result.pop("run_id")
    assert events[-1] == {"type": "done", "result": result, "error": ""}
    assert {event["type"] for event in events} == {"stats", "trace", "done"}
    assert [e for e in events if e["type"] == "stats"][-1]["requests"]["succeeded"] == result["successful_requests"]
    assert seen.socket.close_code == 1000


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
async def test_another_process_shows_the_run_too_and_says_when_its_server_was_stopped(tmp_path: Path, server: str):
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with console(tmp_path / "one", server=server) as one, console_beside(one, tmp_path / "other") as other:
        stage = prepared(one)
        run_id = await stage.start(num_requests=100_000)
        async with viewer(other, run_id) as seen:
            while seen.says.get("end_ms", 0) < 1000:
                await seen.frame()
            await asyncio.to_thread(stop, one.process)
            await seen.until_the_end()
    assert (seen.says["status"], "server was stopped" in seen.says["error"]) == ("failed", True)
