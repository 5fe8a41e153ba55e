"""OpenAI's wire shapes, and the only place where gateway errors become HTTP."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import from_json, to_json

from access.credits import CapReached, OutOfCredits
from engine.exceptions import RequestFailed
from engine.upstreams.call import Endpoint
from lib.database_link import RETRY_AFTER_S, WHY

Headers = list[tuple[bytes, bytes]]
MODEL_NAME_LIMIT = 512
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
}


class ApiError(Exception):
    """An error in OpenAI's shape: `{"error": {message, type, param, code}}`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers: Headers = [(b"content-type", b"application/json"), *headers]
        kind = type or TYPES.get(status, "api_error")
        self.fields = {"message": message, "type": kind, "param": param, "code": code}

    @property
    def body(self) -> bytes:
        return to_json({"error": self.fields})

    def ending(self, fail: Callable[[str, str, str | None], bytes] | None, type: str | None = None) -> bytes:
        """The error event at the end of a broken stream: with the upstream's code, if it gave one.

        `fail` makes it where the stream is not one of chat; `type` is the kind in the words of its door.
        """
        code = self.code or "stream_broken"
        if fail is not None:
            return fail(self.fields["message"] or "", type or self.fields["type"] or "api_error", code)
        return b"data: " + to_json({"error": {**self.fields, "code": code}}) + b"\n\n"


def from_failure(failure: RequestFailed) -> ApiError:
    """The engine's failure as an HTTP error."""
    headers: Headers = []
    if failure.retry_after_s is not None:
        headers.append((b"retry-after", str(math.ceil(failure.retry_after_s)).encode()))
    if failure.is_hopeless:
        headers.append((b"x-should-retry", b"false"))
    code = failure.code or ("rate_limit_exceeded" if failure.status == 429 else None)
    return ApiError(failure.status, failure.message, param=failure.param, code=code, type=failure.type, headers=headers)


def from_shortage(shortage: OutOfCredits | CapReached) -> ApiError:
    """The error for an account that can't pay for a request: 402, or 429 until the next month.

    An immediate retry is useless.
    """
    headers: Headers = [(b"x-should-retry", b"false")]
    if isinstance(shortage, CapReached):
        headers.append((b"retry-after", str(math.ceil(shortage.retry_after_s)).encode()))
        return ApiError(429, str(shortage), code="monthly_cap_reached", headers=headers)
    return ApiError(402, str(shortage), code="insufficient_quota", headers=headers)


def database_away() -> ApiError:
    """The error for what is not in memory while the database is away."""
    headers: Headers = [(b"retry-after", b"%d" % RETRY_AFTER_S)]
    return ApiError(503, WHY, code="database_away", headers=headers)


def unknown_model(name: str) -> ApiError:
    shown = name if len(name) <= 128 else name[:128] + "…"
    return ApiError(
        404,
        f"The model '{shown}' does not exist. GET /v1/models lists what can be called.",
        param="model",
        code="model_not_found",
    )


def parse(raw: bytes, endpoint: Endpoint, *, model: str = "") -> dict[str, Any]:
    """The request's JSON, checked as far as routing needs it; raises ApiError 400. A `model` of the path wins."""
    try:
        body = from_json(raw.removeprefix(codecs.BOM_UTF8), allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(400, f"The body is not valid JSON: {error}.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.")
    if model:
        body["model"] = model
    check(body, endpoint)
    return body


def check(body: dict[str, Any], endpoint: Endpoint) -> None:
    """Raises ApiError 400, naming the parameter, for a request that cannot be routed."""
    for name, is_fine, wanted in CHECKS[endpoint]:
        if (name in body or name in REQUIRED) and not is_fine(body.get(name)):
            raise ApiError(400, f"'{name}' must be {wanted}.", param=name)
    if endpoint == "responses" and BEGINNINGS.isdisjoint(body):
        raise ApiError(400, "'input' is missing: a text, or a list of items.", param="input")
    for name in COUNTS[endpoint]:
        if (value := body.get(name)) is not None:
            _check_count(name, value)


def _check_count(name: str, value: object) -> None:
    """Refuses the counts that OpenAI refuses, with its codes: also 100.0, which is not an integer there, and -1."""
    if not isinstance(value, int) or isinstance(value, bool):
        kind = KINDS.get(type(value), "something else")
        why = f"Invalid type for '{name}': expected an integer, but got {kind} instead."
        raise ApiError(400, why, param=name, code="invalid_type")
    if value < 1:
        got = f", but got {value} instead" if value > -MOST else ""
        why = f"Invalid '{name}': integer below minimum value. Expected a value >= 1{got}."
        raise ApiError(400, why, param=name, code="integer_below_min_value")
    if value >= MOST:
        why = f"Invalid '{name}': integer above maximum value. Expected a value < {MOST}."
        raise ApiError(400, why, param=name, code="integer_above_max_value")


def _is_model(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MODEL_NAME_LIMIT


def _is_messages(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    for message in value:  # noqa: SIM110  # each request passes here, and a generator takes twice as long
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            return False
    return True


def _is_input(value: object) -> bool:
    return _is_text(value) or _is_list(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_optional_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or (is_number and abs(value) < 1e9 and math.isfinite(value))  # type: ignore[arg-type]


def _is_optional(kind: type) -> Callable[[object], bool]:
    return lambda value: value is None or isinstance(value, kind)


Check = tuple[str, Callable[[object], bool], str]
REQUIRED = {"model", "messages", "input", "prompt", "query", "documents", "file"}
MODEL: Check = ("model", _is_model, f"a name of 1 to {MODEL_NAME_LIMIT} characters")
COMMON: tuple[Check, ...] = (
    ("stream", _is_optional(bool), "true or false"),
    ("tools", _is_optional(list), "a list"),
    ("temperature", _is_optional_number, "a number"),
    ("top_p", _is_optional_number, "a number"),
)
CHECKS: dict[Endpoint, list[Check]] = {
    "chat/completions": [
        MODEL,
        ("messages", _is_messages, "a list, not empty, of objects with a 'role'"),
        *COMMON,
        ("stream_options", _is_optional(dict), "an object"),
        ("frequency_penalty", _is_optional_number, "a number"),
        ("presence_penalty", _is_optional_number, "a number"),
    ],
    # What else is in a request of these two is checked where it is translated.
    "responses": [MODEL, *COMMON],
    "messages": [MODEL, *COMMON],
    "embeddings": [
        MODEL,
        ("input", _is_input, "a text or a list, not empty"),
    ],
}
CHECKS["completions"] = [MODEL, *COMMON, ("prompt", _is_input, "a text or a list, not empty")]
CHECKS["moderations"] = CHECKS["embeddings"]
CHECKS["images/generations"] = [
    MODEL,
    ("prompt", _is_text, "a text, not empty"),
    ("stream", _is_optional(bool), "true or false"),
]
CHECKS["audio/speech"] = [
    MODEL,
    ("input", _is_text, "a text, not empty"),
    ("stream_format", lambda value: value in (None, "audio", "sse"), "'audio' or 'sse'"),
]
CHECKS["audio/transcriptions"] = CHECKS["audio/translations"] = [
    MODEL,
    ("file", lambda value: value is True, "a file, with a file name"),
    ("stream", _is_optional(bool), "true or false"),
]
CHECKS["rerank"] = [
    MODEL,
    ("query", _is_text, "a text, not empty"),
    ("documents", _is_list, "a list, not empty"),
]
COUNTS: dict[Endpoint, tuple[str, ...]] = {
    "chat/completions": ("max_tokens", "max_completion_tokens", "n"),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
    "embeddings": ("dimensions",),
    "completions": ("max_tokens", "n", "best_of"),
    "moderations": (),
    "rerank": ("top_n",),
    "images/generations": ("n",),
    "audio/speech": (),
    "audio/transcriptions": (),
    "audio/translations": (),
}
# A response needs one of them.
BEGINNINGS = frozenset({"input", "previous_response_id", "conversation", "prompt"})
MOST = 10**9
KINDS = {bool: "a boolean", float: "a decimal number", str: "a string", list: "an array", dict: "an object"}
