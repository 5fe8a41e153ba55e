"""What was asked and answered, for spans: only where the setting allows it, without what looks like a credential."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from pydantic_core import from_json, to_json

from engine.redaction import redact
from engine.upstreams.call import CHAT, Answer
from gateway.exchange import Exchange

# Characters of a message; what is longer is cut.
LONGEST = 8_000


def of(exchange: Exchange) -> dict[str, str]:
    """The attributes of the conventions, as JSON: messages of the request as chat has them, and of a chat's answer."""
    found: dict[str, str] = {}
    with suppress(Exception):  # a request that is wrong has no messages
        asked = exchange.call.chat.get("messages") if exchange.call is not None else None
        if isinstance(asked, list):
            found["gen_ai.input.messages"] = _json(_message(one["role"], one.get("content")) for one in asked)
    with suppress(Exception):  # foreign words may have any shape
        if exchange.endpoint == CHAT and (text := _answered(exchange)):
            found["gen_ai.output.messages"] = _json([_message("assistant", text)])
    return found


def _message(role: str, content: Any) -> dict[str, Any]:
    parts = [content] if isinstance(content, str) else content if isinstance(content, list) else []
    return {"role": role, "parts": [_part(part) for part in parts]}


def _part(part: Any) -> dict[str, str]:
    if isinstance(part, str):
        return {"type": "text", "content": redact(part)[:LONGEST]}
    if part.get("type") == "text":
        return _part(part["text"])
    return {"type": str(part.get("type", "unknown"))}  # pictures and sounds are named only


def _answered(exchange: Exchange) -> str:
    if isinstance(exchange.result, Answer):
        return str(from_json(exchange.result.body)["choices"][0]["message"]["content"] or "")
    return "".join(_pieces(b"".join(exchange.heard or ())))


def _pieces(events: bytes) -> Iterator[str]:
    """The text of a stream of chat."""
    for line in events.splitlines():
        data = line.removeprefix(b"data:").strip()
        if data.startswith(b"{"):
            for choice in from_json(data).get("choices") or ():
                yield (choice.get("delta") or {}).get("content") or ""


def _json(messages: Iterable[dict[str, Any]]) -> str:
    return to_json(list(messages)).decode()
