"""Extra headers and body fields of requests to a provider or a deployment: which are possible. Pure.

Everybody who reads the settings reads them, so they hold no secrets: those belong into the provider's key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError

MOST, LONGEST, LARGEST_BODY = 20, 1024, 8192
NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
# Of the connection, the body, the client's way here, or its sign-in.
TAKEN = frozenset(
    {
        *("host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "date", "via"),
        *("accept-encoding", "authorization", "cookie", "cookie2", "set-cookie", "forwarded", "idempotency-key"),
    }
)
TAKEN_STARTS = ("content-", "proxy-", "x-forwarded-", "sec-", "x-amz-")
SECRET_NAME = re.compile(
    r"(^|[-_.])(api-?_?key|key|auth|authorization|token|secret|password|passwd|credentials?|cookie|signature|jwt|session)s?($|[-_.])",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"(bearer|basic) \S|\b(sk|pk|rk|ghp|xox[abp]|gsk|hf|eyJ\w+)[-_.][\w-]{12}|AKIA\w{12}", re.IGNORECASE
)
# What a request consists of, and what the console sets itself. The limits are capped for each model.
TAKEN_FIELDS = frozenset(
    {
        *("model", "messages", "input", "prompt", "system", "instructions", "stream", "stream_options", "n"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "previous_response_id", "background", "store"),
        *("tools", "functions", "file", "api_base", "base_url", "extra_headers", "extra_body"),
    }
)


def check_extra_headers(headers: Any) -> None:
    """Raises for headers that can't be set, or that look like a secret."""
    if not isinstance(headers, dict) or len(headers) > MOST:
        raise ValidationError(f'Give an object of at most {MOST} headers, such as {{"HTTP-Referer": "https://…"}}.')
    for name, value in headers.items():
        _check_header(name, value)
    if len({name.lower() for name in headers}) < len(headers):
        raise ValidationError("Name each header once: upper and lower case are the same.")


def _check_header(name: str, value: Any) -> None:
    if not NAME.fullmatch(name):
        raise ValidationError(f"'{name[:64]}' is no name of a header.")
    if name.lower() in TAKEN or name.lower().startswith(TAKEN_STARTS):
        raise ValidationError(f"'{name}' can't be set here: the console sets it, or it belongs to the connection.")
    if not isinstance(value, str) or len(value) > LONGEST or not VALUE.fullmatch(value):
        raise ValidationError(f"{name}: give up to {LONGEST} printable ASCII characters, in one line.")
    _check_secret(name, value)


def check_extra_body(body: Any) -> None:
    """Raises for fields that can't be set, or that look like a secret."""
    if not isinstance(body, dict):
        raise ValidationError('Give an object of fields, such as {"safe_prompt": true}.')
    if taken := sorted(TAKEN_FIELDS & body.keys()):
        raise ValidationError(f"{', '.join(taken)}: can't be set here. They are the request's, or set elsewhere.")
    if len(json.dumps(body)) > LARGEST_BODY:
        raise ValidationError(f"Give at most {LARGEST_BODY} characters of JSON.")
    for name, value in _leaves(body):
        _check_secret(name, value)


def _check_secret(name: str, value: Any) -> None:
    is_text = isinstance(value, str) and bool(value)
    if is_text and ((SECRET_NAME.search(name) and name != "prompt_cache_key") or SECRET_VALUE.search(value)):
        raise ValidationError(f"{name[:64]} looks like a secret, and everybody who may read settings could read it.")


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value
