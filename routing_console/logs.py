"""Log lines: structured, readable, and free of secrets."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

# Anything shaped like a key: sk-…, gsk_…, hf_…, "Bearer …". The text around it stays readable.
SECRET = re.compile(r"\b(sk-|gsk_|hf_|nvapi-|AIza|Bearer\s+)[\w\-.]{8,}", re.IGNORECASE)


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Masks everything that looks like a key in the strings of a log event."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = SECRET.sub(r"\1****", value)
    return event


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """Django's LOGGING: every logger through structlog, one line an event."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
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
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    }
    quiet = {name: {"level": "WARNING"} for name in ("httpx", "httpcore", "asyncio", "LiteLLM", "LiteLLM Router")}
    # It warns of every malformed form with a piece of it; the client is told.
    quiet["python_multipart"] = {"level": "ERROR"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {**quiet, "daphne": {"level": "WARNING"}, "django.server": {"level": "WARNING"}},
    }
