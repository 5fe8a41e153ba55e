"""A finished exchange -> its spans, with the names of OpenTelemetry's conventions for generative AI.

Spans of attempts are made at the end, from the ledger, with its times. Their ids are known before, because upstreams
are told them: each follows from the id of the request's span and the number of the attempt.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from engine.ledger import Attempt
from engine.outcomes import Outcome
from engine.upstreams.tokens import Usage
from gateway.exchange import Exchange
from gateway.tracing import content

NAME = "routing-console"
OPERATIONS = {
    "chat/completions": "chat",
    "responses": "chat",
    "messages": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
# What the conventions call providers that have other names here.
PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "aws bedrock": "aws.bedrock",
    "vertex ai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
WELL_KNOWN = frozenset({"openai", "anthropic", "cohere", "deepseek", "groq", "perplexity"})
PARAMETERS = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
CARRIED = ("traceparent", "tracestate")


class Ids(RandomIdGenerator):
    """Random ids, but for a span whose id is known before it is made."""

    wanted: int | None = None

    def generate_span_id(self) -> int:
        wanted, self.wanted = self.wanted, None
        return super().generate_span_id() if wanted is None else wanted


def exporting(version: str) -> TracerProvider:
    """Spans go to the receiver that OTEL_* names, in batches, by a thread."""
    said = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    is_named = "OTEL_SERVICE_NAME" in os.environ or f"{SERVICE_NAME}=" in said
    resource = Resource.create({SERVICE_VERSION: version, **({} if is_named else {SERVICE_NAME: NAME})})
    provider = TracerProvider(resource=resource, id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Spans:
    """Begins the spans of requests. `is_open`: with what was asked and answered."""

    def __init__(self, provider: TracerProvider, *, is_open: bool = False) -> None:
        if not isinstance(provider.id_generator, Ids):
            raise TypeError("the ids of attempts are given")
        self._provider, self._ids, self._is_open = provider, provider.id_generator, is_open
        self._tracer = provider.get_tracer(NAME)

    def begin(self, headers: Mapping[bytes, bytes], exchange: Exchange) -> RequestSpan:
        """The span of a request, in the client's trace if its headers name one."""
        found = {name: headers[name.encode()].decode("latin-1") for name in CARRIED if name.encode() in headers}
        operation = OPERATIONS.get(exchange.endpoint, exchange.endpoint)
        span = self._tracer.start_span(
            operation,
            context=TraceContextTextMapPropagator().extract(found),
            kind=SpanKind.SERVER,
            attributes={"gen_ai.operation.name": operation},
            start_time=_ns(exchange.started_at),
        )
        if self._is_open and span.is_recording():
            exchange.heard = []
        return RequestSpan(span, self._tracer, self._ids, operation)

    def end(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


class RequestSpan:
    """The span of one request."""

    def __init__(self, span: Span, tracer: Tracer, ids: Ids, operation: str) -> None:
        self._span, self._tracer, self._ids, self._operation = span, tracer, ids, operation

    def traceparent(self, number: int) -> str:
        """What an upstream is told of its attempt, counted from 1."""
        known = self._span.get_span_context()
        return f"00-{known.trace_id:032x}-{self._id_of(number):016x}-{known.trace_flags:02x}"

    def end(self, exchange: Exchange, cost_usd: float | None) -> None:
        """The request has ended, and with it all its attempts."""
        span, ended_ns = self._span, _ns(exchange.started_at + exchange.duration_ms / 1000)
        if not span.is_recording():
            return
        asked = str(exchange.call.body.get("model", "")) if exchange.call is not None else ""
        if asked:
            span.update_name(f"{self._operation} {asked}")
        span.set_attributes(_of_request(exchange, asked, cost_usd))
        if exchange.heard is not None:
            span.set_attributes(content.of(exchange))
        if exchange.outcome is Outcome.FAILED:
            span.set_status(Status(StatusCode.ERROR))
        for number, attempt in enumerate(exchange.trace.attempts, start=1):
            self._make(number, attempt, ended_ns)
        span.end(ended_ns)

    def _make(self, number: int, attempt: Attempt, ended_ns: int) -> None:
        """The span of an attempt."""
        self._ids.wanted = self._id_of(number)
        started_ns = _ns(attempt.started_at)
        span = self._tracer.start_span(
            f"{self._operation} {attempt.model}",
            context=set_span_in_context(self._span),
            kind=SpanKind.CLIENT,
            attributes={"gen_ai.operation.name": self._operation, **_of_attempt(attempt)},
            start_time=started_ns,
        )
        if attempt.status == "error":
            span.set_status(Status(StatusCode.ERROR, attempt.error_class))
        lasted_ns = None if attempt.duration_ms is None else int(attempt.duration_ms * 1e6)
        span.end(ended_ns if lasted_ns is None else started_ns + lasted_ns)

    def _id_of(self, number: int) -> int:
        seed = self._span.get_span_context().span_id.to_bytes(8, "big") + number.to_bytes(4, "big")
        return int.from_bytes(sha256(seed).digest()[:8], "big") or 1


def _of_request(exchange: Exchange, asked: str, cost_usd: float | None) -> dict[str, Any]:
    trace, body = exchange.trace, exchange.call.body if exchange.call is not None else {}
    found: dict[str, Any] = {
        "gen_ai.request.model": asked,
        "http.response.status_code": exchange.status,
        "routing_console.call_id": trace.call_id,
        "routing_console.group": trace.model_group,
        "routing_console.key": exchange.holder.key_id or "master",
        "routing_console.outcome": exchange.outcome.value,
        "routing_console.attempts": len(trace.attempts),
        "routing_console.fallbacks": trace.fallbacks,
        "routing_console.skipped": len(trace.skipped),
    }
    given = ((f"gen_ai.request.{name}", body.get(key)) for key, name in PARAMETERS.items())
    found |= {name: value for name, value in given if isinstance(value, int | float)}
    if (last := trace.last) is not None:
        found |= {"gen_ai.provider.name": provider_of(last), "gen_ai.response.model": last.model}
    if exchange.outcome is not Outcome.ANSWERED:
        found["error.type"] = (last.error_class if last else "") or exchange.error_code or str(exchange.status)
    if cost_usd is not None:
        found["routing_console.cost_usd"] = cost_usd
    usage, _ = exchange.counted
    return found | (_of_usage(usage) if usage is not None else {})


def _of_usage(usage: Usage) -> dict[str, int]:
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
    }


def _of_attempt(attempt: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.provider.name": provider_of(attempt),
        "gen_ai.request.model": attempt.model,
        "routing_console.group": attempt.model_group,
        "routing_console.tier": attempt.tier,
        "routing_console.deployment": attempt.deployment_id,
        "routing_console.status": attempt.status,
        "http.response.status_code": attempt.status_code,
        "error.type": attempt.error_class,
        "routing_console.first_token_ms": attempt.first_token_ms,
        "routing_console.moved_on_because": attempt.moved_on_because,
        "routing_console.dialect": attempt.dialect,
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def provider_of(attempt: Attempt) -> str:
    """The conventions' name of the provider, else the one it has here."""
    name = attempt.provider.lower()
    return name if name in WELL_KNOWN else PROVIDERS.get(name, attempt.provider)


def _ns(unix_s: float) -> int:
    return int(unix_s * 1e9)
