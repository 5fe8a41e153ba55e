"""Server-sent events: bytes as they arrive -> whole events. Pure."""

from __future__ import annotations

import codecs

from pydantic_core import to_json

from engine.dialects.reading import Event, parsed
from engine.dialects.repeats import NO_USAGE

EVENT_LIMIT = 16 * 1024 * 1024


class TooLarge(ValueError):
    """An event that is larger than any answer."""

    def __init__(self) -> None:
        super().__init__(f"sent an event larger than {EVENT_LIMIT // 1024**2} MB.")


class Events:
    """Cuts a byte stream into whole events, without the blank lines between them.

    All line ends become `\\n`. The last event counts without a blank line too, if it is whole: a
    client must never get half of one.
    """

    def __init__(self) -> None:
        # The beginning of an event, in the pieces as received: joining them each time would take quadratic time.
        self._parts: list[bytes] = []
        self._size = 0
        self._is_first = True
        self._ends_in_cr = False

    @property
    def is_between(self) -> bool:
        """Whether the input so far ended with an event."""
        return not self._parts and not self._ends_in_cr

    def feed(self, data: bytes) -> list[bytes]:
        """The events completed by these bytes; raises TooLarge."""
        plain = self._with_plain_lines(data)
        last = self._parts[-1][-1:] if self._parts else b""
        self._keep(plain)
        events = self._cut() if b"\n\n" in last + plain else []
        if self._size > EVENT_LIMIT:
            raise TooLarge
        return events

    def end(self) -> list[bytes]:
        """The last event, at the end of the stream."""
        last = self._without_mark(self._taken()).strip(b"\n")
        return [last] if is_whole(last) else []

    def _keep(self, data: bytes) -> None:
        if data:
            self._parts.append(data)
            self._size += len(data)

    def _taken(self) -> bytes:
        taken, self._parts, self._size = b"".join(self._parts), [], 0
        return taken

    def _cut(self) -> list[bytes]:
        *events, rest = self._taken().split(b"\n\n")
        self._keep(rest)
        if self._is_first and events:
            events[0], self._is_first = self._without_mark(events[0]), False
        return [event for piece in events if (event := piece.strip(b"\n"))]

    def _with_plain_lines(self, data: bytes) -> bytes:
        if self._ends_in_cr:
            data = data.removeprefix(b"\n")
        self._ends_in_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data

    def _without_mark(self, event: bytes) -> bytes:
        return event.removeprefix(codecs.BOM_UTF8) if self._is_first else event


def is_whole(event: bytes) -> bool:
    """Whether the stream ended with a complete event."""
    data = event.rpartition(b"\n")[2].partition(b":")
    return data[0] == b"data" and (data[2].strip() == b"[DONE]" or parsed(data[2]) is not None)


def shown(event: bytes, said: Event, *, hides_usage: bool) -> bytes:
    """The client's part of an event: nothing if it has only usage that was not requested."""
    if hides_usage and b'"usage"' in event:
        return b"" if said.is_usage_alone else NO_USAGE.sub(b"", event) + b"\n\n"
    if said.is_usage_alone and said.fields and not isinstance(said.fields.get("choices"), list):
        return b"data: " + to_json({**said.fields, "choices": []}) + b"\n\n"
    return event + b"\n\n"
