"""The content of a test answer without a dialect, and the interface of a dialect."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

ARGUMENTS = {"path": "notes/a.md"}
CALL_ID = "call_0123456789"


@dataclass(frozen=True)
class Said:
    """One answer: words, or the call of a tool with ARGUMENTS. `is_counted`: the provider tells its tokens."""

    text: str = "pong"
    tool: str = ""
    is_counted: bool = True
    read: int = 11
    wrote: int = 5

    @property
    def pieces(self) -> tuple[str, str]:
        """The text, or the tool's arguments, in two."""
        whole = json.dumps(ARGUMENTS) if self.tool else self.text
        return whole[: len(whole) // 2], whole[len(whole) // 2 :]


@dataclass(frozen=True)
class Events:
    """A stream on the wire: events before anything is said, those that say it, and those that end it."""

    head: list[bytes]
    content: list[bytes]
    end: list[bytes]


@dataclass(frozen=True)
class Asked:
    """What a provider understood of a request: tools by name, results of tools, pictures, a schema."""

    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    images: int = 0
    has_schema: bool = False


class Dialect(Protocol):
    """A provider's side of its own protocol, written from its public documentation."""

    @property
    def provider_type(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def splits_tools(self) -> bool: ...

    def whole(self, said: Said) -> dict[str, Any]: ...
    def events(self, said: Said) -> Events: ...
    def error(self, status: int, message: str) -> Any: ...
    def error_event(self, message: str) -> bytes: ...
    def is_stream(self, path: str, body: dict[str, Any]) -> bool: ...
    def asked(self, body: dict[str, Any]) -> Asked: ...


def sse(data: Any, name: str = "") -> bytes:
    """One server-sent event."""
    raw = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {raw}\n\n".encode()


def parts(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every content part of every message, in order."""
    return [part for m in messages for part in (m.get("content") or []) if isinstance(part, dict)]
