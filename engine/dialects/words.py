"""An upstream's message for people, without the parts for programmers.

Pure. An upstream may be another gateway with the text of its libraries in its errors: tracebacks, paths, class names,
ids.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

LIMIT, DEEPEST = 500, 5
JSON = json.JSONDecoder(strict=False)
# Nothing after these words is for people.
END = re.compile(
    r"\s*(Traceback \(most recent call last\)|Received Model Group\s*=|Available Model Group Fallbacks\s*="
    r"|LiteLLM Retried:|No fallback model group found|Handle with `|The above exception was"
    r"|During handling of the above).*",
    re.DOTALL,
)
NOISE = (
    # Links to documentation of libraries.
    re.compile(
        r"[^.\n]{0,200}(?<![^\s(\[<'\"])https?://[^\s()\[\]<>'\"]*"
        r"(?:litellm|errors\.pydantic\.dev|developer\.mozilla\.org|docs\.python\.org)\S*"
    ),
    # A library's class name before the message: `litellm.RateLimitError: AnthropicException - `.
    re.compile(r"(?<![\w.])(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Timeout)\b\s*(?::|-(?=\s))\s*"),
    re.compile(r"(?<![\w./])litellm(?:\.\w+)+\s*[:-]?\s*", re.IGNORECASE),
    re.compile(r"\bLiteLLM\s*:\s*", re.IGNORECASE),
    # Objects of a program, and file paths.
    re.compile(r"(?:\b\w+:)?<[\w.]+(?: object)? at 0x[0-9a-fA-F]+>"),
    re.compile(r"File \"[^\"]+\", line \d+(?:, in \S+)?"),
    re.compile(r"(?:[A-Za-z]:\\|(?<![\w:/.])/(?:usr|home|opt|var|app|root|srv|tmp|etc|work|mnt)/)[^\s'\",;)]*"),
    re.compile(r"\(_\w+\.c:\d+\)"),
    # An object that was cut off.
    re.compile(r"\s*\[?\{\s*['\"]\w+['\"]\s*:.*", re.DOTALL),
    # The id of a deployment inside another router.
    re.compile(r"\b[\w-]+\.r\d+\.[\w-]+"),
)
# Control characters for terminals and text direction.
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
EMPTY = re.compile(r"\(\s*\)|\[\s*\]|^[\s:;,.\-]+|(?<=\s)[:;,](?=\s|$)")


def words_of(text: str, *, limit: int = LIMIT) -> str:
    """The readable sentence of an upstream's message, on one line, at most `limit` characters; "" if there is none."""
    text = END.sub("", _unwrapped(text[: 20 * limit])[: 4 * limit])
    for noise in NOISE:
        text = noise.sub("", text)
    text = " ".join(STEERING.sub(" ", EMPTY.sub("", text)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def said_in(text: str) -> str | None:
    """The message of the JSON (or Python) object inside a text; None without one."""
    start = min((at for at in (text.find("{"), text.find("[{")) if at >= 0), default=-1)
    return None if start < 0 else _message_in(_object(text[start:].strip()))


def _unwrapped(text: str) -> str:
    """The text, with objects inside it replaced by their messages."""
    for _ in range(DEEPEST):
        if (said := said_in(text)) is None:
            break
        text = said
    return text


def _object(text: str) -> Any:
    for read in (lambda: JSON.raw_decode(text)[0], lambda: ast.literal_eval(text[: text.rfind("}") + 1])):
        try:
            return read()
        except (TypeError, ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return None


def _message_in(content: Any, depth: int = 0) -> str | None:
    """The message of an error object, also of one inside another."""
    if isinstance(content, list):
        content = content[0] if content else None
    if not isinstance(content, dict) or depth > DEEPEST:
        return None
    for name in ("error", "message", "detail", "msg", "errorMessage"):
        said = content.get(name)
        if isinstance(said, str) and said.strip():
            return said
        if isinstance(said, dict | list) and (inner := _message_in(said, depth + 1)) is not None:
            return inner
    return None
