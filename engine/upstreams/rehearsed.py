"""Rehearsed upstreams: their speed and errors follow their profiles and a scenario."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

from pydantic_core import to_json

from engine.conditions import Conditions
from engine.fault_effects import Broken, Fate, Refusal, Silence
from engine.ledger import Attempt
from engine.profiles import DEFAULT_PROFILE, Profile
from engine.scenarios import Scenario
from engine.spec import DeploymentSpec, GroupSpec, RetryPolicy
from engine.targets import TargetedFault, targets
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Usage

# An error comes sooner than an answer; a refused connection is immediate.
REFUSAL_SHARE = 0.25
BROKEN_AFTER_S = 0.002
BODY = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Rehearsed."},"finish_reason":"stop"}]}'
FIRST_EVENT = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Rehearsed."}}]}\n\n'
LAST_EVENTS = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


class RehearsedUpstream:
    """Every deployment of a run. Create it inside the run's event loop: the run's clock starts then.

    `specs` are all groups that a request can reach, the rehearsed one first; a deployment of two groups is the same
    upstream for both. `profiles` are by deployment id; random numbers are by provider and model instead, so that a seed
    gives the same run in another console. Keeps the policies' time limits like a direct connection.
    """

    def __init__(
        self, specs: Sequence[GroupSpec], scenario: Scenario, profiles: Mapping[str, Profile], seed: int
    ) -> None:
        self._now = asyncio.get_running_loop().time
        self._start_s = self._now()
        self._errors = _Errors()
        aims = [(number, fault, targets(fault.target, specs, profiles)) for number, fault in enumerate(scenario.faults)]

        def faults_at(name: str) -> Iterator[tuple[int, TargetedFault]]:
            return ((number, fault) for number, fault, struck in aims if name in struck)

        deployments = {row.deployment_id: row for spec in specs for row in spec.deployments}
        self._conditions = {
            name: Conditions(_drawn_by(row), profiles.get(name, DEFAULT_PROFILE), faults_at(name), seed)
            for name, row in deployments.items()
        }

    @property
    def struck(self) -> frozenset[int]:
        """Positions of the scenario's faults that have changed the outcome of an attempt."""
        return frozenset(number for place in self._conditions.values() for number in place.struck)

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        input_tokens, output_tokens = call.tokens or (0, 0)
        # To the microsecond: float errors must not move an attempt out of a fault's window.
        at_s = round(self._now() - self._start_s, 6)
        fate = self._conditions[deployment.deployment_id].fate(
            at_s, input_tokens, output_tokens, is_stream=call.is_stream
        )
        await _wait(fate, call, deployment, policy)
        if isinstance(fate.trouble, Refusal | Broken):
            raise self._errors.make(deployment, fate.trouble)
        usage = Usage(input_tokens, output_tokens, input_tokens + output_tokens)
        if not call.is_stream:
            return Answer(BODY, deployment, usage)
        attempt.first_token_ms = (time.time() - attempt.started_at) * 1000
        stream = Stream(deployment)
        stream.events = _events(stream, fate, usage, policy)
        return stream


def _drawn_by(deployment: DeploymentSpec) -> str:
    """The identity of this deployment in any console; ids differ between consoles."""
    return f"{deployment.provider}/{deployment.upstream_model}"


async def _wait(fate: Fate, call: Call, deployment: DeploymentSpec, policy: RetryPolicy) -> None:
    """Waits for the answer, a stream's first token, or the error; raises if the policy's limit comes first."""
    limit_s = (policy.first_token_timeout_s if call.is_stream else None) or policy.timeout_s
    wait_s = _until_news_s(fate, is_stream=call.is_stream)
    if wait_s < limit_s:
        await asyncio.sleep(wait_s)
        return
    await asyncio.sleep(limit_s)
    raise failures.timed_out(deployment, f"no {'first token' if call.is_stream else 'answer'}", limit_s)


def _until_news_s(fate: Fate, *, is_stream: bool) -> float:
    match fate.trouble:
        case None:
            return fate.first_token_s + (0.0 if is_stream else fate.output_s)
        case Refusal():
            return fate.first_token_s * REFUSAL_SHARE
        case Broken():
            return BROKEN_AFTER_S
        case Silence():
            return math.inf


async def _events(stream: Stream, fate: Fate, usage: Usage, policy: RetryPolicy) -> AsyncGenerator[bytes]:
    """The first token, then all others at once when the last is due, unless the stream breaks before."""
    idle_s = policy.stream_idle_timeout_s
    yield FIRST_EVENT
    breaks_at, is_stalled = fate.breaks_at, fate.is_stalled
    if fate.output_s > idle_s * max(1, fate.output_tokens):
        # Tokens are so slow that the pause before the second one exceeds the limit.
        breaks_at, is_stalled = 0.0, True
    await asyncio.sleep(fate.output_s * (1.0 if breaks_at is None else breaks_at))
    if breaks_at is None:
        stream.usage = usage
        yield LAST_EVENTS
    elif is_stalled:
        await asyncio.sleep(idle_s)
        raise failures.timed_out(stream.deployment, "the stream went silent", idle_s)
    else:
        raise failures.unreachable(stream.deployment, "the stream was cut before its end")


class _Errors:
    """LiteLLM's exceptions for rehearsed errors.

    Mapping one takes 0.2 ms, so each kind is mapped once and then copied.
    """

    def __init__(self) -> None:
        self._patterns: dict[tuple[str, Refusal | Broken], Exception] = {}

    def make(self, deployment: DeploymentSpec, trouble: Refusal | Broken) -> Exception:
        """A new exception, because the router changes the ones that it gets."""
        key = deployment.deployment_id, trouble
        if (pattern := self._patterns.get(key)) is None:
            pattern = self._patterns[key] = _mapped(deployment, trouble)
        error = type(pattern).__new__(type(pattern), *pattern.args)
        error.__dict__.update(pattern.__dict__)
        return error


def _mapped(deployment: DeploymentSpec, trouble: Refusal | Broken) -> Exception:
    if isinstance(trouble, Refusal):
        headers = {} if trouble.retry_after_s is None else {"Retry-After": f"{trouble.retry_after_s:.10g}"}
        body = to_json({"error": {"message": trouble.message}})
        return failures.from_response(deployment, trouble.status, body, headers)
    return failures.unreachable(deployment, trouble.message)
