"""Goes on with a chat stream that broke after its first content, at the same deployment or another one.

First by a continuation, where a deployment of the same model can go on with an answer that has begun; else from the
start, without what the caller has, as long as it is said again word for word. What can't be joined ends with the error
of the first stream.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from pydantic_core import to_json

from engine.core.actions import Ask
from engine.core.failures import Failure
from engine.core.journey import Journey
from engine.core.rescue import MOST_RESCUES, rescuers
from engine.core.state import Target
from engine.dialects.reading import chunk_in
from engine.dialects.rescue import AnotherAnswer, Joint, Told, with_usage
from engine.ledger import Attempt, Rescue
from engine.upstreams.call import CHAT, Call, Part, Stream
from engine.upstreams.estimates import ForwardedEvents
from engine.upstreams.prefill import can_continue, continued
from engine.upstreams.tokens import Usage, sum_of
from engine.upstreams.upstream_failure import UpstreamFailure

ANOTHER_ANSWER = "It began another answer than the one that the caller has."


class Attempts(Protocol):
    """What a rescue needs of the driver: it makes attempts, and tells the core and the ledger how they end."""

    async def rescue(self, ask: Ask, call: Call, kind: Rescue) -> tuple[Stream, Attempt] | None:
        """A stream that has begun, to be ended by its `on_end`; None where there is none."""
        ...

    def failure_of(self, error: Exception) -> Failure:
        """An error as the core sees it."""
        ...


@dataclass(slots=True, eq=False)
class Running:
    """The chat stream under way: its events as the caller gets them, and what has passed of them."""

    stream: Stream
    ask: Ask
    attempt: Attempt
    events: AsyncGenerator[bytes]
    passed: ForwardedEvents = field(default_factory=ForwardedEvents)


class Rescuer:
    """The rescues of one caller's stream. `outer` is the caller's: the chat stream itself, or its translation."""

    def __init__(self, journey: Journey, call: Call, attempts: Attempts, now: Callable[[], float]) -> None:
        self._journey, self._call, self._attempts, self._now = journey, call, attempts, now
        self._told, self._left = Told(), MOST_RESCUES
        self._parts: list[Part] = []
        self._running: Running | None = None
        self.outer: Stream | None = None

    def watch(self, stream: Stream, ask: Ask, attempt: Attempt) -> None:
        """Goes on with this chat stream if it breaks."""
        self._running = Running(stream, ask, attempt, stream.events)
        stream.events = self._events(stream)

    async def _events(self, stream: Stream) -> AsyncGenerator[bytes]:
        first_error: Exception | None = None
        try:
            while (running := self._running) is not None:
                try:
                    async with aclosing(running.events) as pieces:
                        async for piece in pieces:
                            self._told.add(piece)
                            running.passed.add(piece)
                            yield piece
                    return
                except Exception as error:
                    first_error = first_error or error
                    if not await self._has_gone_on(running, error):
                        raise first_error from None
        finally:
            self._sum_up(stream)

    async def _has_gone_on(self, running: Running, error: Exception) -> bool:
        """Whether another stream follows the one that broke."""
        if isinstance(error, AnotherAnswer):
            running.attempt.error_message = ANOTHER_ANSWER
            await self._end(GeneratorExit())
            return False
        await self._end(error)
        if not isinstance(error, UpstreamFailure) or not self._told.can_be_continued():
            return False
        self._count(running)
        self._running = None
        failure, continues = self._attempts.failure_of(error), partial(self._can_continue, running.ask.target)
        for target, is_continued in rescuers(running.ask, failure, continues):
            if self._left and (ask := self._journey.go_on(running.ask, target, self._now())) is not None:
                self._left -= 1
                self._running = await self._begun(running.stream, ask, is_continued=is_continued)
            if self._running is not None:
                return True
        return False

    def _can_continue(self, broken: Target, target: Target) -> bool:
        return can_continue(target.spec, broken.spec, self._call.chat) and bool(self._told.text.strip())

    async def _begun(self, first: Stream, ask: Ask, *, is_continued: bool) -> Running | None:
        text = self._told.text
        sent = text.rstrip() if is_continued else ""
        asked = continued(self._call.chat, sent, ask.target.spec) if is_continued else self._call.chat
        call = replace(
            self._call,
            endpoint=CHAT,
            body=asked,
            was_translated=self._call.is_translated,
            prepared={},
            _view=None,
            watch=None,
        )
        found = await self._attempts.rescue(ask, call, Rescue.CONTINUED if is_continued else Rescue.RESTARTED)
        if found is None or self.outer is None:
            return None
        stream, attempt = found
        self.outer.on_end, stream.on_end = stream.on_end, None
        self.outer.deployment = stream.deployment
        joint = Joint(self._told, is_continued=is_continued, lost=text[len(sent) :] if is_continued else "")
        return Running(stream, ask, attempt, self._joined(first, stream, joint))

    async def _joined(self, first: Stream, second: Stream, joint: Joint) -> AsyncGenerator[bytes]:
        """The events of the second stream for the caller of the first."""
        earlier = sum_of(part.usage for part in self._parts)
        async with aclosing(second.events) as pieces:
            async for piece in pieces:
                shown = b"".join(_shown(event, joint, earlier) for event in piece.split(b"\n\n") if event)
                first.is_complete = second.is_complete or piece.endswith(second.last_events)
                if shown:
                    yield shown

    async def _end(self, error: BaseException) -> None:
        """Tells how the attempt under way has ended."""
        outer = self.outer
        if outer is not None and outer.on_end is not None:
            on_end, outer.on_end = outer.on_end, None
            await on_end(error)

    def _count(self, running: Running) -> None:
        """The tokens of one part."""
        usage = running.stream.usage or running.passed.usage(self._call.chat)
        part = Part(usage, running.stream.deployment)
        self._parts.append(part)
        running.attempt.part = usage.input_tokens, usage.output_tokens, part.cost_usd

    def _sum_up(self, stream: Stream) -> None:
        """The tokens of all parts, where there is more than one."""
        if not self._parts or self.outer is None:
            return
        if self._running is not None:
            self._count(self._running)
        stream.usage = self.outer.usage = sum_of(part.usage for part in self._parts)
        self.outer.parts = tuple(self._parts)


def _shown(event: bytes, joint: Joint, earlier: Usage) -> bytes:
    if (chunk := chunk_in(event)) is None:
        return event + b"\n\n"  # a comment, or the end
    return b"".join(b"data: " + to_json(with_usage(made, earlier)) + b"\n\n" for made in joint.chunks(chunk))
