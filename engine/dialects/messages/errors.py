"""Errors in the shape of the Messages API. Pure."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
TYPES = frozenset({*TYPE_OF_STATUS.values(), "api_error"})
# Other spellings of types and codes; where there is none, it is the server's fault.
TYPE_OF_WORD = {
    "insufficient_quota": "billing_error",
    "rate_limit_exceeded": "rate_limit_error",
    "timeout": "timeout_error",
    "context_length_exceeded": "invalid_request_error",
    "model_not_found": "not_found_error",
    "invalid_api_key": "authentication_error",
}


def type_of_status(status: int) -> str:
    """Anthropic's type of an error with this HTTP status."""
    return TYPE_OF_STATUS.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def error_body(message: str, type: str, code: str | None = None) -> dict[str, Any]:
    """The JSON of an error; `type` and `code` are Anthropic's or OpenAI's."""
    known = next((word for word in (type, code) if word in TYPES), None)
    known = known or next((TYPE_OF_WORD[word] for word in (code, type) if word in TYPE_OF_WORD), "api_error")
    return {"type": "error", "error": {"type": known, "message": message}}


def error_event(message: str, type: str, code: str | None = None) -> bytes:
    """The error event of a stream, after which nothing comes."""
    return b"event: error\ndata: " + to_json(error_body(message, type, code)) + b"\n\n"
