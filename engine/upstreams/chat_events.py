"""The events of one chat stream, as its client may see them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.dialects.progress import Progress
from engine.dialects.reading import Reader
from engine.upstreams.sse import EVENT_LIMIT, Bytes, Events, TooLarge, shown


@dataclass(slots=True)
class Piece:
    """What one read has brought: `shown` bytes for the client, and whether there was data among it, not only comments.

    `error` is what the upstream said has gone wrong, after what is shown. `is_last`: nothing follows.
    """

    shown: bytes = b""
    has_data: bool = False
    error: object = None
    is_last: bool = False


class ChatEvents:
    """Reads a stream piece by piece; `progress` says how far it has come.

    `[DONE]` is not among what is shown, nor is what no client could read, nor usage if the client hides it.
    """

    def __init__(self, source: Bytes, *, choices: int = 1, hides_usage: bool = False) -> None:
        self._events = Events(source)
        self._reader = Reader()
        self._hides_usage = hides_usage
        self.progress = Progress(choices)

    async def first(self) -> Piece:
        """All that comes until there is something to deliver, or it is certain that nothing will; raises TooLarge."""
        held = Piece()
        while not (held.error or held.is_last or self.progress.has_begun):
            piece = await self.next()
            # Comments keep a connection alive that the client does not have yet.
            held.shown += piece.shown if piece.has_data else b""
            held.error, held.is_last = piece.error, piece.is_last
            if len(held.shown) > EVENT_LIMIT:
                raise TooLarge
        return held

    async def next(self) -> Piece:
        """The next events, as many as have come together; raises TooLarge."""
        events = await self._events.next()
        piece, parts = Piece(is_last=not events), []
        for event in events:
            said = self._reader.read(event)
            self.progress.add(said)
            if said.is_done or said.error:
                piece.error, piece.is_last = said.error, True
                break
            piece.has_data = piece.has_data or (said.is_data and said.is_readable)
            if said.is_readable:
                parts.append(shown(event, said, hides_usage=self._hides_usage))
        piece.shown = b"".join(parts)
        return piece
