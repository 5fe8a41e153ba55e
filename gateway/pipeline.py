"""One request's way through the gateway: authenticate, resolve, admit, route, stream, record."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from pydantic_core import to_json

from access.credits import CapReached, OutOfCredits
from engine.allowance.purse import reachable
from engine.dialects.translation import Malformed
from engine.exceptions import RequestFailed
from engine.ledger import Hedge, Trace
from engine.outcomes import CLIENT_LEFT
from engine.routing import LiveGroup, failure_of
from engine.upstreams import estimates
from engine.upstreams.call import Answer, Call, Endpoint, Stream
from engine.upstreams.counting import counted
from engine.upstreams.time_limits import within
from engine.upstreams.units import most_units
from gateway import openai
from gateway.admission.highest_cost import most_nanousd
from gateway.admission.key_rights import (
    admit,
    authenticate,
    check_scope,
    is_assigned,
    may_fall_back_to,
    still_authentic,
)
from gateway.background.shutdown import ServerStops, ends_with_process
from gateway.bodies import unpacked
from gateway.doors import error_shapes
from gateway.doors.form_reader import FormReader
from gateway.doors.incoming import Incoming
from gateway.exchange import Exchange
from gateway.keeping.owners import keep, look_up, may_be_kept, source_of
from gateway.live import Live
from gateway.openai import ApiError, Headers
from gateway.records import cost_usd, foresee, record
from gateway.resolve import VirtualChoice, resolve
from gateway.sticky import conversation_of
from gateway.tracing import switch as tracing

# Doors without streams.
WHOLE: frozenset[Endpoint] = frozenset({"embeddings", "moderations", "rerank"})


async def check_key(live: Live, request: Incoming) -> None:
    """Raises ApiError for a key that may not call, before its body is read."""
    check_scope(await authenticate(live, request.key, request))


async def serve(live: Live, request: Incoming, raw: bytes | FormReader) -> tuple[Exchange, Headers]:
    """Routes one request with this body.

    Afterwards `exchange.result` holds the answer, or an open stream.
    """
    endpoint = request.way.endpoint
    holder = await still_authentic(live, request)
    request.exchange = exchange = Exchange(endpoint, holder, Trace(request.call_id, ""))
    tracing.begin(request, exchange)
    headers: Headers = []
    try:
        check_scope(holder)
        body, size = await _asked(request, raw)
        exchange.call = call = Call(endpoint, body, exchange.trace, _is_stream(body, endpoint))
        call.upload = None if isinstance(raw, bytes) else raw.upload
        check_sound(call)
        call.may_be_kept, call.source = may_be_kept(call), await source_of(live, holder, call)
        await look_up(live, holder, call)
        route = await resolve(live, call, partial(is_assigned, live, holder), holder.power_level)
        exchange.go(route)
        admit(live, holder, body["model"], route)
        headers = await live.rate_limits.admit(holder)
        call.headers = request.passed_on
        if exchange.span is not None:
            call.traceparent = exchange.span.traceparent
        if (sticky := route.group.spec.sticky) is not None:
            call.conversation = conversation_of(sticky, request, call, holder)
        call.own_keys, call.shares_accounts = live.own_keys_of(holder), settings.SHARED_PROVIDER_ACCOUNTS
        call.may_use = partial(may_fall_back_to, live, holder, route.choice.virtual_model if route.choice else "")
        call.budget_s = float(settings.REQUEST_DEADLINE_S)
        await hold(live, exchange, call, route.group, size=size)
        exchange.rate_limits, exchange.was_routed = live.rate_limits, True
        # Within the call's `budget_s`: a limit around it would be a second timer for the same moment.
        with ends_with_process():
            exchange.result = await live.routing.route(call, route.group)
        exchange.status = 200
        exchange.keep = partial(keep, live)
        if isinstance(exchange.result, Answer) and exchange.result.kept is not None:
            await exchange.keep(exchange, exchange.result.kept)
    except (RequestFailed, ApiError, Malformed, TimeoutError, ServerStops, OperationalError, InterfaceError) as error:
        failure = _as_api_error(error)
        exchange.status, exchange.error_code = failure.status, failure.code or failure.fields["type"] or ""
        failure.headers += response_headers(exchange) + headers
        raise failure from error
    except Exception:
        exchange.status, exchange.error_code = 500, "internal_error"  # no caller left: this is our own failure
        raise
    finally:
        if not isinstance(exchange.result, Stream):
            record(exchange)
    return exchange, response_headers(exchange) + headers


def _is_stream(body: dict[str, Any], endpoint: Endpoint) -> bool:
    """Whether a stream is asked for; a door without streams ignores the wish, as OpenAI does."""
    if endpoint == "audio/speech":
        return body.get("stream_format") == "sse"
    return endpoint not in WHOLE and bool(body.get("stream"))


async def _asked(request: Incoming, raw: bytes | FormReader) -> tuple[dict[str, Any], int]:
    """What a request asks for, and the bytes of it that may be text."""
    if not isinstance(raw, bytes):
        openai.check(raw.fields, request.way.endpoint)
        return raw.fields, len(to_json(raw.fields))
    raw = await unpacked(raw, request.encoding, settings.MAX_REQUEST_MB)
    return openai.parse(raw, request.way.endpoint, model=request.way.model), len(raw)


async def count(live: Live, request: Incoming, raw: bytes) -> bytes:
    """`POST /v1/messages/count_tokens`: the provider's count of the input, or our estimate.

    For a key that may call the model. It costs nothing: no credits, no part of a limit, no row in the log.
    """
    holder = await still_authentic(live, request)
    check_scope(holder)
    raw = await unpacked(raw, request.encoding, settings.MAX_REQUEST_MB)
    body = openai.parse(raw, "messages")
    call = Call("messages", {**body, "max_tokens": 1, "stream": False}, Trace(request.call_id, ""))
    try:
        route = await resolve(live, call, partial(is_assigned, live, holder), holder.power_level)
        admit(live, holder, body["model"], route)
        call.own_keys, call.headers = live.own_keys_of(holder), request.passed_on
        tokens = await counted(call, route.group.spec) or max(1, estimates.input_tokens(call.chat))
        return to_json({"input_tokens": tokens})
    except Malformed as error:
        raise _as_api_error(error) from None


def check_sound(call: Call) -> None:
    """Raises Malformed for a request of another door that is wrong at every upstream: its view is made here."""
    if call.is_chat:
        _ = call.chat


async def hold(live: Live, exchange: Exchange, call: Call, group: LiveGroup, *, size: int) -> None:
    """Holds the highest cost of the request if an account pays for it; raises ApiError if that is too much."""
    account = exchange.holder.account_id
    if account is None:
        return
    payable = reachable(live.routing, group.spec, call.may_use)
    units = most_units(call.endpoint, call.body) if call.upload is None else (call.upload.most_seconds, "second")
    most = most_nanousd(call.chat, size, payable, call.own_keys, units)
    if not most:
        return
    if group.spec.hedge is not None:
        most *= 2  # two may be asked
    exchange.is_held = True  # set before the hold, so that a caller who leaves in between is settled too
    try:
        await live.hold(account_id=account, call_id=exchange.trace.call_id, amount_nanousd=most)
    except (OutOfCredits, CapReached) as error:
        exchange.is_held = False
        raise openai.from_shortage(error) from None


async def stream(exchange: Exchange) -> AsyncGenerator[bytes]:
    """The events of a stream, an error event when it breaks, and its record at the end."""
    result = exchange.result
    assert isinstance(result, Stream)  # noqa: S101  # the caller asked for it
    exchange.status, noted = CLIENT_LEFT, None
    try:
        with ends_with_process(), within(max(0.0, settings.REQUEST_DEADLINE_S - exchange.duration_ms / 1000)):
            async with aclosing(aiter(result)) as chunks:
                async for chunk in chunks:
                    # Before the caller sees the id, and again with all items at the end.
                    if (kept := result.kept) is not noted and kept is not None and exchange.keep is not None:
                        await exchange.keep(exchange, noted := kept)
                    if exchange.heard is not None:
                        exchange.heard.append(chunk)
                    if result.is_complete:
                        exchange.status = 200
                        foresee(exchange)
                    yield chunk
        exchange.status = 200
    except (Exception, TimeoutError) as error:
        exchange.status = 502
        failure = _as_api_error(error if isinstance(error, TimeoutError | ServerStops) else failure_of(error))
        if isinstance(error, ServerStops):
            exchange.status, exchange.error_code = failure.status, failure.code or ""
        if not result.kind:
            kind = error_shapes.type_of(failure) if exchange.endpoint == "messages" else None
            yield failure.ending(result.fail, kind)
    finally:
        if result.is_complete:
            exchange.status = 200
        record(exchange)


def response_headers(exchange: Exchange) -> Headers:
    """LiteLLM's header names, with values counted from the ledger."""
    trace, result, duration_ms = exchange.trace, exchange.result, exchange.duration_ms
    upstream_ms = trace.upstream_ms
    headers: Headers = [
        (b"x-litellm-call-id", trace.call_id.encode()),
        (b"x-litellm-attempted-retries", b"%d" % trace.retries),
        (b"x-litellm-attempted-fallbacks", b"%d" % trace.fallbacks),
        (b"x-litellm-response-duration-ms", b"%.3f" % duration_ms),
        (b"x-litellm-overhead-duration-ms", b"%.3f" % max(0.0, duration_ms - upstream_ms)),
    ]
    if trace.model_group:
        headers.append((b"x-litellm-model-group", trace.model_group.encode()))
    if trace.skipped:
        headers.append((b"x-routing-skipped", b"%d" % len(trace.skipped)))
    if result is not None:
        headers.append((b"x-litellm-model-id", result.deployment.deployment_id.encode()))
    if trace.is_hedged:
        has_won = trace.last is not None and trace.last.hedge == Hedge.HEDGED
        headers.append((b"x-routing-hedged", b"won" if has_won else b"lost"))
    if trace.last is not None and trace.last.dropped_params:
        headers.append((b"x-routing-dropped-params", ",".join(trace.last.dropped_params).encode()))
    if exchange.choice is not None:
        headers += _headers_of_choice(exchange.choice)
    if (isinstance(result, Answer) or (result and result.kind)) and (cost := cost_usd(result, trace)) is not None:
        headers.append((b"x-litellm-response-cost", f"{cost:.10f}".rstrip("0").rstrip(".").encode()))
    return headers if result is None else [*headers, *result.headers]


def _headers_of_choice(choice: VirtualChoice) -> Headers:
    names: Headers = [
        (b"x-routing-virtual-model", choice.virtual_model.encode()),
        (b"x-routing-pool", choice.pool.encode()),
    ]
    return names if choice.score is None else [*names, (b"x-routing-score", b"%d" % choice.score)]


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Malformed):
        return ApiError(400, error.message, param=error.param)
    if isinstance(error, RequestFailed):
        return openai.from_failure(error)
    if isinstance(error, ServerStops):
        why = "This server was stopped before the answer was complete. Ask again: another one answers."
        return ApiError(503, why, code="server_stopping", headers=[(b"retry-after", b"1")])
    if isinstance(error, OperationalError | InterfaceError):
        return openai.database_away()
    return ApiError(504, f"No deployment answered within {settings.REQUEST_DEADLINE_S:g} s.", code="deadline_exceeded")
