"""One request's way through the gateway: authenticate, resolve, admit, route, stream, record."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog
from django.conf import settings

from access.keys import KeyHolder
from engine.exceptions import RequestFailed
from engine.ledger import Trace
from engine.routing import LiveGroup
from engine.upstreams.call import Answer, Call, Endpoint, Stream
from gateway import openai
from gateway.live import Live
from gateway.openai import ApiError, Headers
from gateway.resolve import Choice, resolve
from usage.models import RequestRecord
from usage.recorder import attempts_of, recorder

log = structlog.get_logger(__name__)

CLIENT_LEFT = 499


@dataclass(slots=True)
class Exchange:
    """One request while it is served, and all that will be recorded of it."""

    endpoint: Endpoint
    holder: KeyHolder
    trace: Trace
    choice: Choice | None = None
    started: float = field(default_factory=time.perf_counter)
    started_at: float = field(default_factory=time.time)
    status: int = CLIENT_LEFT
    result: Answer | Stream | None = None

    @property
    def duration_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


async def serve(live: Live, endpoint: Endpoint, key: str, raw: bytes) -> tuple[Exchange, Headers]:
    """Routes one request. Afterwards `exchange.result` holds the answer, or a stream that has begun."""
    holder = await authenticate(live, key)
    body = openai.parse(raw, endpoint)
    route = await resolve(live, body, endpoint, partial(may_call, live, holder), holder.power_level)
    exchange = Exchange(endpoint, holder, Trace(uuid.uuid4().hex, route.group.spec.name), route.choice)
    try:
        admit(live, holder, route.group)
        call = Call(endpoint, body, exchange.trace, is_stream=bool(body.get("stream")))
        async with asyncio.timeout(settings.REQUEST_DEADLINE_S):
            exchange.result = await live.routing.route(call, route.group)
        exchange.status = 200
    except (RequestFailed, ApiError, TimeoutError) as error:
        failure = _as_api_error(error)
        exchange.status = failure.status
        failure.headers += response_headers(exchange)
        raise failure from error
    finally:
        if not isinstance(exchange.result, Stream):
            record(exchange)
    return exchange, response_headers(exchange)


async def authenticate(live: Live, key: str) -> KeyHolder:
    """The holder of a bearer key; a revoked one is gone within a second."""
    holder = await live.holder(key) if key else None
    if holder is None:
        why = "This key is unknown, revoked or expired." if key else "Send a key as 'Authorization: Bearer KEY'."
        raise ApiError(401, why, code="invalid_api_key", headers=[(b"www-authenticate", b"Bearer")])
    return holder


def admit(live: Live, holder: KeyHolder, group: LiveGroup) -> None:
    """A group that was assigned to keys serves those alone (and the master key)."""
    if not may_call(live, holder, group.spec.name):
        raise ApiError(
            403, f"This key may not call '{group.spec.name}': the group is assigned to others.", param="model"
        )


def may_call(live: Live, holder: KeyHolder, name: str) -> bool:
    """Whether a key holder may call, and see, a group."""
    assigned = live.config.assignments.get(name)
    return assigned is None or holder.key_id is None or holder.key_id in assigned


async def stream(exchange: Exchange) -> AsyncGenerator[bytes]:
    """The events of a stream, an error event when it breaks, and its record at the end."""
    result = exchange.result
    assert isinstance(result, Stream)  # noqa: S101  # the caller asked for it
    exchange.status = CLIENT_LEFT
    try:
        async with asyncio.timeout(max(0.0, settings.REQUEST_DEADLINE_S - exchange.duration_ms / 1000)):
            async with aclosing(aiter(result)) as chunks:
                async for chunk in chunks:
                    yield chunk
        exchange.status = 200
    except (Exception, TimeoutError) as error:
        exchange.status = 502
        last = exchange.trace.last
        yield ApiError(502, (last and last.error_message) or str(error), code="stream_broken").event
    finally:
        if result.is_complete:
            exchange.status = 200
        record(exchange)


async def models(live: Live, key: str) -> bytes:
    """`GET /v1/models`: the virtual models, groups, aliases and levels this key may call, then the catalog's models."""
    holder = await authenticate(live, key)
    virtual = [v.name for v in live.config.virtual.values() if all(may_call(live, holder, t.pool) for t in v.tiers)]
    groups = sorted(g.spec.name for g in live.routing if may_call(live, holder, g.spec.name))
    lone = sorted(live.config.models.keys() - set(groups))
    owned = [(name, "virtual-model") for name in virtual]
    owned += [(name, "routing-group") for name in groups if name not in lone]
    levels = [level for level in live.rankings if not {*groups}.isdisjoint(live.rankings.pools_for(level))]
    known = {*virtual, *groups, *lone, *levels}
    owned += [(alias, "alias") for alias, name in live.config.aliases.items() if name in known]
    owned += [(level, "power-level") for level in levels if level not in groups]
    return openai.model_list([*owned, *((name, name.partition("/")[0]) for name in lone)], created=0)


def response_headers(exchange: Exchange) -> Headers:
    """LiteLLM's header names, with values counted from the ledger."""
    trace, result = exchange.trace, exchange.result
    upstream_ms = sum(a.duration_ms or a.first_token_ms or 0.0 for a in trace.attempts)
    values = {
        "x-litellm-call-id": trace.call_id,
        "x-litellm-model-group": trace.model_group,
        "x-litellm-attempted-retries": trace.retries,
        "x-litellm-attempted-fallbacks": trace.fallbacks,
        "x-litellm-response-duration-ms": round(exchange.duration_ms, 3),
        "x-litellm-overhead-duration-ms": round(max(0.0, exchange.duration_ms - upstream_ms), 3),
    }
    if result is not None:
        values["x-litellm-model-id"] = result.deployment.deployment_id
    if (choice := exchange.choice) is not None:
        values |= {"x-routing-virtual-model": choice.virtual_model, "x-routing-pool": choice.pool}
        values |= {} if choice.score is None else {"x-routing-score": choice.score}
    if isinstance(result, Answer) and (cost := _cost_usd(result)) is not None:
        values["x-litellm-response-cost"] = f"{cost:.10f}".rstrip("0").rstrip(".")
    return [(name.encode(), str(value).encode()) for name, value in values.items()]


def record(exchange: Exchange) -> None:
    """Hands the finished request to the recorder; nothing waits for it."""
    usage, choice = exchange.result.usage if exchange.result else None, exchange.choice
    recorder.put(
        RequestRecord(
            call_id=exchange.trace.call_id,
            model_group=exchange.trace.model_group,
            owner=exchange.holder.name,
            key_id=exchange.holder.key_id or "",
            started_at=datetime.fromtimestamp(exchange.started_at, UTC),
            duration_ms=exchange.duration_ms,
            status=exchange.status,
            is_stream=isinstance(exchange.result, Stream),
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            cost_usd=_cost_usd(exchange.result) if exchange.result else None,
            virtual_model=choice.virtual_model if choice else "",
            virtual_tier=choice.tier if choice else "",
            score=choice.score if choice else None,
            attempts=attempts_of(exchange.trace),
        )
    )


def _cost_usd(result: Answer | Stream) -> float | None:
    if result.usage is None:
        return None
    return result.deployment.cost_usd(input_tokens=result.usage.input_tokens, output_tokens=result.usage.output_tokens)


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestFailed):
        return openai.from_failure(error)
    return ApiError(504, f"No deployment answered within {settings.REQUEST_DEADLINE_S:g} s.", code="deadline_exceeded")
