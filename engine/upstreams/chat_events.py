"""The events of one stream for its client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic_core import to_json

from engine.dialects.progress import Progress
from engine.dialects.reading import Event, event_as_json, read_event
from engine.dialects.repeats import Repeats, Shape, is_text_alone
from engine.dialects.retelling import around, as_written
from engine.dialects.translation import Decoder
from engine.upstreams.kept import Kept
from engine.upstreams.sse import EVENT_LIMIT, Events, TooLarge, shown

DONE = b"data: [DONE]\n\n"


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


class StreamEvents:
    """Reads a stream piece by piece; `progress` is the state of the stream.

    `ending` is the last event: it comes when the end is certain. A dialect says what an event means, and shows.
    `keeps_pings`: what only keeps a connection alive is shown before the first content, too. `fail` makes the error
    of a stream that broke, where chat's is not the client's. `kept` says what the upstream keeps of it.
    """

    keeps_pings = False
    fail: Callable[[str, str, str | None], bytes] | None = None
    kept: Callable[[], Kept | None] | None = None

    def __init__(self, source: Bytes, progress: Progress, ending: bytes) -> None:
        self._source, self.progress, self.ending = source, progress, ending
        self._events = Events()

    async def first(self) -> Piece:
        """Everything until there is something to deliver, or certainly nothing; raises TooLarge."""
        held = Piece()
        while not (held.error or held.is_last or self.progress.has_begun):
            piece = await self.next()
            # Comments would keep the connection alive, but the client has none yet.
            held.shown += piece.shown if piece.has_data or self.keeps_pings else b""
            held.error, held.is_last = piece.error, piece.is_last
            if len(held.shown) > EVENT_LIMIT:
                raise TooLarge
        return held

    async def next(self) -> Piece:
        """The next events, as many as arrived together; raises TooLarge."""
        while data := await self._source.readany():
            # A repeat changes nothing in `progress`, which has the event that it repeats.
            if self._events.is_between and (repeats := self._repeats(data)):
                return Piece(repeats, has_data=True)
            if events := self._events.feed(data):
                return self._piece(events)
        events = self._events.end()
        return self._piece(events) if events else Piece(is_last=True)

    def _piece(self, events: list[bytes]) -> Piece:
        piece, parts = Piece(), []
        for event in events:
            if repeats := self._repeats(event + b"\n\n"):
                piece.has_data = True
                parts.append(repeats)
                continue
            event = event_as_json(event)  # noqa: PLW2901
            said = self._read(event)
            self.progress.add(said)
            if said.is_done or said.error:
                piece.error, piece.is_last = said.error, True
                break
            piece.has_data = piece.has_data or (said.is_data and said.is_readable)
            if said.is_readable:
                parts.append(self._shown(event, said))
        piece.shown = b"".join(parts)
        return piece

    def _repeats(self, data: bytes) -> bytes:
        """The client's bytes if all of these are known to be content and nothing else; b'' if not."""
        return b""

    def _read(self, event: bytes) -> Event:
        """Reads one event."""
        raise NotImplementedError

    def _shown(self, event: bytes, said: Event) -> bytes:
        """The client's part of a readable event."""
        raise NotImplementedError


class ChatEvents(StreamEvents):
    """A chat stream for a chat client.

    `[DONE]`, unreadable events, and usage that the client did not request are not shown.
    """

    def __init__(self, source: Bytes, *, choices: int = 1, hides_usage: bool = False) -> None:
        super().__init__(source, Progress(choices), DONE)
        self._learned = Repeats(hides_usage=hides_usage)
        self._hides_usage = hides_usage

    def _repeats(self, data: bytes) -> bytes:
        return self._learned.shown(data)

    def _read(self, event: bytes) -> Event:
        return read_event(event)

    def _shown(self, event: bytes, said: Event) -> bytes:
        if is_text_alone(said):
            self._learned.learn(event, said.fields)
        return shown(event, said, hides_usage=self._hides_usage)


class DecodedEvents(StreamEvents):
    """The stream of another dialect for a chat client: its decoder's chunks.

    A text after a text needs no decoder: it goes into the bytes around the one before.
    """

    def __init__(self, source: Bytes, decoder: Decoder, shape: Shape, *, hides_usage: bool) -> None:
        super().__init__(source, Progress(), DONE)
        self._decoder, self._learned, self._hides_usage = decoder, Repeats(shape), hides_usage
        self._around = (b"", b"")

    def _repeats(self, data: bytes) -> bytes:
        if not (texts := self._learned.found(data).texts):
            return b""
        self._decoder.goes_on(texts)
        before, after = self._around
        return b"".join([before + as_written(text) + after for text in texts])

    def _decoded(self, event: bytes, fields: dict[str, Any], *, is_text: bool) -> bytes:
        """The chunks of an event; those of the next are known if it `is_text` and nothing else, and so is the next."""
        chunks = self._chunks_of(fields)
        self._learned.forget()
        if is_text and len(chunks) == 1 and (found := around(chunks[0])) is not None:
            self._around = found
            self._learned.learn(event, fields)
        return self._written(chunks)

    def _chunks_of(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        return self._decoder.event(fields)

    def _written(self, chunks: list[dict[str, Any]]) -> bytes:
        shown = [chunk for chunk in chunks if chunk.get("choices") or not self._hides_usage]
        return b"".join(b"data: %b\n\n" % to_json(chunk) for chunk in shown)
