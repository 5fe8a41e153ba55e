"""The shape of errors: OpenAI's, or Anthropic's for its clients."""

from __future__ import annotations

from pydantic_core import to_json

from engine.dialects.messages.errors import type_of_status
from gateway.openai import ApiError, Headers


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
    return type_of_status(error.status)


def ids(request_id: str, *, is_anthropic: bool) -> Headers:
    """The headers that name a request."""
    named: Headers = [(b"x-request-id", request_id.encode())]
    return [*named, (b"request-id", request_id.encode())] if is_anthropic else named
