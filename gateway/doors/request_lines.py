"""One log line for each request, when it has ended; and its id in every line that is logged on its way."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from engine.ledger import new_call_id
from engine.outcomes import CLIENT_LEFT
from engine.redaction import redact
from gateway.doors.incoming import Incoming
from gateway.doors.paths import Asks
from gateway.exchange import Exchange

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOGGER = "gateway.requests"
EVENT = "request"
# Asked all the time, by balancers and by monitoring.
UNTOLD = frozenset({Asks.HEALTH, Asks.READINESS, Asks.CONSOLE_READINESS, Asks.METRICS})
# Of these only failures are told.
PARTS_OF_PAGES = ("/static/", "/demo/upstream/")
MASTER = "master"

# Straight to the handlers, with fields that are ready for the line: structlog's way takes several times as long.
calls = logging.getLogger(LOGGER)
pages = structlog.get_logger(LOGGER)


def begin(request: Incoming) -> None:
    """From here on, lines of this task have the request's id."""
    bind_contextvars(call_id=request.call_id)


def write(request: Incoming, method: str) -> None:
    """The line of a request to the gateway."""
    if calls.isEnabledFor(logging.INFO) and request.way.asks not in UNTOLD:
        record = logging.LogRecord(LOGGER, logging.INFO, "", 0, EVENT, None, None)
        record.fields = fields_of(request, method)
        calls.handle(record)


def fields_of(request: Incoming, method: str) -> dict[str, Any]:
    """What the line says; a key by its id, never itself."""
    fields: dict[str, Any] = {"call_id": request.call_id, "method": method, "asks": request.way.asks.name.lower()}
    if request.request_id != request.call_id:
        fields["request_id"] = redact(request.request_id)  # the client's own
    if request.exchange is not None:
        fields |= _of_exchange(request.exchange)
    else:
        fields["status"] = request.status
    fields["duration_ms"] = round((perf_counter() - request.started) * 1000, 1)
    return fields


def _of_exchange(exchange: Exchange) -> dict[str, Any]:
    trace, last = exchange.trace, exchange.trace.last
    fields: dict[str, Any] = {
        "endpoint": exchange.endpoint,
        "key": exchange.holder.key_id or MASTER,
        "group": trace.model_group,
        "outcome": exchange.outcome.value,
        "status": exchange.status,
        "attempts": len(trace.attempts),
    }
    if last is not None:
        fields |= {"provider": last.provider, "model": last.model}
        if exchange.status >= 400 and last.error_class:
            fields["error_class"] = last.error_class
    if exchange.error_code:
        fields["error_code"] = exchange.error_code
    return fields


async def answer_page(behind: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Adds an id to the answer of the application behind, and writes its line."""
    call_id, started, status = new_call_id(), perf_counter(), CLIENT_LEFT
    bind_contextvars(call_id=call_id)

    async def with_id(event: MutableMapping[str, Any]) -> None:
        nonlocal status
        if event["type"] == "http.response.start":
            status = event["status"]
            event["headers"] = [*event.get("headers", ()), (b"x-request-id", call_id.encode())]
        await send(event)

    try:
        await behind(scope, receive, with_id)
    except Exception:
        status = 500
        raise
    finally:
        if status >= 400 or not scope["path"].startswith(PARTS_OF_PAGES):
            duration_ms = round((perf_counter() - started) * 1000, 1)
            pages.info(EVENT, method=scope["method"], path=scope["path"], status=status, duration_ms=duration_ms)
