"""Server-sent events, read as little as possible: bytes are passed on, only what matters is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from pydantic_core import from_json

from engine.upstreams.call import Usage

FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')
USAGE = re.compile(rb'"usage"\s*:\s*\{')
NO_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
ERROR = re.compile(rb'"error"\s*:\s*[{"]')
DONE = re.compile(rb"(?:^|\n)data:\s*\[DONE\]")
EVENT_LIMIT = 16 * 1024 * 1024


class Bytes(Protocol):
    """Whatever gives bytes as they come, and b'' at the end."""

    async def readany(self) -> bytes: ...


class Events:
    """Cuts a byte stream into whole events; several that arrive together stay together.

    An incomplete last event is dropped: a client must never get half of one.
    """

    def __init__(self, source: Bytes) -> None:
        self._source = source
        self._rest = b""

    async def next(self) -> bytes:
        """One or more whole events, b'' at the end of the stream."""
        while data := await self._source.readany():
            self._rest += data.replace(b"\r\n", b"\n") if b"\r" in data else data
            whole, separator, rest = self._rest.rpartition(b"\n\n")
            if separator:
                self._rest = rest
                return whole + separator
            if len(self._rest) > EVENT_LIMIT:
                raise ValueError(f"an event of the stream is larger than {EVENT_LIMIT} bytes")
        return b""


@dataclass(frozen=True, slots=True)
class Event:
    """What one piece of a stream tells: an error object, tokens used, the last word, the end.

    `has_usage` says that it speaks of tokens at all, be it to say that there are none yet.
    """

    error: object = None
    usage: Usage | None = None
    is_finish: bool = False
    is_done: bool = False
    has_usage: bool = False


def read_event(chunk: bytes) -> Event:
    """Looks at whole events without parsing those that are only text."""
    speaks_of_usage = b'"usage"' in chunk
    has_error = b'"error"' in chunk and ERROR.search(chunk)
    is_finish, is_done = bool(FINISHED.search(chunk)), b"[DONE]" in chunk and bool(DONE.search(chunk))
    if not has_error and not (speaks_of_usage and USAGE.search(chunk)):
        return Event(None, None, is_finish, is_done, speaks_of_usage)
    fields = [content for line in chunk.split(b"\n") if (content := _data(line))]
    error = next((f["error"] for f in fields if f.get("error") and not f.get("choices")), None)
    usage = next((u for f in reversed(fields) if (u := Usage.of(f.get("usage")))), None)
    return Event(error, usage, is_finish, is_done, speaks_of_usage)


def without_usage(chunk: bytes) -> bytes:
    """Whole events as a client sees them that did not ask for usage: the one of usage alone is taken out, and so is
    the null that stands for it in the others."""
    if USAGE.search(chunk):
        events = (event + b"\n\n" for event in chunk.split(b"\n\n") if event)
        chunk = b"".join(event for event in events if not _is_usage_alone(event))
    return NO_USAGE.sub(b"", chunk)


def _is_usage_alone(event: bytes) -> bool:
    if not USAGE.search(event):
        return False
    content = next((content for line in event.split(b"\n") if (content := _data(line))), {})
    return isinstance(content.get("usage"), dict) and not content.get("choices") and not content.get("error")


def _data(line: bytes) -> dict[str, object]:
    if not line.startswith(b"data:"):
        return {}
    try:
        content = from_json(line[5:].strip())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
