"""A group that sets nothing, with a primary that takes requests and never answers; and the time of a whole request."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine import spec
from engine.drivers.litellm_router import clock
from engine.drivers.simulation import simulate
from engine.exceptions import DeadlineExceeded
from engine.faults.kinds import Timeout
from engine.faults.scenarios import Scenario
from engine.faults.targets import TargetedFault
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Workload
from engine.spec import GroupSpec, RetryPolicy, Router
from engine.upstreams.call import Stream
from tests.engine.direct_calls import DONE, ROLE, STOP, WORD, Sent, Whole, upstream_of_a_test
from tests.engine.scripted import ScriptedUpstream, deployment, group, path_of, request, routing_of
from tests.engine.working import traces_in
from tests.fakes import Exchange

TWO = tuple(deployment(name, priority=tier) for tier, name in enumerate("ab", start=1))
ANSWER = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}]}


def unconfigured(**fields: Any) -> GroupSpec:
    return group(**{"deployments": TWO, "router": Router.NATIVE, "retry": RetryPolicy(), **fields})


def rehearsed(one: GroupSpec, *silent: str, is_stream: bool) -> dict[str, Any]:
    """The trace of one request, with these deployments silent."""
    faults = tuple(TargetedFault(Timeout(), name) for name in silent)
    workload = Workload(kind="constant", num_requests=1, rate_per_s=1.0, is_stream=is_stream)
    told: list[dict[str, Any]] = []
    simulate(Job((one,), workload, Scenario("silent", "One that never answers.", faults), 1), emit=told.append)
    (trace,) = traces_in(told)
    return trace


@pytest.mark.parametrize(("is_stream", "limit_s"), [(True, 20.0), (False, 60.0 + 5.0)])
def test_a_rehearsed_group_without_settings_survives_it(is_stream: bool, limit_s: float):
    trace = rehearsed(unconfigured(), "a", is_stream=is_stream)
    assert [attempt["deployment_id"] for attempt in trace["attempts"]] == ["a", "b"]
    assert trace["status"] == "success"
    assert trace["duration_ms"] < limit_s * 1000


@dataclass(frozen=True)
class Mute:
    """Takes the request and never answers."""

    async def play(self, exchange: Exchange) -> None:
        await exchange.pause(None)


# A stream ends its wait with the first token's limit, so the attempt's own may be far away.
@pytest.mark.parametrize(("is_stream", "timeout_s", "waits_s"), [(True, 30.0, 0.15), (False, 0.6, 0.6)])
def test_a_group_without_settings_survives_it_over_a_socket_a_hundred_times_as_fast(
    is_stream: bool, timeout_s: float, waits_s: float, monkeypatch: pytest.MonkeyPatch
):
    async def main() -> tuple[str, float]:
        async with upstream_of_a_test() as server:
            server.script(Mute(), Sent((ROLE, WORD, STOP, DONE)) if is_stream else Whole(ANSWER))
            rows = tuple(replace(row, api_base=server.url) for row in TWO)
            routing = await routing_of(unconfigured(deployments=rows, retry=RetryPolicy(timeout_s=timeout_s)))
            began = time.monotonic()
            result, trace = await request(routing, "g", None, is_stream=is_stream)
            took_s = time.monotonic() - began
            if isinstance(result, Stream):
                async for _ in result:
                    pass
            return path_of(trace), took_s

    monkeypatch.setattr(spec, "FIRST_TOKEN_S", 0.15)
    path, took_s = asyncio.run(main())
    assert path == "a:error>b:success"
    assert waits_s <= took_s < 20.0


# The time of a whole request

SHORT = RetryPolicy(num_retries=0, timeout_s=8.0, total_timeout_s=10.0)


def served(one: GroupSpec, delays_s: dict[str, float], *, is_stream: bool = False) -> tuple[Any, str, float]:
    """The result of one request, whom it asked, and the seconds it took."""

    async def main() -> tuple[Any, str, float]:
        routing = await routing_of(one)
        began = asyncio.get_running_loop().time()
        result, trace = await request(routing, one.name, ScriptedUpstream(delays_s=delays_s), is_stream=is_stream)
        return result, path_of(trace), asyncio.get_running_loop().time() - began

    return clock.run(main())


@pytest.mark.parametrize("router", Router)
def test_all_attempts_and_waits_together_take_no_longer_than_the_group_says(router: Router):
    result, path, took_s = served(replace(unconfigured(retry=SHORT), router=router), {"a": 7.0, "b": 99.0})
    assert isinstance(result, bytes) is False
    result, path, took_s = served(replace(unconfigured(retry=SHORT), router=router), {"a": 99.0, "b": 99.0})
    assert isinstance(result, DeadlineExceeded)
    assert (result.status, result.code, result.message) == (
        504,
        "deadline_exceeded",
        "No deployment answered within 10 s.",
    )
    assert path.endswith(":cancelled")
    assert took_s == pytest.approx(10.0, abs=0.1)


def test_a_rehearsal_ends_a_request_at_the_same_moment_and_tells_its_caller_the_same():
    trace = rehearsed(unconfigured(retry=SHORT), "a", "b", is_stream=False)
    assert [attempt["status"] for attempt in trace["attempts"]] == ["error", "cancelled"]
    assert (trace["error_class"], trace["told"]["status"]) == ("DeadlineExceeded", 504)
    assert trace["duration_ms"] == pytest.approx(10_000)


def test_a_stream_that_has_begun_may_take_longer():
    quick = replace(SHORT, total_timeout_s=1.0)
    trace = rehearsed(unconfigured(retry=replace(quick, stream_idle_timeout_s=30)), is_stream=True)
    assert trace["status"] == "success"
    assert trace["duration_ms"] > 1000
