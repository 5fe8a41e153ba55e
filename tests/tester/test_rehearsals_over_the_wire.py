"""Rehearsals on a real server: in the background, cancelled, killed, side by side, and beside live traffic."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import httpx
import psutil
import pytest

from tests.fakes import ScriptedUpstream
from tests.pace import Stopwatch
from tests.servers import MASTER_KEY, Console, console, stop

T = TypeVar("T")
HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}


@dataclass(frozen=True)
class Stage:
    """A running server with one group over one scripted upstream."""

    ours: Console
    group_id: str
    upstream: ScriptedUpstream

    def simulate(self, wait: bool = True, **asked: Any) -> dict[str, Any]:
        path = f"/v1/routing_group/{self.group_id}/simulate?wait={str(wait).lower()}"
        answer = httpx.post(self.ours.url + path, json=asked, headers=HEADERS, timeout=120)
        return {**answer.json(), "http_status": answer.status_code}

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.ours.call("GET", f"/v1/runs/{run_id}"))

    def workers(self) -> list[psutil.Process]:
        """The rehearsal processes of the server."""
        children = psutil.Process(self.ours.process.pid).children(recursive=True)
        return [child for child in children if "engine.rehearsal.worker" in child.cmdline()]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """With room for two runs at once."""
    folder = tmp_path_factory.mktemp("rehearsals")
    with ScriptedUpstream() as upstream, console(folder, REHEARSAL_WORKERS="2") as ours:
        model_id = ours.add_model(provider="P", api_base=upstream.url)
        yield Stage(ours, ours.add_group("g", [model_id]), upstream)


def until(found: Callable[[], T | Literal[False]], deadline_s: float = 120) -> T:
    """What was looked for, as soon as it is there."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def ended(stage: Stage, run_id: str) -> dict[str, Any]:
    """The run as soon as it has ended."""
    return until(lambda: (run := stage.run(run_id))["status"] not in ("queued", "running") and run)


def under_way(stage: Stage, run_id: str) -> bool:
    """Whether a run has begun to say something."""
    return bool(stage.ours.call("GET", f"/v1/runs/{run_id}/frames?size=1")["total"])


def test_a_run_in_the_background_goes_on_by_itself(stage):
    answer = stage.simulate(wait=False, num_requests=300)
    assert (answer["http_status"], answer["status"]) == (202, "queued")
    run = ended(stage, answer["run_id"])
    assert (run["status"], run["result"]["total_requests"]) == ("done", 300)


def test_a_run_of_100_000_requests_is_cancelled_within_a_second(stage):
    run_id = stage.simulate(wait=False, num_requests=100_000)["run_id"]
    until(lambda: under_way(stage, run_id))
    stage.ours.call("POST", f"/v1/runs/{run_id}/cancel")
    asked = Stopwatch()
    run = ended(stage, run_id)
    assert asked.elapsed_s < 1.5  # a second, and the time to ask
    assert run["status"] == "cancelled"
    assert run["result"]["total_requests"] < 100_000


def test_a_killed_worker_fails_its_run_and_nothing_else(stage):
    run_id = stage.simulate(wait=False, num_requests=100_000)["run_id"]
    until(lambda: under_way(stage, run_id))
    for worker in stage.workers():
        worker.kill()
    run = ended(stage, run_id)
    assert run["status"] == "failed"
    assert "killed (SIGKILL)" in run["error"]
    assert httpx.get(f"{stage.ours.url}/readyz/console", timeout=10).status_code == 200
    assert stage.simulate(num_requests=50)["total_requests"] == 50


def test_two_runs_at_once_do_not_influence_each_other(stage):
    asked = [{"num_requests": 1500, "seed": seed, "scenario": "flapping-primary"} for seed in (1, 2)]
    alone = [stage.simulate(**one) for one in asked]
    with ThreadPoolExecutor(2) as both:
        together = list(both.map(lambda one: stage.simulate(**one), asked))
    for result in (*alone, *together):
        result.pop("run_id")
    assert together == alone
    assert alone[0]["latency_p99_ms"] != alone[1]["latency_p99_ms"]


def test_live_traffic_notices_nothing_of_a_rehearsed_outage(stage):
    run_id = stage.simulate(wait=False, num_requests=100_000, scenario="everything-down")["run_id"]
    until(lambda: under_way(stage, run_id))
    body = {"model": "g", "messages": [{"role": "user", "content": "hi"}]}
    before = stage.upstream.count
    for _ in range(5):
        stage.ours.call("POST", "/v1/chat/completions", body)
    stage.ours.call("POST", f"/v1/runs/{run_id}/cancel")
    assert ended(stage, run_id)["status"] == "cancelled"
    assert stage.upstream.count == before + 5


def test_real_traffic_does_not_change_what_a_seed_gives(stage):
    first = stage.simulate(num_requests=50, seed=99)
    stage.ours.call("POST", "/v1/chat/completions", {"model": "g", "messages": [{"role": "user", "content": "hi"}]})
    again = stage.simulate(num_requests=50, seed=99)
    assert {**first, "run_id": ""} == {**again, "run_id": ""}


def test_all_traces_are_streamed_as_json_lines(stage):
    run_id = stage.simulate(num_requests=1700)["run_id"]
    url = f"{stage.ours.url}/v1/runs/{run_id}/traces?format=jsonl"
    with httpx.stream("GET", url, headers=HEADERS, timeout=30) as answer:
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        assert "Content-Length" not in answer.headers
        indexes = sorted(json.loads(line)["index"] for line in answer.iter_lines())
    assert indexes == list(range(1700))
    gone = httpx.get(url.replace(run_id, "nobody"), headers=HEADERS, timeout=30)
    assert gone.status_code == 404
    assert "detail" in gone.json()


def test_workers_end_with_their_server_even_if_it_is_killed(tmp_path):
    for how in ("terminate", "kill"):
        with ScriptedUpstream() as upstream, console(_folder(tmp_path / how)) as ours:
            stage = Stage(ours, ours.add_group("g", [ours.add_model(provider="P", api_base=upstream.url)]), upstream)
            run_id = stage.simulate(wait=False, num_requests=100_000)["run_id"]
            until(partial(under_way, stage, run_id))
            workers = stage.workers()
            assert workers
            ours.process.kill() if how == "kill" else stop(ours.process)
            assert psutil.wait_procs(workers, timeout=10)[1] == []


def _folder(path: Any) -> Any:
    path.mkdir()
    return path
