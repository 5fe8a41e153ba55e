"""Streams of what is no chat, for their client: its bytes, and one certain end."""

from __future__ import annotations

from engine.dialects.media import SPEECH, TRANSCRIPT, Words, read_event
from engine.dialects.progress import Progress
from engine.dialects.reading import Event
from engine.upstreams.chat_events import Bytes, Piece, StreamEvents
from engine.upstreams.tokens import Usage
from engine.upstreams.units import of_seconds, spoken_in


class MediaEvents(StreamEvents):
    """A stream that ends with the event that says so, or with `[DONE]` after it, whichever the server sends first.

    `about` is the usage until one is counted.
    """

    def __init__(self, source: Bytes, words: Words, about: Usage, *, results: int = 1) -> None:
        super().__init__(source, Progress(results), b"")
        self._words, self._results, self._ended = words, results, 0
        self.progress.usage = about

    def _read(self, event: bytes) -> Event:
        said = read_event(event, self._words, ended=self._ended, of=self._results)
        self._ended += len(said.finishes)
        if said.is_done:
            self.ending = event + b"\n\n"
        return said

    def _shown(self, event: bytes, said: Event) -> bytes:
        return event + b"\n\n"


class TranscriptEvents(MediaEvents):
    """A transcript, of sound of about this length."""

    def __init__(self, source: Bytes, about_s: float) -> None:
        super().__init__(source, TRANSCRIPT, of_seconds(about_s, is_estimated=True))

    def _read(self, event: bytes) -> Event:
        said = super()._read(event)
        if said.fields and said.usage is None and (told := spoken_in(said.fields)):
            self.progress.usage = told
        return said


class SpeechEvents(MediaEvents):
    """Speech in events; its characters count although the provider may count tokens, too."""

    def __init__(self, source: Bytes, about: Usage) -> None:
        super().__init__(source, SPEECH, about)
        self._about = about

    def _read(self, event: bytes) -> Event:
        said = super()._read(event)
        if said.usage is None:
            return said
        return said._replace(usage=said.usage._replace(units=self._about.units, unit=self._about.unit))


class SpeechBytes(StreamEvents):
    """Speech as plain audio, as it is made. It is whole where its connection says so."""

    def __init__(self, source: Bytes, about: Usage) -> None:
        super().__init__(source, Progress(), b"")
        self.progress.usage = about

    async def first(self) -> Piece:
        return await self.next()

    async def next(self) -> Piece:
        if data := await self._source.readany():
            self.progress.add(SOUND)
            return Piece(data, has_data=True)
        if self.progress.has_content:
            self.progress.add(END)
        return Piece(is_last=True)


SOUND = Event(has_content=True, choices=(0,))
END = Event(finishes=((0, "stop"),), is_done=True)
