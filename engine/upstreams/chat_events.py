"""The events of one chat stream for its client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.dialects.progress import Progress
from engine.dialects.reading import read_event
from engine.dialects.repeats import Repeats
from engine.upstreams.sse import EVENT_LIMIT, Events, TooLarge, shown


class Bytes(Protocol):
    """A source of bytes as they arrive, and b'' at the end."""

    async def readany(self) -> bytes: ...


@dataclass(slots=True)
class Piece:
    """The result of one read: `shown` bytes for the client, and whether there was data, not only comments.

    `error` is the upstream's error after the shown part. `is_last`: nothing follows.
    """

    shown: bytes = b""
    has_data: bool = False
    error: object = None
    is_last: bool = False


class ChatEvents:
    """Reads a stream piece by piece; `progress` is the state of the stream.

    `[DONE]`, unreadable events, and usage that the client did not request are not shown.
    """

    def __init__(self, source: Bytes, *, choices: int = 1, hides_usage: bool = False) -> None:
        self._source = source
        self._events = Events()
        self._repeats = Repeats(hides_usage=hides_usage)
        self._hides_usage = hides_usage
        self.progress = Progress(choices)

    async def first(self) -> Piece:
        """Everything until there is something to deliver, or certainly nothing; raises TooLarge."""
        held = Piece()
        while not (held.error or held.is_last or self.progress.has_begun):
            piece = await self.next()
            # Comments would keep the connection alive, but the client has none yet.
            held.shown += piece.shown if piece.has_data else b""
            held.error, held.is_last = piece.error, piece.is_last
            if len(held.shown) > EVENT_LIMIT:
                raise TooLarge
        return held

    async def next(self) -> Piece:
        """The next events, as many as arrived together; raises TooLarge."""
        while data := await self._source.readany():
            # A repeat changes nothing in `progress`, which has the event that it repeats.
            if self._events.is_between and (repeats := self._repeats.shown(data)):
                return Piece(repeats, has_data=True)
            if events := self._events.feed(data):
                return self._piece(events)
        events = self._events.end()
        return self._piece(events) if events else Piece(is_last=True)

    def _piece(self, events: list[bytes]) -> Piece:
        piece, parts = Piece(), []
        for event in events:
            said = read_event(event)
            self.progress.add(said)
            if said.is_done or said.error:
                piece.error, piece.is_last = said.error, True
                break
            piece.has_data = piece.has_data or (said.is_data and said.is_readable)
            if said.is_readable:
                parts.append(shown(event, said, hides_usage=self._hides_usage))
                self._repeats.learn(event, said)
        piece.shown = b"".join(parts)
        return piece
