"""Goes on with a stream that broke after its first content, at the same deployment or another one.

First by a continuation, where a deployment of the same model can go on with an answer that has begun; else from the
start, without what the caller has, as long as it is said again word for word. What can't be joined ends with the error
of the first stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from pydantic_core import to_json

from engine.core.actions import Ask
from engine.core.journey import Journey
from engine.core.rescue import ANOTHER_ANSWER, MOST_RESCUES, rescuers
from engine.core.state import Target
from engine.dialects.messages.rescue import ToldMessages
from engine.dialects.reading import chunk_in
from engine.dialects.rescue import AnotherAnswer, Joint, Told, ToldChat, with_usage
from engine.dialects.responses.rescue import ToldResponse
from engine.dialects.translation import Encoder
from engine.drivers.attempt_ledger import failure_of
from engine.ledger import Attempt, Rescue
from engine.spec import DeploymentSpec
from engine.upstreams.call import CHAT, Call, Endpoint, Part, Stream
from engine.upstreams.choose import MESSAGES_DIALECT, RESPONSES_DIALECT, dialects_of, spoken_with
from engine.upstreams.estimates import ForwardedEvents
from engine.upstreams.prefill import can_continue, continued
from engine.upstreams.tokens import Usage, sum_of
from engine.upstreams.translated import encoded
from engine.upstreams.upstream_failure import UpstreamFailure

TOLD: dict[str, Callable[[], Told]] = {MESSAGES_DIALECT: ToldMessages, RESPONSES_DIALECT: ToldResponse}


class Attempts(Protocol):
    """What a rescue needs of the driver: it makes attempts, and tells the core and the ledger how they end."""

    async def rescue(self, ask: Ask, call: Call, kind: Rescue) -> tuple[Stream, Attempt] | None:
        """A stream of chat that has begun, to be ended by its `on_end`; None where there is none."""
        ...


@dataclass(slots=True, eq=False)
class Running:
    """The stream under way, and what its deployment has said so far."""

    stream: Stream
    ask: Ask
    attempt: Attempt
    call: Call
    passed: ForwardedEvents = field(default_factory=ForwardedEvents)

    @property
    def usage(self) -> Usage:
        """Its tokens, estimated if the upstream has not counted them."""
        return self.stream.usage or self.passed.usage(self.call.chat)


class Rescuer:
    """The rescues of one caller's stream.

    It watches the stream of the upstream: the caller's, or the chat stream of which that is a translation.
    """

    def __init__(self, journey: Journey, call: Call, attempts: Attempts, now: Callable[[], float]) -> None:
        self._journey, self._call, self._attempts, self._now = journey, call, attempts, now
        self._left, self._parts = MOST_RESCUES, list[Part]()
        self._told: Told = ToldChat()
        self._watched: Stream | None = None
        self._running: Running | None = None
        self._outer: Stream | None = None
        self._error: Exception | None = None
        self.add = self._told.add

    def watch(self, stream: Stream, ask: Ask, attempt: Attempt) -> None:
        """Goes on with this chat stream if it breaks."""
        self._running = Running(stream, ask, attempt, self._call)
        self._watched, stream.rescuer = stream, self

    def serve(self, outer: Stream, ask: Ask, attempt: Attempt) -> None:
        """This stream is the caller's. Where it is no translation, it is the one to go on with."""
        self._outer = outer
        if self._running is not None or (self._call.endpoint != CHAT and attempt.dialect != self._call.endpoint):
            return
        self._told = TOLD.get(self._call.endpoint, ToldChat)()
        self.add = self._told.add
        self.watch(outer, ask, attempt)

    async def go_on(self, error: Exception, passed: ForwardedEvents) -> AsyncGenerator[bytes]:
        """The events of the stream that follows the one that broke; raises the first error where none does."""
        self._error = self._error or error
        if (running := self._running) is not None:
            if not self._parts:
                running.passed = passed
            if (events := await self._next(running, error)) is not None:
                return events
        raise self._error from None

    def end(self) -> None:
        """Sums up the tokens of all parts, where there is more than one; leaves no circle of references."""
        self._call.watch = None
        if not self._parts or self._outer is None or self._watched is None:
            return
        if self._running is not None:
            self._count(self._running)
        self._watched.usage = self._outer.usage = sum_of(part.usage for part in self._parts)
        self._outer.parts = tuple(self._parts)

    async def _next(self, running: Running, error: Exception) -> AsyncGenerator[bytes] | None:
        if isinstance(error, AnotherAnswer):
            running.attempt.error_message = ANOTHER_ANSWER
            await self._end(GeneratorExit())
            return None
        await self._end(error)
        if not isinstance(error, UpstreamFailure) or running.stream.kept is not None or not await self._is_text():
            return None
        self._count(running)
        self._running = None
        continues = partial(self._can_continue, running.ask.target)
        for target, is_continued in rescuers(running.ask, failure_of(error), continues):
            if self._left and (ask := self._journey.go_on(running.ask, target, self._now())) is not None:
                self._left -= 1
                if (events := await self._begun(ask, is_continued=is_continued)) is not None:
                    return events
        return None

    async def _is_text(self) -> bool:
        """Whether the caller has the unfinished text of one answer."""
        for _ in self._told.read():
            await asyncio.sleep(0)
        return self._told.can_be_continued

    def _can_continue(self, broken: Target, target: Target) -> bool:
        """Responses has no way to begin an answer; another protocol of the same deployment may have one."""
        call, spec = self._call, target.spec
        asked = (call.chat, call.body)
        if self._way(spec, is_continued=True) == CHAT:
            as_chat, asked = replace(call, endpoint=CHAT), (call.chat, {})
            if call.view.obstacle is not None or spoken_with(as_chat, spec) == RESPONSES_DIALECT:
                return False
        return can_continue(spec, broken.spec, *asked) and bool(self._told.text.strip())

    def _way(self, spec: DeploymentSpec, *, is_continued: bool) -> Endpoint:
        """The endpoint that is asked: the client's own where a deployment has it, else chat."""
        own = self._call.endpoint
        is_own = own in dialects_of(spec) and not (is_continued and own == RESPONSES_DIALECT)
        return own if is_own else CHAT

    def _asked(self, spec: DeploymentSpec, text: str, *, is_continued: bool) -> Call:
        """The request for the second part; `text` is where it goes on from."""
        call, way = self._call, self._way(spec, is_continued=is_continued)
        body = call.chat if way == CHAT else call.body
        if is_continued:
            body = continued(body, text, self._parts[-1].usage.output_tokens, spec, way)
        was_translated = call.is_translated if way == CHAT else call.was_translated
        return replace(
            call, endpoint=way, body=body, was_translated=was_translated, prepared={}, _view=None, watch=None
        )

    async def _begun(self, ask: Ask, *, is_continued: bool) -> AsyncGenerator[bytes] | None:
        text, outer = self._told.text, self._outer
        sent = text.rstrip() if is_continued else text
        call = self._asked(ask.target.spec, sent, is_continued=is_continued)
        found = await self._attempts.rescue(ask, call, Rescue.CONTINUED if is_continued else Rescue.RESTARTED)
        if found is None or outer is None or self._watched is None:
            return None
        stream, attempt = found
        outer.on_end, stream.on_end = stream.on_end, None
        outer.deployment = stream.deployment
        self._running = running = Running(stream, ask, attempt, call)
        joint = Joint(self._told, is_continued=is_continued, lost=text[len(sent) :])
        if (encoder := self._told.rest(self._call.view)) is None:
            return self._joined(self._watched, running, joint)
        outer.fail = encoder.fail
        return self._in_own_words(self._watched, running, joint, encoder)

    async def _joined(self, shown: Stream, running: Running, joint: Joint) -> AsyncGenerator[bytes]:
        """The chunks of the second stream for the caller of the first; `shown` learns of its end and its tokens."""
        earlier, second = sum_of(part.usage for part in self._parts), running.stream
        async with aclosing(second.events) as pieces:
            async for piece in pieces:
                running.passed.add(piece)
                told = b"".join(_shown(event, joint, earlier) for event in piece.split(b"\n\n") if event)
                shown.is_complete = second.is_complete or piece.endswith(second.last_events)
                if told:
                    yield told
        shown.usage = sum_of([earlier, running.usage])

    async def _in_own_words(
        self, watched: Stream, running: Running, joint: Joint, encoder: Encoder
    ) -> AsyncGenerator[bytes]:
        """The same for a caller whose stream is no chat."""
        chat = Stream(running.stream.deployment)
        chat.events = self._joined(chat, running, joint)
        told = encoded(chat, encoder)
        async with aclosing(told.events) as pieces:
            async for piece in pieces:
                watched.is_complete = told.is_complete
                if piece:
                    yield piece

    async def _end(self, error: BaseException) -> None:
        """Tells how the attempt under way has ended."""
        outer = self._outer
        if outer is not None and outer.on_end is not None:
            on_end, outer.on_end = outer.on_end, None
            await on_end(error)

    def _count(self, running: Running) -> None:
        """The tokens of one part."""
        usage = running.usage
        part = Part(usage, running.stream.deployment)
        self._parts.append(part)
        running.attempt.part = usage.input_tokens, usage.output_tokens, part.cost_usd


def _shown(event: bytes, joint: Joint, earlier: Usage) -> bytes:
    if (chunk := chunk_in(event)) is None:
        return event + b"\n\n"  # a comment, or the end
    return b"".join(b"data: " + to_json(with_usage(made, earlier)) + b"\n\n" for made in joint.chunks(chunk))
