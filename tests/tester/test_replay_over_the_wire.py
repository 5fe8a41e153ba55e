"""What really happened, over real sockets, and its rehearsal from the log: the same requests, the same success."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.fakes import Behaviour, Ok, ScriptedUpstream, Status
from tests.servers import MASTER_KEY, Console, console, eventually

pytestmark = [pytest.mark.server, pytest.mark.both]
HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}
REQUESTS = 90
# The primary fails for requests 20 to 69, and the fallback for the first 15 that come to it.
PRIMARY: list[Behaviour] = [*[Ok()] * 20, *[Status(503)] * 50]
FALLBACK: list[Behaviour] = [Status(500)] * 15
PERIOD = {"from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
POINTS = 0.03


@dataclass(frozen=True)
class Incident:
    """A group whose upstreams failed for a while, and what its callers saw."""

    ours: Console
    group_id: str
    models: list[str]
    answered: int

    def traffic(self) -> list[dict[str, Any]]:
        path = f"{self.ours.url}/v1/routing_group/{self.group_id}/traffic"
        answer = httpx.get(path, params=PERIOD, headers=HEADERS, timeout=60)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def rehearsed(self, *, with_failures: bool, **asked: Any) -> dict[str, Any]:
        lines = self.traffic()
        until = datetime.fromisoformat(lines[-1]["at"]) + timedelta(seconds=1)
        period = {"from": lines[0]["at"], "until": until.isoformat()}
        workload = {"kind": "recorded", **period, "with_failures": with_failures}
        path = f"/v1/routing_group/{self.group_id}/simulate"
        return dict(self.ours.call("POST", path, {"workload": workload, "seed": 1, **asked}))


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    """Without cooldowns, so that it hangs on no clock who is asked."""
    folder = tmp_path_factory.mktemp("incident")
    with ScriptedUpstream() as primary, ScriptedUpstream() as fallback, console(folder) as ours:
        pairs = (("First", primary), ("Second", fallback))
        models = [ours.add_model(provider=name, api_base=upstream.url) for name, upstream in pairs]
        rows = [{"model_id": model, "priority": n} for n, model in enumerate(models, start=1)]
        config = {"routing_strategy": "priority-failover", "deployments": rows, "retry_config": {"num_retries": 0}}
        group_id = ours.add_group("incident", models, **config, cooldown_config={"cooldown_time_s": 0})
        primary.script(*PRIMARY)
        fallback.script(*FALLBACK)
        answered = sum(_asked(ours, is_stream=n % 3 == 0) for n in range(REQUESTS))
        found = Incident(ours, group_id, models, answered)
        eventually(lambda: len(found.traffic()) == REQUESTS, deadline_s=60)
        yield found


def _asked(ours: Console, *, is_stream: bool) -> bool:
    body = {"model": "incident", "messages": [{"role": "user", "content": "hi"}], "stream": is_stream}
    return httpx.post(f"{ours.url}/v1/chat/completions", json=body, headers=HEADERS, timeout=60).status_code == 200


def test_the_log_has_each_request_as_it_came(incident):
    lines = incident.traffic()
    assert len(lines) == REQUESTS
    assert sum(line["outcome"] == "answered" for line in lines) == incident.answered == REQUESTS - len(FALLBACK)
    assert [line["stream"] for line in lines] == [n % 3 == 0 for n in range(REQUESTS)]


def test_its_rehearsal_with_failures_loses_as_many_requests(incident):
    result = incident.rehearsed(with_failures=True)
    assert result["total_requests"] == REQUESTS
    assert abs(result["successful_requests"] - incident.answered) <= POINTS * REQUESTS


def test_its_rehearsal_without_them_loses_none(incident):
    result = incident.rehearsed(with_failures=False)
    assert (result["total_requests"], result["successful_requests"]) == (REQUESTS, REQUESTS)


def test_the_gaps_between_arrivals_are_those_of_the_log(incident):
    run_id = incident.rehearsed(with_failures=True)["run_id"]
    arrivals = incident.ours.call("GET", f"/v1/runs/{run_id}")["config"]["workload"]["arrivals"]
    came = [datetime.fromisoformat(line["at"]) for line in incident.traffic()]
    gaps = [(after - before).total_seconds() for before, after in pairwise(came)]
    assert [after[0] - before[0] for before, after in pairwise(arrivals)] == pytest.approx(gaps, abs=1e-6)


def test_the_failures_are_faults_of_the_run_and_can_be_changed(incident):
    run_id = incident.rehearsed(with_failures=True)["run_id"]
    scenario = incident.ours.call("GET", f"/v1/runs/{run_id}")["config"]["scenario"]
    assert {fault["target"] for fault in scenario["faults"]} == set(incident.models)
    healed = [fault for fault in scenario["faults"] if fault["target"] == incident.models[0]]
    result = incident.rehearsed(with_failures=False, scenario={"faults": healed})
    assert result["successful_requests"] == REQUESTS
    assert result["fallback_count"] >= 40


def test_the_same_run_comes_from_what_is_stored_byte_for_byte(incident):
    first = incident.rehearsed(with_failures=True)
    config = incident.ours.call("GET", f"/v1/runs/{first['run_id']}")["config"]
    asked = {name: config[name] for name in ("workload", "scenario", "seed")}
    again = incident.ours.call("POST", f"/v1/routing_group/{incident.group_id}/simulate", asked)
    assert {**again, "run_id": ""} == {**first, "run_id": ""}
