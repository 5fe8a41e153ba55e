"""One test request through a group, with the same routers that serve traffic."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from pydantic_core import from_json

from access.keys import KeyHolder
from access.models import Actor
from engine.exceptions import RequestFailed
from engine.ledger import Trace, new_call_id
from engine.upstreams.call import Answer, Call
from engine.upstreams.mock import MockUpstream
from gateway import openai
from groups.models import RoutingGroup
from groups.specs import spec_of
from usage.request_log.packing import skip_of

if TYPE_CHECKING:
    from engine.routing import LiveGroup
    from gateway.exchange import Exchange
    from gateway.live import Live

# Imports of `gateway.live` are inside functions: LiteLLM takes seconds to import, and most commands load the URLs, and
# so this file.
DEFAULT_MESSAGES = [{"role": "user", "content": "Hello, respond with one word."}]


@dataclass(frozen=True, slots=True)
class RoutingTrace:
    """One attempt with the REST API's names; the fields from `error_class` on are our own.

    `started_ms` counts from the start of the request.
    """

    deployment_id: str
    deployment_name: str
    provider: str
    latency_ms: float
    was_fallback: bool
    fallback_depth: int
    status: str
    error_message: str | None
    error_class: str | None
    tier: int
    moved_on_because: str | None
    started_ms: float
    dropped_params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendTestResult:
    """The result of one test request (`RoutingGroupTestResult` of the REST API)."""

    success: bool
    response_text: str | None
    traces: tuple[RoutingTrace, ...]
    total_latency_ms: float
    final_deployment: str
    final_provider: str
    call_id: str
    error: str | None = None
    skipped: tuple[dict[str, Any], ...] = ()


def try_group(
    *,
    name: str,
    by: Actor,
    messages: list[dict[str, Any]] | None = None,
    mock: bool = False,
    params: dict[str, Any] | None = None,
) -> SendTestResult:
    """Sends one real (or mock) request through the group `name`, active or not. For use in synchronous views.

    Raises `gateway.openai.ApiError` (400) for messages or parameters that cannot be routed.
    """
    body = {"messages": messages or DEFAULT_MESSAGES, **(params or {}), "model": name, "stream": False}
    return async_to_sync(send)(name=name, by=by, body=body, mock=mock)


async def send(*, name: str, by: Actor, body: dict[str, Any], mock: bool) -> SendTestResult:
    """Routes one request; an inactive group gets a temporary router, so that it can be tried before it is activated."""
    from gateway.exchange import Exchange
    from gateway.live import serving
    from gateway.records import record

    openai.check(body, "chat/completions")
    async with serving() as live:
        group = live.routing.get(name) or await _inactive(name)
        holder = by if isinstance(by, KeyHolder) else KeyHolder(by.name, by.effective_role)
        trace = Trace(new_call_id(), name)
        exchange = Exchange("chat/completions", holder, trace, revision=group.spec.revision, was_routed=True)
        call = Call("chat/completions", body, exchange.trace, upstream=MockUpstream() if mock else None)
        error = await _route(live, group, call, exchange)
        if group is not live.routing.get(name):
            group.retire()
        record(exchange)
        return _result(exchange, error)


async def _route(live: Live, group: LiveGroup, call: Call, exchange: Exchange) -> str | None:
    call.budget_s = float(settings.REQUEST_DEADLINE_S)
    try:
        async with asyncio.timeout(call.budget_s):
            exchange.result = await live.routing.route(call, group)
    except RequestFailed as failure:
        exchange.status, exchange.error_code = failure.status, failure.code or ""
        return failure.message
    except TimeoutError:
        exchange.status, exchange.error_code = 504, "deadline_exceeded"
        return f"No deployment answered within {settings.REQUEST_DEADLINE_S:g} s."
    exchange.status = 200
    return None


async def _inactive(name: str) -> LiveGroup:
    from engine.routing import build

    def load() -> LiveGroup:
        return build(spec_of(RoutingGroup.objects.with_credentials().get(name=name)))

    return await sync_to_async(load)()


def _result(exchange: Exchange, error: str | None) -> SendTestResult:
    trace, last = exchange.trace, exchange.trace.last
    return SendTestResult(
        success=error is None,
        response_text=_text(exchange.result) if isinstance(exchange.result, Answer) else None,
        traces=tuple(_traces(exchange)),
        total_latency_ms=round(exchange.duration_ms, 3),
        final_deployment=last.deployment_name if last else "",
        final_provider=last.provider if last else "",
        call_id=trace.call_id,
        error=error,
        skipped=tuple(skip_of(skip.to_json()) for skip in trace.skipped),
    )


def _traces(exchange: Exchange) -> list[RoutingTrace]:
    trace = exchange.trace
    return [
        RoutingTrace(
            deployment_id=a.deployment_id,
            deployment_name=a.deployment_name,
            provider=a.provider,
            latency_ms=round(a.duration_ms or 0.0, 3),
            was_fallback=a.fallback_depth > 0,
            fallback_depth=a.fallback_depth,
            status=a.status,
            error_message=a.error_message,
            error_class=a.error_class,
            tier=a.tier,
            moved_on_because=a.moved_on_because,
            started_ms=round((a.started_at - exchange.started_at) * 1000, 3),
            dropped_params=a.dropped_params,
        )
        for a in trace.attempts
    ]


def _text(answer: Answer) -> str | None:
    choices = from_json(answer.body).get("choices") or [{}]
    content = (choices[0].get("message") or {}).get("content")
    return content if isinstance(content, str) else None
