"""Ids of tool calls in the form that a dialect takes: the same id always becomes the same one. Pure.

A conversation that has moved between providers has ids of all of them, and one that is refused ends it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Any

# OpenAI refuses longer ones.
LONGEST = 64
# Anthropic refuses other letters.
UNCLEAN = re.compile(r"[^A-Za-z0-9_-]")
MARK = 12


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or its start and a hash of it if it is too long."""
    return text if len(text) <= longest else _marked(text, text, longest)


def cleaned(id: str) -> str:
    """The id in Anthropic's letters; what had others is told apart by a hash."""
    clean = UNCLEAN.sub("_", id)
    return id if clean == id else _marked(clean, id, LONGEST)


def with_short_ids(messages: Iterable[Any]) -> list[Any]:
    """The messages of a chat with ids that OpenAI takes."""
    return [
        _short(message) if "tool_calls" in message or "tool_call_id" in message else message for message in messages
    ]


def _short(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return with_ids(message, ("tool_call_id",), shortened)
    made = [with_ids(call, ("id",), shortened) if isinstance(call, dict) else call for call in calls]
    return message if all(new is old for new, old in zip(made, calls, strict=True)) else {**message, "tool_calls": made}


def with_ids(fields: dict[str, Any], names: tuple[str, ...], change: Callable[[str], str]) -> dict[str, Any]:
    """An object with the ids in these fields changed; itself where all stay."""
    new = {name: change(id) for name in names if isinstance(id := fields.get(name), str)}
    return fields if all(fields[name] == id for name, id in new.items()) else {**fields, **new}


def _marked(start: str, text: str, longest: int) -> str:
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:MARK]
    return f"{start[: longest - MARK - 1]}_{mark}"
