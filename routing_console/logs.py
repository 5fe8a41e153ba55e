"""Log lines: structured, readable, and free of secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic_core import to_json

# Anything shaped like a key: sk-…, gsk_…, hf_…, "Bearer …". The text around it stays readable.
SECRET = re.compile(r"\b(sk-|gsk_|hf_|nvapi-|AIza|Bearer\s+)[\w\-.]{8,}", re.IGNORECASE)
# What may have to be quoted in a line of text.
NOT_PLAIN = re.compile(r'[\s="\\]')
one_field = structlog.processors.LogfmtRenderer(bool_as_flag=False)


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Masks everything that looks like a key in the strings of a log event."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = SECRET.sub(r"\1****", value)
    return event


def without_colours(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """uvicorn says some things twice, once for a terminal."""
    event.pop("color_message", None)
    return event


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """structlog's, with a short way for lines whose fields are ready: those of requests."""

    def __init__(self, *, renderer: Any, **kwargs: Any) -> None:
        last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        super().__init__(processors=last, **kwargs)
        self._is_json = isinstance(renderer, structlog.processors.JSONRenderer)

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        if fields is None:
            return super().format(record)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {"timestamp": moment, "level": record.levelname.lower(), "logger": record.name, "event": record.msg}
        line.update(fields)
        if self._is_json:
            return to_json(line).decode()
        return " ".join([_field(name, value) for name, value in line.items()])


def _field(name: str, value: object) -> str:
    if isinstance(value, str) and NOT_PLAIN.search(value):
        return str(one_field(None, "", {name: value}))
    return f"{name}={value}"


def logging_config(*, level: str, as_json: bool, tells_requests: bool = True) -> dict[str, Any]:
    """Django's LOGGING: every logger through structlog, one line an event, those of uvicorn too.

    `tells_requests`: each request has a line of ours, so uvicorn writes none.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
        without_colours,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
        )
    )
    formatter = {"()": LineFormatter, "foreign_pre_chain": shared, "renderer": renderer}
    quiet = {name: {"level": "WARNING"} for name in ("httpx", "httpcore", "asyncio", "LiteLLM", "LiteLLM Router")}
    # It warns of every malformed form with a piece of it; the client is told.
    quiet["python_multipart"] = {"level": "ERROR"}
    # It says of each failed sign-in what the page says in one line, with the browser's name and a dictionary.
    quiet["axes"] = {"level": "ERROR"}
    if not tells_requests:
        quiet["gateway.requests"] = {"level": "WARNING"}
    servers = {name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")}
    servers["uvicorn.access"] = {"handlers": [], "propagate": not tells_requests}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {**quiet, **servers, "daphne": {"level": "WARNING"}, "django.server": {"level": "WARNING"}},
    }
