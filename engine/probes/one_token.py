"""One request for one token to a deployment without traffic, through the engine that serves.

It takes the way of real traffic (the group's router, upstreams, adaptations and time limits, the same reading of
errors), but alone: no retry, no other deployment, no caller's key. Its routers are its own, so that breakers, limits
and latencies of real traffic know nothing of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from engine.exceptions import DeadlineExceeded, RequestFailed
from engine.ledger import Trace
from engine.outcomes import CLIENT_LEFT
from engine.routing import Routing
from engine.spec import CooldownPolicy, DeploymentSpec, FallbackPolicy, GroupSpec, Strategy
from engine.upstreams.call import CHAT, Answer, Call, Endpoint, Stream

# The longest that it may take, whatever its group allows.
LONGEST_S = 300.0
# Some refuse a limit of one token; a second request has this.
ENOUGH_TOKENS = 16
PING = {"role": "user", "content": "ping"}
BAD_REQUEST, TIMEOUT = "BadRequestError", "Timeout"
# A model that thinks first says so of a limit that it has used up: it is alive.
USED_UP = re.compile(r"output limit was reached|finish the message", re.IGNORECASE)


@dataclass(slots=True)
class OneTokenResult:
    """The answer, or the error in words for people. `is_timeout`: a time limit of ours ended it."""

    call: Call
    status: int = CLIENT_LEFT
    answer: Answer | Stream | None = None
    error: str = ""
    code: str = ""
    is_timeout: bool = False
    retry_after_s: float = 0.0


def alone(spec: GroupSpec, deployment: DeploymentSpec) -> GroupSpec:
    """The group with this deployment only, which is asked once; without limits that real traffic may have used up."""
    free = replace(deployment, priority=None, weight=None, rpm=None, tpm=None, max_parallel=None)
    return replace(
        spec,
        strategy=Strategy.SIMPLE_SHUFFLE,
        deployments=(free,),
        retry=replace(spec.retry, num_retries=0, max_fallbacks=0, by_error=()),
        cooldown=CooldownPolicy(cooldown_time_s=0.0),
        fallback=FallbackPolicy(),
        sticky=None,
        rescues=False,
        hedge=None,
    )


def question(endpoint: Endpoint, tokens: int) -> dict[str, Any]:
    """The smallest request of an endpoint."""
    if endpoint == CHAT:
        return {"messages": [PING], "max_tokens": tokens}
    return {"query": "ping", "documents": ["ping"]} if endpoint == "rerank" else {"input": "ping"}


async def ask_for_one_token(
    spec: GroupSpec,
    deployment: DeploymentSpec,
    endpoint: Endpoint,
    *,
    call_id: str,
    rng: Random,
    budget_s: float = LONGEST_S,
) -> OneTokenResult:
    """Asks a deployment as its group would, for `budget_s` at most; never raises for an upstream's error."""
    lone = alone(spec, deployment)
    ask = partial(_asked, lone, endpoint, call_id, rng=rng, budget_s=budget_s)
    result = await ask(1)
    last = result.call.trace.last
    if endpoint == CHAT and result.error and last is not None and last.error_class == BAD_REQUEST:
        before = result.call.trace
        result = await ask(ENOUGH_TOKENS)
        result.call.trace.attempts[:0] = before.attempts
        if USED_UP.search(result.error):
            result.error = ""
    return result


async def _asked(
    spec: GroupSpec, endpoint: Endpoint, call_id: str, tokens: int, *, rng: Random, budget_s: float
) -> OneTokenResult:
    call = Call(endpoint, {"model": spec.name, **question(endpoint, tokens)}, Trace(call_id, ""), budget_s=budget_s)
    routing, result = Routing(rng), OneTokenResult(call)
    await routing.put(spec)
    group = routing.get(spec.name)
    assert group is not None  # noqa: S101  # it was put there
    try:
        result.answer = await routing.route(call, group)
        result.status = 200
    except RequestFailed as failure:
        _note(result, failure)
    finally:
        routing.remove(spec.name)
    return result


def _note(result: OneTokenResult, failure: RequestFailed) -> None:
    last = result.call.trace.last
    result.status, result.code = failure.status, failure.code or ""
    # The upstream's own words, where a client would be told less.
    result.error = (last.error_message if last is not None else None) or failure.message
    result.retry_after_s = failure.retry_after_s or 0.0
    is_of_attempt = last is not None and last.error_class == TIMEOUT and last.status_code is None
    result.is_timeout = is_of_attempt or isinstance(failure, DeadlineExceeded)
