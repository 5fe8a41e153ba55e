"""The shape of errors: OpenAI's, or Anthropic's for its clients."""

from __future__ import annotations

from pydantic_core import to_json

from gateway.openai import ApiError, Headers

TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def is_anthropic(path: str, headers: dict[bytes, bytes]) -> bool:
    """Whether the client is one of Anthropic's."""
    return b"anthropic-version" in headers or "/messages" in path


def body_of(error: ApiError, request_id: str, *, is_anthropic: bool) -> bytes:
    """The JSON of an error."""
    if not is_anthropic:
        return error.body
    fields = {"type": type_of(error), "message": error.fields["message"]}
    return to_json({"type": "error", "error": fields, "request_id": request_id})


def type_of(error: ApiError) -> str:
    """The kind of an error in Anthropic's words."""
    return TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "api_error")


def ids(request_id: str, *, is_anthropic: bool) -> Headers:
    """The headers that name a request."""
    named: Headers = [(b"x-request-id", request_id.encode())]
    return [*named, (b"request-id", request_id.encode())] if is_anthropic else named
