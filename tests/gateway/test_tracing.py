"""Spans: what they say, and that a real server sends them to a real receiver."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from access.keys import KeyHolder
from access.models import Role
from engine.ledger import Attempt, Trace
from engine.upstreams.call import Answer, Call
from engine.upstreams.passed_on import headers_for
from engine.upstreams.tokens import Usage
from gateway.exchange import Exchange
from gateway.tracing.spans import Ids, Spans
from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, console, eventually

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {b"traceparent": f"00-{TRACE}-{PARENT}-01".encode()}
SECRET = "sk-a-secret-in-a-prompt"


def attempt(**fields: Any) -> Attempt:
    usual = {"status": "success", "duration_ms": 200.0, "model": "llama", "provider": "OpenAI"}
    return Attempt("1", "Llama", model_group="support", tier=1, started_at=1_000.0, **{**usual, **fields})


def exchange(*attempts: Attempt, **more: Any) -> Exchange:
    holder = KeyHolder(name="dora", effective_role=Role.VIEWER, key_id="key-1")
    trace = Trace("abc", "support", list(attempts))
    body = {"model": "support", "max_tokens": 5, "messages": [{"role": "user", "content": f"My key is {SECRET}"}]}
    made = Exchange("chat/completions", holder, trace, call=Call("chat/completions", body, trace), **more)
    made.started_at, made.status, made.was_routed = 999.9, 200, True
    return made


def recorded(one: Exchange, headers: dict[bytes, bytes], *, is_open: bool = False) -> dict[str, Any]:
    """The spans by name."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    one.span = Spans(provider, is_open=is_open).begin(headers, one)
    one.span.end(one, 0.5)
    return {f"{span.kind.name} {span.name}": span for span in kept.get_finished_spans()}


def test_a_request_and_each_attempt_have_spans_in_the_trace_of_the_client():
    one = exchange(attempt(status="error", error_class="Timeout", provider="Azure"), attempt(model="mini"))
    found = recorded(one, HEADERS)
    assert set(found) == {"SERVER chat support", "CLIENT chat llama", "CLIENT chat mini"}
    server, first = found["SERVER chat support"], found["CLIENT chat llama"]
    assert f"{server.context.trace_id:032x}" == TRACE
    assert f"{server.parent.span_id:016x}" == PARENT
    assert first.parent.span_id == server.context.span_id
    assert (first.start_time, first.end_time) == (1_000 * 10**9, 1_000 * 10**9 + 200 * 10**6)
    assert first.attributes["error.type"] == "Timeout"
    assert first.attributes["gen_ai.provider.name"] == "azure.ai.openai"
    assert not first.status.is_ok
    said = {name: server.attributes[f"gen_ai.{name}"] for name in ("operation.name", "request.model", "provider.name")}
    assert said == {"operation.name": "chat", "request.model": "support", "provider.name": "openai"}
    assert server.attributes["gen_ai.request.max_tokens"] == 5
    assert server.attributes["routing_console.cost_usd"] == 0.5
    assert server.attributes["routing_console.key"] == "key-1"


def test_an_upstream_is_told_the_id_of_its_attempt():
    one = exchange(attempt(), attempt(model="mini"))
    found = recorded(one, HEADERS)
    one.call.traceparent, one.call.headers = one.span.traceparent, {"traceparent": "the client's", "tracestate": "a=1"}
    told = headers_for(one.call, None)
    assert told == {
        "traceparent": f"00-{TRACE}-{found['CLIENT chat mini'].context.span_id:016x}-01",
        "tracestate": "a=1",
    }


def test_what_was_not_sampled_makes_no_spans_and_upstreams_are_told_so():
    kept = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF), id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    one = exchange(attempt())
    span = Spans(provider, is_open=True).begin({}, one)
    span.end(one, None)
    assert kept.get_finished_spans() == ()
    assert not int(span.traceparent(1)[-2:], 16) & 1
    assert one.heard is None


def test_what_was_asked_is_in_no_span_unless_that_is_wanted():
    found = recorded(exchange(attempt()), {})
    assert "secret" not in str([dict(span.attributes) for span in found.values()])


def test_content_is_captured_without_credentials():
    said = b'{"choices": [{"message": {"content": "Keep sk-another-secret to yourself"}}]}'
    one = exchange(attempt(), result=Answer(said, None, Usage(10, 20, 30)))
    server = recorded(one, {}, is_open=True)["SERVER chat support"]
    [asked] = json.loads(server.attributes["gen_ai.input.messages"])
    [answered] = json.loads(server.attributes["gen_ai.output.messages"])
    assert asked == {"role": "user", "parts": [{"type": "text", "content": "My key is sk-****"}]}
    assert answered["parts"] == [{"type": "text", "content": "Keep sk-**** to yourself"}]
    assert server.attributes["gen_ai.usage.output_tokens"] == 20


def test_nothing_of_opentelemetry_is_imported_while_it_is_off():
    from gateway.tracing import switch

    assert switch._spans is None
    assert "opentelemetry" not in Path(switch.__file__).read_text().split("from gateway.tracing.spans")[0].lower()


class Receiver(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    spans: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.spans += [(sent.resource, span) for scope in sent.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiver() -> Iterator[tuple[str, list[Any]]]:
    """Its address, and the spans that have arrived with their resources."""
    spans: list[Any] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Receiver,), {"spans": spans}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.slow
@pytest.mark.once
def test_a_server_sends_its_spans_to_a_receiver(stage: Stage, tmp_path: Path):
    with (
        receiver() as (url, spans),
        console(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_SCHEDULE_DELAY="200") as ours,
    ):
        ours.add_group("traced", [ours.add_model(provider="First", api_base=stage.first.api_base)])
        headers = {"Authorization": f"Bearer {MASTER_KEY}", "traceparent": HEADERS[b"traceparent"].decode()}
        body = {"model": "traced", "messages": [{"role": "user", "content": "hi"}]}
        asked = httpx.post(f"{ours.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
        assert asked.status_code == 200
        assert eventually(lambda: len(spans) == 2, 30)
    attempt_span, server_span = (span for _, span in spans)
    assert server_span.trace_id.hex() == attempt_span.trace_id.hex() == TRACE
    assert server_span.parent_span_id.hex() == PARENT
    assert attempt_span.parent_span_id == server_span.span_id
    resource = {one.key: one.value.string_value for one in spans[0][0].attributes}
    assert resource["service.name"] == "routing-console"
    said = {one.key: one.value for one in server_span.attributes}
    assert said["gen_ai.request.model"].string_value == "traced"
    assert said["routing_console.call_id"].string_value == asked.headers["x-litellm-call-id"]
    assert "gen_ai.input.messages" not in said
