"""An upstream that does what a test says, and specs made short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from engine.ledger import Attempt, Trace
from engine.routing import LiveGroup, Routing
from engine.spec import DeploymentSpec, GroupSpec, RetryPolicy, Router, Strategy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Usage

Behaviour = Callable[[DeploymentSpec], Exception | None]


class ScriptedUpstream:
    """Fails where `failing` says so (deployment id -> HTTP status), else answers, after `delays_s`."""

    def __init__(self, failing: dict[str, int] | None = None, delays_s: dict[str, float] | None = None) -> None:
        self.failing = failing or {}
        self.delays_s = delays_s or {}
        self.in_flight: dict[str, int] = {}
        self.served: dict[str, int] = {}
        self.gate: asyncio.Event | None = None

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        name = deployment.deployment_id
        self.in_flight[name] = self.in_flight.get(name, 0) + 1
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(self.delays_s.get(name, 0))
            if status := self.failing.get(name):
                raise failures.from_response(deployment, status, b'{"error": {"message": "scripted"}}', {})
        finally:
            self.in_flight[name] -= 1
        self.served[name] = self.served.get(name, 0) + 1
        usage = Usage(10, 10, 20)
        if not call.is_stream:
            return Answer(b"{}", deployment, usage)
        stream = Stream(deployment, usage)
        stream.events = _two_events()
        return stream


async def _two_events() -> AsyncGenerator[bytes]:
    yield b'data: {"choices": []}\n\n'
    yield b"data: [DONE]\n\n"


def deployment(name: str, **fields: Any) -> DeploymentSpec:
    defaults: dict[str, Any] = {"name": name, "provider": "P", "provider_type": "openai", "upstream_model": "gpt-4o"}
    return DeploymentSpec(deployment_id=name, **{**defaults, **fields})


def group(name: str = "g", strategy: Strategy = Strategy.PRIORITY_FAILOVER, **fields: Any) -> GroupSpec:
    """Three deployments a, b, c in three tiers; no retries, so that each attempt is one decision."""
    defaults: dict[str, Any] = {
        "group_id": f"id-{name}",
        "deployments": tuple(deployment(n, priority=p, weight=1) for p, n in enumerate("abc", start=1)),
        "retry": RetryPolicy(num_retries=0),
        "router": Router.LITELLM,
    }
    return GroupSpec(name=name, strategy=strategy, **{**defaults, **fields})


async def routing_of(*specs: GroupSpec) -> Routing:
    routing = Routing()
    for spec in specs:
        routing.add(LiveGroup(spec))
    return routing


async def request(routing: Routing, name: str, upstream: Any, *, is_stream: bool = False) -> tuple[Any, Trace]:
    """One request; gives the result, or the exception, and its trace."""
    trace, live = Trace("call", name), routing.get(name)
    assert isinstance(live, LiveGroup)
    call = Call("chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, trace, is_stream, upstream)
    try:
        return await routing.route(call, live), trace
    except Exception as error:
        return error, trace


def path_of(trace: Trace) -> str:
    """A trace as one line: `a:error>b:success`."""
    return ">".join(f"{a.deployment_id}:{a.status}" for a in trace.attempts)
