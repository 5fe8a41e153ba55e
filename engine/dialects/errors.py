"""An upstream's error -> its meaning: kind, status, code, type, param, a message for people, seconds to wait. Pure.

`code` and `type` decide first, wording second. JSON inside JSON is unwrapped; of a web page only the title is quoted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from engine.core.failures import Kind
from engine.dialects import waits

MESSAGE_LIMIT, TITLE_LIMIT, DEEPEST = 2000, 100, 5
MAY_RESET = frozenset({None, 413, 429, 503, 529})


@dataclass(frozen=True, slots=True)
class ErrorReading:
    """The content of an upstream's error.

    `status` is the HTTP status, None without one. `message` is the text for people, None without any; `retry_after_s`
    is in seconds from now.
    """

    kind: Kind
    status: int | None
    code: str | None = None
    type: str | None = None
    param: str | None = None
    message: str | None = None
    retry_after_s: float | None = None


CODES: dict[Kind, frozenset[str]] = {
    Kind.CONTEXT_LENGTH: frozenset(
        {"context_length_exceeded", "exceed_context_size_error", "request_too_large", "model_context_window_exceeded"}
    ),
    Kind.CONTENT_POLICY: frozenset(
        {
            "content_policy_violation",
            "content_filter",
            "responsibleaipolicyviolation",
            "moderation_blocked",
            "prohibited_content",
            "data_inspection_failed",
        }
    ),
    Kind.QUOTA: frozenset(
        {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error", "credits_exhausted"}
    ),
    Kind.RATE_LIMIT: frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "resource_exhausted"}),
}
WORDS: dict[Kind, re.Pattern[str]] = {
    Kind.QUOTA: re.compile(
        r"credit balance is too low|insufficient (account )?(balance|credits|funds)|exceeded your monthly"
        r"|requires more credits|used all available credits|credit limit exceeded|unpaid invoices"
    ),
    Kind.CONTEXT_LENGTH: re.compile(
        r"maximum context length|context[ _]length[ _]exceeded|prompt (is )?too long|input is too long"
        r"|(exceeds?|larger than|greater than|overflows?) (the |this |your )?(\w+('s)? ){0,2}"
        r"context (window|length|size|limit)"
        r"|input token count.*exceeds the maximum|maximum prompt length is|reduce the length of the (messages|prompt)"
        r"|too large for model|tokens`? \+ `?max_new_tokens`? must be|exceed context limit|exceeded model token limit"
        r"|exceeds? (the )?(maximum context length|context window)|\(total length \d+\) is too long"
        r"|longer than the maximum model length|too many tokens: total number|tokens in the prompt cannot exceed"
    ),
    Kind.CONTENT_POLICY: re.compile(
        r"content management policy|content[ _](filtering )?policy|content filter|(violat|flagged).*usage polic"
        r"|safety system|requires moderation|prohibited.?content|blocked by (our )?content filter"
        r"|violates? (our )?usage (guidelines|polic)|potentially violating our usage policy|content exists risk"
    ),
}
BY_STATUS = {
    401: Kind.CREDENTIALS,
    402: Kind.QUOTA,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    429: Kind.RATE_LIMIT,
    504: Kind.TIMEOUT,
}
# The status that an error's name stands for, where there is not a number: in an event of a stream.
STATUS_OF_WORD = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "validationexception": 400,
    "invalid_argument": 400,
    "authentication_error": 401,
    "unauthenticated": 401,
    "billing_error": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "modeltimeoutexception": 408,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "insufficient_quota": 429,
    "resource_exhausted": 429,
    "throttlingexception": 429,
    "server_error": 500,
    "internal_server_error": 500,
    "internalserverexception": 500,
    "api_error": 500,
    "serviceunavailableexception": 503,
    "unavailable": 503,
    "overloaded_error": 529,
}
WORD_FIELDS = ("code", "type", "status", "reason")
# The wording counts only for errors that can be about the request: never for "slow down" or "wrong key".
SPEAKS_OF_REQUEST = frozenset({None, 400, 403, 413, 422, 500})
SPEAKS_OF_MONEY = SPEAKS_OF_REQUEST | {412, 429}
TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
PAGE = re.compile(r"^\s*(<!doctype html|<html|<head|<body|<\?xml)", re.IGNORECASE)


def read_error(
    status: int | None, headers: Mapping[str, str], body: bytes | str | dict[str, Any], *, now: float | None = None
) -> ErrorReading:
    """Reads an error answer, or the error object of an event (`status` None: then the one inside it counts).

    `now` is Unix seconds, by default the present. Never raises.
    """
    at = time.time() if now is None else now
    layers = list(_layers(_content(body)))
    status = status if status is not None else _status_in(layers) or _status_of_words(layers)
    text = next((said for layer in reversed(layers) if (said := _message(layer))), None)
    if text is None and not layers and not isinstance(body, dict):
        text = _of_text(status, body)
    return ErrorReading(
        kind=_kind(status, layers, text or ""),
        status=status,
        code=_named(layers, "code", status),
        type=_named(layers, "type", status),
        param=_named(layers, "param", None),
        message=text[:MESSAGE_LIMIT] if text else None,
        retry_after_s=_wait_s(status, headers, layers, at),
    )


def _content(body: bytes | str | dict[str, Any]) -> Any:
    if isinstance(body, dict):
        return body
    try:
        return from_json(body)
    except ValueError:
        return None


def _layers(content: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The objects that describe the error, from the outside in."""
    if isinstance(content, list):
        content = content[0] if content else None
    if isinstance(content, str):
        content = _content(content) if content.lstrip()[:1] in ("{", "[") else None
    if not isinstance(content, dict) or depth > DEEPEST:
        return
    yield content
    metadata = content.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    for inner in (content.get("error"), content.get("message"), content.get("detail"), content.get("innererror"), raw):
        yield from _layers(inner, depth + 1)
    if isinstance(raw, str) and raw.strip() and raw.lstrip()[:1] not in ("{", "["):
        yield {"message": raw}


def _message(layer: dict[str, Any]) -> str | None:
    for name in ("message", "error", "detail", "msg"):
        said = layer.get(name)
        if isinstance(said, str) and said.strip() and not _content(said):
            return said.strip()
        if isinstance(said, list) and (rows := [str(r["msg"]) for r in said if isinstance(r, dict) and "msg" in r]):
            return "; ".join(rows)
    return None


def _of_text(status: int | None, body: bytes | str) -> str | None:
    """Plain text as it is; of a web page only its title."""
    text = (body.decode("utf-8", "replace") if isinstance(body, bytes) else body).strip()
    if not PAGE.match(text):
        return text[:MESSAGE_LIMIT] or None
    title = TITLE.search(text)
    said = " ".join(re.sub(r"<[^>]*>", "", title[1]).split())[:TITLE_LIMIT] if title else ""
    return f"answered {status or 'with'} {'with ' if status else ''}an HTML page{f', titled ‘{said}’' if said else ''}."


def _named(layers: list[dict[str, Any]], name: str, status: int | None) -> str | None:
    """The innermost value of this name that carries information: a repeated status, or `error`, does not."""
    for layer in reversed(layers):
        said = layer.get(name)
        if isinstance(said, str) and said and said not in ("error", str(status)) and len(said) <= MESSAGE_LIMIT:
            return said[:200]
    return None


def _status_in(layers: list[dict[str, Any]]) -> int | None:
    for layer in layers:
        for name in ("code", "status", "status_code"):
            said = str(layer.get(name))
            if said.isdecimal() and len(said) == 3 and 400 <= int(said) < 600:
                return int(said)
    return None


def _status_of_words(layers: list[dict[str, Any]]) -> int | None:
    said = (str(layer.get(name)).lower() for layer in reversed(layers) for name in WORD_FIELDS)
    return next((STATUS_OF_WORD[word] for word in said if word in STATUS_OF_WORD), None)


def _kind(status: int | None, layers: list[dict[str, Any]], text: str) -> Kind:
    words = {str(layer[name]).lower() for layer in layers for name in WORD_FIELDS if isinstance(layer.get(name), str)}
    for kind, codes in CODES.items():
        if words & codes:
            return kind
    if any(isinstance(m := layer.get("metadata"), dict) and m.get("flagged_input") for layer in layers):
        return Kind.CONTENT_POLICY
    said = text[:MESSAGE_LIMIT].lower()
    for kind, pattern in WORDS.items():
        if status in (SPEAKS_OF_MONEY if kind is Kind.QUOTA else SPEAKS_OF_REQUEST) and pattern.search(said):
            return kind
    if status in BY_STATUS:
        return BY_STATUS[status]
    return Kind.BAD_REQUEST if status is not None and 400 <= status < 500 else Kind.SERVER


def _wait_s(status: int | None, headers: Mapping[str, str], layers: list[dict[str, Any]], now: float) -> float | None:
    if (told := waits.retry_after_s(headers, now=now)) is not None:
        return told
    details = [row for layer in layers if isinstance(layer.get("details"), list) for row in layer["details"]]
    if (told := waits.delay_s(details, now=now)) is not None:
        return told
    return waits.reset_s(headers, now=now) if status in MAY_RESET else None
