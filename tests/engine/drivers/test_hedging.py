"""Hedged requests through the gateway's driver, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.core.state import Target
from engine.drivers.litellm_router import clock
from engine.exceptions import RequestFailed
from engine.ledger import Attempt, Trace
from engine.routing import Routing
from engine.spec import (
    CooldownPolicy,
    DeploymentSpec,
    GroupSpec,
    HedgePolicy,
    OwnKey,
    RetryPolicy,
    Router,
    Secret,
    Strategy,
)
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Endpoint, Stream, Usage
from tests.engine.drivers.test_serving import in_virtual_time
from tests.engine.scripted import deployment, group, path_of, routing_of

Result = Answer | Stream | Exception
HI = {"messages": [{"role": "user", "content": "hi"}]}


@dataclass
class Paced:
    """Each deployment answers, or fails, after so many seconds; a stream's first event comes then."""

    takes_s: dict[str, float]
    failing: dict[str, int] = field(default_factory=dict)
    closed: list[tuple[str, float]] = field(default_factory=list)
    ends_on_close_s: float = 0.0

    async def send(self, call: Call, row: DeploymentSpec, policy: RetryPolicy, attempt: Attempt) -> Answer | Stream:
        name = row.deployment_id
        try:
            await asyncio.sleep(self.takes_s[name])
        except asyncio.CancelledError:
            self._close(name)
            await asyncio.sleep(self.ends_on_close_s)
            raise
        if status := self.failing.get(name):
            raise failures.from_response(row, status, b'{"error": {"message": "scripted"}}', {})
        usage = Usage(100, 10, 110)
        if not call.is_stream:
            return Answer(name.encode(), row, usage)
        stream = Stream(row)
        stream.events = self._events(name)
        return stream

    def _close(self, name: str) -> None:
        self.closed.append((name, asyncio.get_running_loop().time()))

    async def _events(self, name: str) -> AsyncGenerator[bytes]:
        try:
            yield b'data: {"choices": [{"index": 0, "delta": {"content": "pong"}}]}\n\n'
            await asyncio.sleep(1.0)
            yield b"data: [DONE]\n\n"
        except GeneratorExit:
            self._close(name)
            raise


def hedging(**fields: Any) -> GroupSpec:
    prices = {"input_cost_per_token_usd": 1.0, "output_cost_per_token_usd": 1.0}
    rows = tuple(deployment(name, priority=tier, **prices) for tier, name in enumerate("abc", start=1))
    policy = HedgePolicy(after_ms=200, budget=1.0)
    given = {"deployments": rows, "retry": RetryPolicy(0, timeout_s=10), "hedge": policy, **fields}
    return group("g", Strategy.PRIORITY_FAILOVER, router=Router.NATIVE, cooldown=CooldownPolicy(), **given)


async def ask(
    routing: Routing, upstream: Paced, *, is_stream: bool = False, **more: Any
) -> tuple[Result, Trace, float]:
    """What came, the trace, and when it came. Streams are read to their end."""
    trace, live, now = Trace("call", "g"), routing.get("g"), asyncio.get_running_loop().time
    assert live is not None
    endpoint: Endpoint = more.pop("endpoint", "chat/completions")
    call = Call(endpoint, dict(HI), trace, is_stream, upstream, **more)
    began_s = now()
    try:
        result: Result = await routing.route(call, live)
    except (RequestFailed, TimeoutError) as error:
        return error, trace, now() - began_s
    took_s = now() - began_s
    if isinstance(result, Stream):
        assert [event async for event in result]
    return result, trace, took_s


def marks_of(trace: Trace) -> list[tuple[str, str, str | None]]:
    return [(one.status, one.hedge, one.moved_on_because) for one in trace.attempts]


def targets_of(routing: Routing) -> list[Target]:
    return [target for core in routing._cores.values() for target in core.targets()]


def about(seconds: float) -> Any:
    return pytest.approx(seconds)


def by(result: Result) -> str:
    assert isinstance(result, Answer | Stream), result
    return result.deployment.deployment_id


both = pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])


@both
def test_the_second_wins_over_a_slow_one_which_is_closed_at_once(is_stream: bool):
    async def main() -> None:
        routing, upstream = await routing_of(hedging()), Paced({"a": 5.0, "b": 0.3})
        began_s = asyncio.get_running_loop().time()
        result, trace, took_s = await ask(routing, upstream, is_stream=is_stream)
        assert (by(result), took_s) == ("b", about(0.5))
        assert upstream.closed == [("a", about(began_s + 0.5))]
        assert marks_of(trace) == [("cancelled", "hedge_lost", "hedged"), ("success", "hedged", None)]
        assert trace.last is trace.attempts[1]
        assert (trace.retries, trace.fallbacks, trace.has_fallen_back, list(trace.skipped)) == (0, 0, False, [])

    clock.run(main())


@both
def test_the_first_wins_when_it_begins_before_the_second(is_stream: bool):
    async def main() -> None:
        routing, upstream = await routing_of(hedging()), Paced({"a": 0.4, "b": 3.0})
        result, trace, took_s = await ask(routing, upstream, is_stream=is_stream)
        assert (by(result), took_s) == ("a", about(0.4))
        assert marks_of(trace) == [("success", "", "hedged"), ("cancelled", "hedge_lost", None)]
        assert trace.last is trace.attempts[0]
        assert (trace.retries, trace.fallbacks, trace.has_fallen_back) == (0, 0, False)

    clock.run(main())


@in_virtual_time
async def test_one_that_begins_in_time_is_asked_alone():
    routing = await routing_of(hedging())
    _, trace, took_s = await ask(routing, Paced({"a": 0.19}))
    assert (path_of(trace), took_s) == ("a:success", about(0.19))
    assert marks_of(trace) == [("success", "", None)]


@in_virtual_time
async def test_the_loser_has_read_the_prompt_and_no_breaker_hears_of_it():
    routing = await routing_of(hedging())
    for _ in range(5):
        _, trace, _ = await ask(routing, Paced({"a": 5.0, "b": 0.3}))
    lost = trace.attempts[0]
    assert lost.part == (5, 0, 5.0)
    first, *_ = targets_of(routing)
    assert (first.health.in_flight, first.health.breaker.is_quiet) == (0, True)
    assert [target.health.in_flight for target in targets_of(routing)] == [0, 0, 0]


@both
def test_a_failure_beside_one_that_runs_ends_nothing(is_stream: bool):
    async def main() -> None:
        routing = await routing_of(hedging())
        result, trace, took_s = await ask(routing, Paced({"a": 0.4, "b": 0.8}, failing={"a": 503}), is_stream=is_stream)
        assert (by(result), took_s) == ("b", about(1.0))
        assert marks_of(trace) == [("error", "", "hedged"), ("success", "hedged", None)]
        result, trace, took_s = await ask(routing, Paced({"a": 1.0, "b": 0.1}, failing={"b": 400}), is_stream=is_stream)
        assert (by(result), took_s) == ("a", about(1.0))
        assert marks_of(trace) == [("success", "", "hedged"), ("error", "hedged", None)]
        assert trace.last is trace.attempts[0]

    clock.run(main())


@in_virtual_time
async def test_after_both_have_failed_the_next_is_asked_and_that_is_a_fallback():
    routing = await routing_of(hedging())
    result, trace, _ = await ask(routing, Paced({"a": 0.4, "b": 0.4, "c": 0.1}, failing={"a": 503, "b": 503}))
    assert (by(result), path_of(trace)) == ("c", "a:error>b:error>c:success")
    assert [one.moved_on_because for one in trace.attempts] == ["hedged", "fallback_error", None]
    assert (trace.retries, trace.fallbacks, trace.has_fallen_back) == (0, 1, True)


@in_virtual_time
async def test_when_all_fail_the_caller_gets_the_last_error():
    rows = hedging().deployments[:2]
    routing = await routing_of(hedging(deployments=rows))
    error, trace, _ = await ask(routing, Paced({"a": 0.4, "b": 0.1}, failing={"a": 503, "b": 500}))
    assert isinstance(error, RequestFailed)
    assert (error.status, path_of(trace)) == (503, "a:error>b:error")


@both
def test_both_that_begin_at_once_are_told_apart_and_the_loser_is_closed(is_stream: bool):
    async def main() -> None:
        routing, upstream = await routing_of(hedging()), Paced({"a": 0.4, "b": 0.2})
        result, trace, _ = await ask(routing, upstream, is_stream=is_stream)
        assert by(result) == "a"
        assert trace.attempts[1].hedge == "hedge_lost"
        assert trace.last is trace.attempts[0]
        assert [target.health.in_flight for target in targets_of(routing)] == [0, 0, 0]
        if is_stream:
            assert [name for name, _ in upstream.closed] == ["b"]
        else:
            assert trace.attempts[1].part == (100, 10, 110.0)

    clock.run(main())


@in_virtual_time
async def test_a_caller_who_leaves_closes_both():
    routing, upstream = await routing_of(hedging()), Paced({"a": 5.0, "b": 5.0})
    asking = asyncio.create_task(ask(routing, upstream))
    await asyncio.sleep(1.0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert sorted(name for name, _ in upstream.closed) == ["a", "b"]
    assert [target.health.in_flight for target in targets_of(routing)] == [0, 0, 0]


@in_virtual_time
async def test_the_time_of_the_request_ends_both_and_only_the_first_is_to_blame():
    routing = await routing_of(hedging(retry=RetryPolicy(0, timeout_s=10, total_timeout_s=2)))
    for _ in range(3):
        _, trace, took_s = await ask(routing, Paced({"a": 5.0, "b": 5.0}))
        assert (path_of(trace), took_s) == ("a:cancelled>b:cancelled", about(2.0))
    first, second, _ = targets_of(routing)
    assert (first.health.in_flight, second.health.in_flight) == (0, 0)
    assert (first.health.breaker.is_quiet, second.health.breaker.is_quiet) == (False, True)


@in_virtual_time
async def test_one_that_is_slow_to_close_does_not_hold_the_winner_up():
    routing, upstream = await routing_of(hedging()), Paced({"a": 9.0, "b": 0.3}, ends_on_close_s=3.0)
    result, trace, took_s = await ask(routing, upstream)
    assert (by(result), took_s) == ("b", about(0.6))
    assert targets_of(routing)[0].health.in_flight == 1
    await asyncio.sleep(3.0)
    assert targets_of(routing)[0].health.in_flight == 0
    assert trace.attempts[0].hedge == "hedge_lost"


@in_virtual_time
async def test_pictures_and_sound_are_never_asked_for_twice():
    routing = await routing_of(hedging())
    _, trace, _ = await ask(routing, Paced({"a": 1.0}), endpoint="images/generations")
    assert path_of(trace) == "a:success"


@in_virtual_time
async def test_an_own_key_that_is_refused_beside_another_attempt_is_replaced_by_the_systems():
    rows = tuple(deployment(name, priority=tier, provider_id=name) for tier, name in enumerate("ab", start=1))
    routing = await routing_of(hedging(deployments=rows))
    keys = {"a": OwnKey(Secret("own"), may_fall_back=True)}

    @dataclass
    class Refusing(Paced):
        async def send(self, call: Call, row: Any, policy: RetryPolicy, attempt: Attempt) -> Answer | Stream:
            if row.api_key is not None:
                await asyncio.sleep(0.4)
                raise failures.from_response(row, 401, b"{}", {})
            return await super().send(call, row, policy, attempt)

    result, trace, _ = await ask(routing, Refusing({"a": 0.1, "b": 5.0}), own_keys=keys)
    assert (by(result), path_of(trace)) == ("a", "a:error>b:cancelled>a:success")
    assert trace.last is trace.attempts[2]
    assert trace.retries == 1


@in_virtual_time
async def test_measured_first_tokens_decide_when_enough_are_known():
    routing = await routing_of(hedging(hedge=HedgePolicy(budget=1.0)))
    for _ in range(20):
        _, trace, _ = await ask(routing, Paced({"a": 1.0}), is_stream=True)
    assert path_of(trace) == "a:success"
    _, trace, took_s = await ask(routing, Paced({"a": 5.0, "b": 0.5}), is_stream=True)
    assert (path_of(trace), took_s) == ("a:cancelled>b:success", about(1.5))


@in_virtual_time
async def test_no_more_than_the_budget_is_hedged():
    routing = await routing_of(hedging(hedge=HedgePolicy(after_ms=100, budget=0.05)))
    hedged = [(await ask(routing, Paced({"a": 0.5, "b": 0.1}, failing={})))[1].is_hedged for _ in range(100)]
    assert 5 <= sum(hedged) <= 6
