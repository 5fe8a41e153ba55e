"""Delivers a stream: held until its first content, then piece by piece until its certain end."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

import aiohttp

from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import Call, Stream
from engine.upstreams.chat_events import Piece, StreamEvents
from engine.upstreams.posting import Response
from engine.upstreams.reasons import reason_of
from engine.upstreams.sse import TooLarge
from engine.upstreams.time_limits import within

DRAIN_TIMEOUT_S = 0.2
# The wait for usage and the last event after the last answer; a server may never send them.
LAST_EVENTS_TIMEOUT_S = 2.0


async def deliver(
    call: Call,
    deployment: DeploymentSpec,
    policy: RetryPolicy,
    events: StreamEvents,
    response: Response,
    attempt: Attempt,
) -> Stream:
    """The stream, after its first content; raises if there is none. Closes the response at its end."""
    try:
        first = await _first(call, deployment, events)
    except BaseException:
        attempt.dropped_events = events.progress.dropped
        response.close()
        raise
    attempt.first_token_ms = (time.time() - attempt.started_at) * 1000
    stream = Stream(deployment, last_events=(), fail=events.fail, kept_so_far=events.kept)
    stream.events = _events(stream, first, events, policy, response, attempt)
    return stream


async def _first(call: Call, deployment: DeploymentSpec, events: StreamEvents) -> Piece:
    """Everything up to the first content. After an error before it, the next deployment can still answer."""
    piece, progress = await events.first(), events.progress
    if piece.error:
        raise failures.from_event(deployment, piece.error)
    if not progress.has_begun:
        raise failures.unreachable(deployment, "the stream ended before its first content")
    if piece.is_last and not progress.is_complete:
        raise failures.unreachable(deployment, "the stream was cut before its end")
    if progress.is_blocked and call.leaves_filtered:
        raise failures.blocked(deployment)
    return piece


async def _events(
    stream: Stream,
    piece: Piece,
    events: StreamEvents,
    policy: RetryPolicy,
    response: Response,
    attempt: Attempt,
) -> AsyncGenerator[bytes]:
    deployment, progress = stream.deployment, events.progress
    silence = _Silence(policy.stream_idle_timeout_s, response.content)
    try:
        while True:
            stream.usage = progress.usage
            if piece.is_last and progress.is_complete and not piece.error:
                break
            if piece.shown:
                yield piece.shown
            if piece.error:
                raise failures.from_event(deployment, piece.error)
            if piece.is_last:
                raise failures.unreachable(deployment, "the stream was cut before its end")
            try:
                piece = await silence.limit(events)
            except (TimeoutError, aiohttp.ClientError):
                if not progress.is_whole:
                    raise
                piece = Piece(is_last=True)
        # A caller who leaves now has everything.
        stream.is_complete = True
        yield piece.shown + events.ending
    except TimeoutError as error:
        raise failures.timed_out(deployment, "the stream went silent", policy.stream_idle_timeout_s) from error
    except aiohttp.ClientError as error:
        raise failures.unreachable(deployment, f"the stream was cut ({reason_of(error)})") from error
    except TooLarge as error:
        raise failures.invalid(deployment, str(error)) from error
    finally:
        silence.end()
        attempt.dropped_events = progress.dropped
        # A stream that was read to its end returns its connection; an abandoned one must not cost more tokens.
        if progress.is_done:
            await _drain(response)
        response.close()


class _Silence:
    """The time without data from an upstream: the client's reading time does not count, and comments are not data.

    One timer serves all waits of a stream: setting one for each event takes longer than reading the event.
    """

    def __init__(self, limit_s: float, content: aiohttp.StreamReader) -> None:
        self._limit_s, self._content, self._loop = limit_s, content, asyncio.get_running_loop()
        self._lasted_s = self._since_finish_s = 0.0
        self._due_s = math.inf  # when the wait of the moment is over
        self._timer: asyncio.TimerHandle | None = None

    async def limit(self, events: StreamEvents) -> Piece:
        """The next piece; raises TimeoutError if it is late."""
        left_s = self._limit_s - self._lasted_s
        if is_whole := events.progress.is_whole:
            left_s = min(left_s, LAST_EVENTS_TIMEOUT_S - self._since_finish_s)
        began_s = self._loop.time()
        self._due_s = began_s + left_s
        if self._timer is None or self._timer.when() > self._due_s:
            self._set_timer()
        try:
            piece = await events.next()
        finally:
            self._due_s = math.inf
        took_s = self._loop.time() - began_s
        self._lasted_s = 0.0 if piece.has_data else self._lasted_s + took_s
        self._since_finish_s += took_s if is_whole else 0.0
        return piece

    def end(self) -> None:
        """No more waits."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.end()
        self._timer = self._loop.call_at(self._due_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due_s <= self._loop.time():
            self._content.set_exception(TimeoutError())
        elif self._due_s < math.inf:
            self._set_timer()


async def _drain(response: Response) -> None:
    """Reads the last bytes of the body, so that the connection can be reused."""
    with suppress(TimeoutError, aiohttp.ClientError):
        with within(DRAIN_TIMEOUT_S):
            while await response.content.readany():
                pass
        response.release()
