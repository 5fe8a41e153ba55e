"""The line of a request: what it says, what it must not say, and that lines on the way have its id."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
import structlog

from access.keys import KeyHolder
from access.models import Role
from engine.ledger import Attempt, Trace
from gateway.doors import request_lines
from gateway.doors.incoming import Incoming, incoming
from gateway.doors.paths import way_of
from gateway.exchange import Exchange
from routing_console.logs import logging_config

FAILED = Attempt("1", "Llama", "Nebius", "support", 1, 0.0, status="error", error_class="Timeout", model="llama")
KEY = "sk-rc-a-key-that-nobody-may-read"


def request_to(path: str, method: str = "POST", **headers: str) -> Incoming:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return incoming(way_of(path, method), path, [(b"authorization", f"Bearer {KEY}".encode()), *raw])


def served(request: Incoming, status: int = 200, key_id: str | None = "key-1", **more: Any) -> Exchange:
    holder = KeyHolder(name="dora", effective_role=Role.VIEWER, key_id=key_id)
    request.exchange = exchange = Exchange("chat/completions", holder, Trace(request.call_id, "support"), **more)
    exchange.status, exchange.was_routed = status, True
    return exchange


@pytest.fixture(params=[True, False], ids=["json", "text"])
def line(request: pytest.FixtureRequest) -> Any:
    """Formats the line of a request as a server's log has it."""
    config = logging_config(level="INFO", as_json=request.param)["formatters"]["line"]
    formatter = config.pop("()")(**config)

    def formatted(asked: Incoming, caplog: pytest.LogCaptureFixture) -> str:
        with caplog.at_level(logging.INFO, logger=request_lines.LOGGER):
            request_lines.write(asked, "POST")
        [record] = caplog.records
        return str(formatter.format(record))

    return formatted


def test_a_line_says_who_asked_which_group_and_how_it_ended(caplog: pytest.LogCaptureFixture):
    request = request_to("/v1/chat/completions")
    served(request)
    fields = request_lines.fields_of(request, "POST")
    assert fields.pop("duration_ms") >= 0
    assert fields == {
        "call_id": request.call_id,
        "method": "POST",
        "asks": "answer",
        "endpoint": "chat/completions",
        "key": "key-1",
        "group": "support",
        "outcome": "answered",
        "status": 200,
        "attempts": 0,
    }


def test_a_line_of_a_failure_says_where_and_why():
    request = request_to("/v1/chat/completions")
    exchange = served(request, status=504, error_code="deadline_exceeded")
    exchange.trace.attempts.append(FAILED)
    fields = request_lines.fields_of(request, "POST")
    said = {name: fields[name] for name in ("outcome", "provider", "model", "error_class", "error_code", "attempts")}
    assert said == {
        "outcome": "failed",
        "provider": "Nebius",
        "model": "llama",
        "error_class": "Timeout",
        "error_code": "deadline_exceeded",
        "attempts": 1,
    }


def test_the_master_key_is_named_and_no_key_is_shown(line: Any, caplog: pytest.LogCaptureFixture):
    request = request_to("/v1/chat/completions", x_request_id="sk-rc-an-id-like-a-key")
    served(request, key_id=None)
    text = line(request, caplog)
    assert "master" in text
    assert KEY not in text
    assert "an-id-like-a-key" not in text


def test_the_line_is_in_the_format_of_all_others(line: Any, caplog: pytest.LogCaptureFixture):
    request = request_to("/v1/chat/completions")
    served(request)
    text = line(request, caplog)
    if text.startswith("{"):
        found = json.loads(text)
        assert (found["event"], found["level"], found["logger"]) == ("request", "info", "gateway.requests")
        assert found["timestamp"].endswith("Z")
        assert (found["call_id"], found["status"]) == (request.call_id, 200)
    else:
        assert text.startswith("timestamp=20")
        assert f" level=info logger=gateway.requests event=request call_id={request.call_id} " in text


def test_names_with_spaces_are_quoted_as_in_all_other_lines(line: Any, caplog: pytest.LogCaptureFixture):
    request = request_to("/v1/chat/completions")
    served(request).trace.attempts.append(replace(FAILED, provider='Azure "West" OpenAI'))
    text = line(request, caplog)
    if text.startswith("{"):
        assert json.loads(text)["provider"] == 'Azure "West" OpenAI'
    else:
        assert ' provider="Azure \\"West\\" OpenAI" ' in text


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_what_is_asked_all_the_time_has_no_line(path: str, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger=request_lines.LOGGER):
        request_lines.write(request_to(path, "GET"), "GET")
    assert caplog.records == []


async def test_lines_on_the_way_to_a_page_have_the_id_that_its_answer_has():
    seen: dict[str, Any] = {}

    async def page(scope: Any, receive: Any, send: Any) -> None:
        seen["line"] = structlog.contextvars.get_contextvars()["call_id"]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(event: Any) -> None:
        seen["header"] = dict(event["headers"])[b"x-request-id"].decode()

    await request_lines.answer_page(page, {"method": "GET", "path": "/groups/"}, None, send)
    assert seen["line"] == seen["header"]


def test_a_server_s_own_lines_go_through_ours():
    config = logging_config(level="INFO", as_json=True)
    assert config["loggers"]["uvicorn.error"] == {"handlers": [], "propagate": True}
    assert config["loggers"]["uvicorn.access"] == {"handlers": [], "propagate": False}
    without = logging_config(level="INFO", as_json=True, tells_requests=False)["loggers"]
    assert without["uvicorn.access"]["propagate"]
    assert without[request_lines.LOGGER] == {"level": "WARNING"}
