"""The end of a Responses stream that broke on its way to its client. Pure."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from engine.dialects.reading import data_of, parsed
from engine.dialects.responses.errors import failed
from engine.dialects.shapes import object_of

NO_RESPONSE: dict[str, Any] = {"id": "resp", "object": "response", "output": []}


class Ending:
    """Follows a stream, so that its one error has the next number and the response that has begun."""

    def __init__(self) -> None:
        self._response = NO_RESPONSE
        self._number = 0
        # The last of the events that nobody has read, and how many they are.
        self._unread, self._unread_count = b"", 0

    @property
    def has_begun(self) -> bool:
        """Whether there was a response in an event."""
        return self._response is not NO_RESPONSE

    @property
    def response(self) -> dict[str, Any]:
        """The response, as far as it has come."""
        return self._response

    def note(self, fields: dict[str, Any] | None) -> None:
        """The next event."""
        if fields is None:
            return
        self.go_on(fields.get("sequence_number"), 1)
        if response := object_of(fields.get("response")):
            self._response = response

    def go_on(self, number: object, count: int) -> None:
        """So many further events; `number` is that of the last one, where they have numbers."""
        self._number = number + 1 if type(number) is int else self._number + self._unread_count + count
        self._unread_count = 0

    def pass_by(self, event: bytes) -> None:
        """The next event, without a response in it: it is read only if the stream breaks right after it."""
        self._unread, self._unread_count = event, self._unread_count + 1

    def fail(self, message: str, type: str, code: str | None) -> bytes:
        """The last event."""
        if self._unread_count:
            fields = parsed(data_of(self._unread) or b"") or {}
            self.go_on(fields.get("sequence_number"), 0)
        response = {**self._response, "status": "failed", "error": failed(message, type, code)}
        told = {"type": "response.failed", "sequence_number": self._number, "response": response}
        return b"event: response.failed\ndata: " + to_json(told) + b"\n\n"
