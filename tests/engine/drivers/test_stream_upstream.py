"""Groups that ask upstream for a stream although the caller did not: whole answers, put together, in both drivers."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine.drivers.simulation import simulate
from engine.faults.kinds import Fault, StreamCut, StreamStall, Timeout
from engine.faults.scenarios import Scenario
from engine.faults.targets import TargetedFault
from engine.ledger import Trace
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Workload
from engine.spec import RetryPolicy, Router
from engine.upstreams.call import Answer, Call, Stream
from tests.engine.direct_calls import DONE, HI, STOP, WORD, Sent, Whole, chunk, upstream_of_a_test
from tests.engine.scripted import deployment, group, path_of, routing_of
from tests.engine.working import traces_in
from tests.fakes import Exchange

QUICK = RetryPolicy(num_retries=0, timeout_s=20, first_token_timeout_s=1, stream_idle_timeout_s=1)
USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
COUNTED = b"data: " + json.dumps({"id": "chatcmpl-1", "choices": [], "usage": USAGE}).encode() + b"\n\n"
SPOKEN = (chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"}), STOP, COUNTED, DONE)


@dataclass(frozen=True)
class Mute:
    """Takes the request and never answers."""

    async def play(self, exchange: Exchange) -> None:
        await exchange.pause(None)


@dataclass(frozen=True)
class Got:
    result: Any
    trace: Trace
    requests: int
    took_s: float


def asked(*script: Any, retry: RetryPolicy = QUICK, is_stream: bool = False, **body: Any) -> Got:
    """One request to a before b over real sockets."""

    async def main() -> Got:
        async with upstream_of_a_test() as server:
            server.script(*script)
            rows = tuple(deployment(name, priority=n, api_base=server.url) for n, name in enumerate("ab", start=1))
            spec = group(deployments=rows, retry=retry, router=Router.NATIVE, streams_upstream=True)
            routing, trace, began = await routing_of(spec), Trace("call", "g"), time.monotonic()
            live = routing.get("g")
            assert live is not None
            call = Call("chat/completions", {"messages": HI, **body}, trace, is_stream)
            try:
                result: Any = await routing.route(call, live)
                if isinstance(result, Stream):
                    result = b"".join([part async for part in result])
            except Exception as error:
                result = error
            return Got(result, trace, len(server.seen), time.monotonic() - began)

    return asyncio.run(main())


def test_the_caller_gets_what_the_upstream_would_have_said_at_once():
    got = asked(Sent(SPOKEN))
    assert isinstance(got.result, Answer)
    said = json.loads(got.result.body)
    assert said["object"] == "chat.completion"
    assert said["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    ]
    assert said["usage"] == USAGE
    assert (got.result.usage.input_tokens, got.result.usage.output_tokens) == (7, 2)
    assert not got.result.usage.is_estimated
    assert (path_of(got.trace), got.trace.attempts[0].first_token_ms is not None) == ("a:success", True)


def test_a_silent_upstream_is_left_after_the_wait_for_a_first_token():
    got = asked(Mute(), Sent(SPOKEN))
    assert path_of(got.trace) == "a:error>b:success"
    assert got.took_s < QUICK.timeout_s


@pytest.mark.parametrize("then", ["cut", "open"])
def test_a_stream_that_breaks_is_an_attempt_that_failed_and_the_next_one_answers(then: Any):
    got = asked(Sent((WORD,), then), Sent(SPOKEN))
    assert path_of(got.trace) == "a:error>b:success"
    assert json.loads(got.result.body)["choices"][0]["message"]["content"] == "Hello"


def test_a_whole_answer_still_has_its_own_limit():
    got = asked(Sent((WORD,), "ping"), Sent(SPOKEN), retry=replace(QUICK, timeout_s=0.5, stream_idle_timeout_s=60))
    assert path_of(got.trace) == "a:error>b:success"
    assert "no answer after 0.5 s" in (got.trace.attempts[0].error_message or "")


def test_an_upstream_that_does_not_count_gets_an_estimate_and_no_invented_usage():
    got = asked(Sent((WORD, STOP, DONE)))
    assert "usage" not in json.loads(got.result.body)
    assert got.result.usage.is_estimated


def test_a_caller_who_asks_for_a_stream_gets_one():
    got = asked(Sent(SPOKEN), is_stream=True, stream=True)
    assert isinstance(got.result, bytes)
    assert got.result.count(b"data: ") >= 4


def test_embeddings_are_asked_as_before():
    async def main() -> Any:
        async with upstream_of_a_test() as server:
            vector = {"object": "list", "data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 1}}
            server.script(Whole(vector))
            rows = (deployment("a", priority=1, api_base=server.url),)
            routing = await routing_of(group(deployments=rows, router=Router.NATIVE, streams_upstream=True))
            live = routing.get("g")
            assert live is not None
            return await routing.route(Call("embeddings", {"input": "x"}, Trace("call", "g")), live)

    assert json.loads(asyncio.run(main()).body)["data"][0]["embedding"] == [0.1]


# In a rehearsal


def rehearsed(fault: Fault | None, **retry: Any) -> dict[str, Any]:
    rows = tuple(deployment(name, priority=n) for n, name in enumerate("ab", start=1))
    spec = group(deployments=rows, retry=RetryPolicy(0, **retry), router=Router.NATIVE, streams_upstream=True)
    faults = () if fault is None else (TargetedFault(fault, "a"),)
    workload = Workload(kind="constant", num_requests=1, rate_per_s=1.0)
    profiles = dict.fromkeys("ab", Profile(first_token_ms=500, tokens_per_s=50, jitter=0))
    told: list[dict[str, Any]] = []
    simulate(Job((spec,), workload, Scenario("one", "One.", faults), 1, profiles), emit=told.append)
    (trace,) = traces_in(told)
    return trace


def test_a_rehearsed_whole_answer_comes_by_way_of_a_stream():
    trace = rehearsed(None)
    assert trace["status"] == "success"
    assert trace["attempts"][0]["first_token_ms"] == pytest.approx(500)
    assert trace["duration_ms"] > 1000


@pytest.mark.parametrize(
    ("fault", "took_s"), [(Timeout(), 15), (StreamCut(), 0.5), (StreamStall(), 30)], ids=["silent", "cut", "stalled"]
)
def test_a_rehearsed_stream_that_breaks_is_left_for_the_next_deployment(fault: Fault, took_s: float):
    trace = rehearsed(fault)
    assert [attempt["status"] for attempt in trace["attempts"]] == ["error", "success"]
    assert trace["status"] == "success"
    assert trace["attempts"][0]["duration_ms"] / 1000 == pytest.approx(took_s, abs=6)


def test_a_rehearsed_whole_answer_still_has_its_own_limit():
    trace = rehearsed(None, timeout_s=1.0)
    assert [attempt["error_class"] for attempt in trace["attempts"]] == ["Timeout", "Timeout"]
