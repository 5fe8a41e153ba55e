"""Typed or pasted text -> messages in OpenAI's shape. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
TEXTS = ("prompt", "text", "content", "input", "question")


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages; `note` says why text that looks like JSON was read as plain text."""

    messages: tuple[Message, ...]
    note: str = ""


def read(text: str) -> Conversation:
    """A plain message, or a conversation as JSON: a list of messages, or a request with `messages`."""
    plain = Conversation(({"role": "user", "content": text},))
    if not text.lstrip().startswith(("[", "{")):
        return plain
    try:
        return Conversation(tuple(messages_of(json.loads(text))))
    except json.JSONDecodeError as error:
        note = f"Read as plain text: as JSON it breaks off in line {error.lineno}, column {error.colno}."
    except (ValueError, RecursionError) as error:
        note = f"Read as plain text: {error or 'this JSON is nested too deeply.'}"
    return Conversation(plain.messages, note)


def messages_of(data: Any) -> list[Message]:
    """The messages in JSON: a text, a list of messages, or an object with one of these.

    Raises ValueError with what is missing.
    """
    if isinstance(data, str):
        return [{"role": "user", "content": data}]
    if isinstance(data, list) and data and all(isinstance(m, Mapping) and "role" in m for m in data):
        return [dict(message) for message in data]
    if isinstance(data, Mapping):
        inner = data.get("messages", data.get("body"))
        if inner is not None:
            return messages_of(inner)
        if texts := [data[key] for key in TEXTS if isinstance(data.get(key), str)]:
            return messages_of(texts[0])
    raise ValueError("this JSON has no messages with role and content.")
