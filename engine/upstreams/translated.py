"""A client of another door at an upstream that speaks chat: its request as chat, the answer in its own dialect."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from pydantic_core import to_json

from engine.dialects.gemini_signatures import AT, with_signed_ids
from engine.dialects.reading import chunk_in, parsed
from engine.dialects.repeats import CHAT, Repeats
from engine.dialects.translation import Encoder
from engine.dialects.translators import TRANSLATORS
from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Upstream
from engine.upstreams.dropped import printable
from engine.upstreams.unsupported import passing


class TranslatedUpstream:
    """Asks a chat upstream, and translates what it answers."""

    def __init__(self, chat: Upstream) -> None:
        self.chat = chat

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        translator, view = TRANSLATORS[call.endpoint], call.view
        asked, dropped = passing(call, deployment)
        try:
            result = await self.chat.send(asked, deployment, policy, attempt)
        finally:
            attempt.dropped_params = printable(dict.fromkeys((*dropped, *view.named(attempt.dropped_params))))
        if isinstance(result, Stream):
            if call.watch is not None:
                call.watch(result)
            return encoded(result, translator.encoder(view))
        chat = parsed(result.body) or {}
        said = translator.answer(view, with_signed_ids(chat) if AT in result.body else chat, result.usage)
        return replace(result, body=to_json(said))


def encoded(chat: Stream, encoder: Encoder) -> Stream:
    """A chat stream in the words of the client."""
    stream = Stream(chat.deployment, last_events=(), fail=encoder.fail, headers=chat.headers)
    stream.events = _events(stream, chat, encoder)
    return stream


async def _events(stream: Stream, chat: Stream, encoder: Encoder) -> AsyncGenerator[bytes]:
    chat.asked, shown, translation = stream.asked, b"", Translation(encoder)
    try:
        async with aclosing(aiter(chat)) as pieces:
            async for piece in pieces:
                shown = translation.shown(piece)
                if shown and not chat.is_complete:
                    yield shown
        if encoder.problem:
            yield shown
            raise failures.invalid(chat.deployment, encoder.problem)
        stream.is_complete = True
        yield shown + encoder.end(chat.usage)
    finally:
        stream.usage = chat.usage


class Translation:
    """The client's part of a chat stream. Text after text goes into the encoder's bytes without being parsed."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self._learned = encoder, Repeats(CHAT)

    def shown(self, piece: bytes) -> bytes:
        """That of one or more events."""
        if texts := self._learned.found(piece).texts:
            return self._encoder.more(texts)
        return b"".join([self._event(event) for event in piece.split(b"\n\n") if event])

    def _event(self, event: bytes) -> bytes:
        """Comments stay: they keep its connection alive."""
        if event.startswith(b":") and b"\n" not in event:
            return event + b"\n\n"
        if texts := self._learned.found(event + b"\n\n").texts:
            return self._encoder.more(texts)
        if (fields := chunk_in(event)) is None:
            return b""
        told = self._encoder.chunk(with_signed_ids(fields) if AT in event else fields)
        self._learned.forget()
        if self._learned.learn(event, fields) and not self._encoder.can_go_on(fields):
            self._learned.forget()
        return told
