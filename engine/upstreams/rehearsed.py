"""Rehearsed upstreams: their speed and errors follow their profiles and a scenario."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence

from pydantic_core import to_json

from engine.faults.conditions import conditions_of
from engine.faults.fates import Fate, FilteredAnswer, Malformed, Redirected, Refusal, Told
from engine.faults.scenarios import Scenario
from engine.ledger import Attempt
from engine.rehearsal.profiles import Profile
from engine.spec import DeploymentSpec, GroupSpec, RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Usage
from engine.upstreams.upstream_failure import UpstreamFailure

BODY = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Rehearsed."},"finish_reason":"stop"}]}'
FIRST_EVENT = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Rehearsed."}}]}\n\n'
LAST_EVENTS = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


class RehearsedUpstream:
    """Every deployment of a run. Create it inside the run's event loop: the run's clock starts then.

    For the arguments see `conditions_of`. Obeys the policies' time limits like a direct connection.
    """

    def __init__(
        self, specs: Sequence[GroupSpec], scenario: Scenario, profiles: Mapping[str, Profile], seed: int
    ) -> None:
        self._now = asyncio.get_running_loop().time
        self._start_s = self._now()
        self._conditions = conditions_of(specs, scenario, profiles, seed)

    @property
    def struck(self) -> frozenset[int]:
        """Positions of the scenario's faults that have changed the outcome of an attempt."""
        return frozenset(number for place in self._conditions.values() for number in place.struck)

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        input_tokens, output_tokens = call.tokens or (0, 0)
        at_s = self._now() - self._start_s
        fate = self._conditions[deployment.deployment_id].fate(
            at_s, input_tokens, output_tokens, is_stream=call.is_stream
        )
        fate.heed_filter(is_left=call.leaves_filtered)
        await _wait(fate, call, deployment, policy)
        if isinstance(fate.trouble, Told):
            raise _failure(deployment, fate.trouble, is_stream=call.is_stream)
        usage = Usage(input_tokens, output_tokens, input_tokens + output_tokens)
        if not call.is_stream:
            return Answer(BODY, deployment, usage)
        attempt.first_token_ms = (time.time() - attempt.started_at) * 1000
        stream = Stream(deployment)
        stream.events = _events(stream, fate, policy)
        return stream


async def _wait(fate: Fate, call: Call, deployment: DeploymentSpec, policy: RetryPolicy) -> None:
    """Waits for the answer, a stream's first token, or the error; raises if the policy's limit comes first."""
    limit_s = policy.limit_s(is_stream=call.is_stream)
    if fate.news_s < limit_s:
        await asyncio.sleep(fate.news_s)
        return
    await asyncio.sleep(limit_s)
    raise failures.timed_out(deployment, f"no {'first token' if call.is_stream else 'answer'}", limit_s)


async def _events(stream: Stream, fate: Fate, policy: RetryPolicy) -> AsyncGenerator[bytes]:
    """The first token, then all others at once when the last is due, unless the stream breaks before."""
    idle_s = policy.stream_idle_timeout_s
    yield FIRST_EVENT
    fate.heed_idle_limit(idle_s)
    await asyncio.sleep(fate.output_s * (1.0 if fate.breaks_at is None else fate.breaks_at))
    stream.usage = Usage(fate.input_tokens, fate.said_tokens, fate.input_tokens + fate.said_tokens)
    if fate.breaks_at is None:
        yield LAST_EVENTS
    elif fate.is_stalled:
        await asyncio.sleep(idle_s)
        raise failures.timed_out(stream.deployment, "the stream went silent", idle_s)
    elif fate.says is not None:
        code = {} if fate.says.status is None else {"code": fate.says.status}
        raise failures.from_event(stream.deployment, {"message": fate.says.message, **code})
    else:
        raise failures.unreachable(stream.deployment, "the stream was cut before its end")


def _failure(deployment: DeploymentSpec, trouble: Told, *, is_stream: bool = False) -> UpstreamFailure:
    if isinstance(trouble, Malformed):
        return failures.invalid(deployment, trouble.words(is_stream=is_stream))
    if isinstance(trouble, Redirected):
        return failures.invalid(deployment, trouble.words, status=trouble.status)
    if isinstance(trouble, FilteredAnswer):
        return failures.blocked(deployment)
    if isinstance(trouble, Refusal):
        headers = {} if trouble.retry_after_s is None else {"Retry-After": f"{trouble.retry_after_s:.10g}"}
        body = to_json({"error": {"message": trouble.message}})
        return failures.from_response(deployment, trouble.status, body, headers)
    return failures.unreachable(deployment, trouble.message)
