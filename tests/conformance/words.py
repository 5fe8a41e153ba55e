"""A request, an answer and what came of both, in words of no protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
PARAMETERS: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
ERROR = "Error: "
# What is said in a conversation, piece by piece: (who, kind, and what): texts, pictures, calls and their results.
Piece = tuple[str, ...]


def said(who: str, text: str) -> Piece:
    """A text of the user, the assistant or the system."""
    return (who, "text", text)


def picture(url: str) -> Piece:
    """A picture of the user's."""
    return ("user", "image", url)


def called(id: str, name: str, arguments: str) -> Piece:
    """The assistant has called a tool."""
    return ("assistant", "call", id, name, plain(arguments))


def result(id: str, text: str) -> Piece:
    """What came of it."""
    return ("tool", "result", id, text)


def failed(id: str, text: str) -> Piece:
    """The tool has failed, which only Messages has a field for."""
    return ("tool", "result", id, f"{ERROR}{text}")


@dataclass(frozen=True)
class Question:
    """A request: what was said, the tools (`must`: one has to be called), a limit of tokens, and wishes."""

    pieces: tuple[Piece, ...] = (said("user", "ping"),)
    system: str = ""
    tools: tuple[str, ...] = ()
    must: bool = False
    has_schema: bool = False
    thinks: bool = False
    limit: int = 4096
    stops: tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolCall:
    """A call in an answer; `arguments` is JSON as the model wrote it."""

    name: str
    arguments: str = "{}"
    id: str = "call_0123456789"

    @property
    def halves(self) -> tuple[str, str]:
        """The arguments in two."""
        return self.arguments[: len(self.arguments) // 2], self.arguments[len(self.arguments) // 2 :]


@dataclass(frozen=True)
class Reply:
    """An answer: a thought, a text in `pieces`, calls, and why it ended: stop, length or filter. Tokens: `read` is all
    input, `cached` a part of it, `thought_tokens` a part of what it `wrote`."""

    pieces: tuple[str, ...] = ("po", "ng")
    calls: tuple[ToolCall, ...] = ()
    thought: str = ""
    end: str = "stop"
    read: int = 20
    cached: int = 0
    wrote: int = 5

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


@dataclass(frozen=True)
class Heard:
    """What a client has of an answer. `calls` are (name, arguments as JSON); `end` is stop, length, tools, filter, or
    empty where there was none; `error` is the class that the client's library raises."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    thought: str = ""
    end: str = ""
    usage: tuple[int, int, int] | None = None
    status: int = 200
    error: str = ""


@dataclass(frozen=True)
class Events:
    """A stream on the wire: events before anything is said, those that say it, and those that end it."""

    head: list[bytes]
    content: list[bytes]
    end: list[bytes]


def plain(arguments: str) -> str:
    """The same JSON, however it was spaced."""
    return json.dumps(json.loads(arguments), ensure_ascii=False)


class Refused(Exception):
    """A request that the provider would refuse, with its reason."""


def sse(data: Any, name: str = "") -> bytes:
    """One server-sent event."""
    raw = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {raw}\n\n".encode()


def must(holds: object, why: str) -> None:
    """Refuses a request unless this holds."""
    if not holds:
        raise Refused(why)
