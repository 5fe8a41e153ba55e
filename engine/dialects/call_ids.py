"""Ids of tool calls in the form that a dialect takes: the same id always becomes the same one. Pure.

A conversation that has moved between providers has ids of all of them, and one that is refused ends it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from engine.dialects.shapes import objects

# OpenAI refuses longer ones. Some of its models have refused more than 40 in a chat: that is learned, not assumed.
LONGEST = 64
# How ids that go out as others are reported, in each protocol. Nothing is lost: who asks for them gets the same answer.
IN_CHAT, IN_MESSAGES, IN_RESPONSES = "messages.tool_call_id", "messages.tool_use_id", "input.call_id"
OF_ITEMS = "input.id"
REPLACED = frozenset({IN_CHAT, IN_MESSAGES, IN_RESPONSES, OF_ITEMS})
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


def with_short_ids(messages: Iterable[Any], longest: int = LONGEST) -> list[Any]:
    """The messages of a chat with ids that OpenAI takes."""
    return with_changed_ids(messages, partial(shortened, longest=longest))


def with_changed_ids(messages: Iterable[Any], change: Callable[[str], str]) -> list[Any]:
    """The messages of a chat with other ids in calls and in their results."""
    return [
        _changed(message, change)
        if isinstance(message, dict) and ("tool_calls" in message or "tool_call_id" in message)
        else message
        for message in messages
    ]


def ids_in(messages: object) -> Iterator[str]:
    """The ids of calls in a chat, and of their results."""
    for message in objects(messages):
        named = (call.get("id") for call in objects(message.get("tool_calls")))
        yield from (id for id in (message.get("tool_call_id"), *named) if isinstance(id, str))


def has_longer(messages: object, longest: int = LONGEST) -> bool:
    """Whether an id in a chat is longer."""
    return any(len(id) > longest for id in ids_in(messages))


def _changed(message: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return with_ids(message, ("tool_call_id",), change)
    made = [with_ids(call, ("id",), change) if isinstance(call, dict) else call for call in calls]
    return message if all(new is old for new, old in zip(made, calls, strict=True)) else {**message, "tool_calls": made}


def with_ids(fields: dict[str, Any], names: tuple[str, ...], change: Callable[[str], str]) -> dict[str, Any]:
    """An object with the ids in these fields changed; itself where all stay."""
    new = {name: change(id) for name in names if isinstance(id := fields.get(name), str)}
    return fields if all(fields[name] == id for name, id in new.items()) else {**fields, **new}


def _marked(start: str, text: str, longest: int) -> str:
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:MARK]
    return f"{start[: longest - MARK - 1]}_{mark}"
