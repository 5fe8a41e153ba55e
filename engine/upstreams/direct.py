"""A direct connection to an OpenAI-compatible server: bytes in, bytes out, over the shared connection pool."""

from __future__ import annotations

import asyncio
import codecs
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import aiohttp
from pydantic_core import to_json

from engine import limits
from engine.dialects.answers import read_chat, read_embeddings
from engine.dialects.reading import error_in, parsed
from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import asking, estimates, failures
from engine.upstreams.call import CHAT, Answer, Call, Stream
from engine.upstreams.chat_events import ChatEvents, Piece
from engine.upstreams.connections import CONNECT_TIMEOUT_S, session
from engine.upstreams.reasons import reason_of
from engine.upstreams.sse import TooLarge
from engine.upstreams.upstream_failure import UpstreamFailure

DRAIN_TIMEOUT_S = 0.2
# The wait for usage and `[DONE]` after the last answer; a server may never send them.
LAST_EVENTS_TIMEOUT_S = 2.0
ERROR_BODY_LIMIT = 64 * 1024


class DirectUpstream:
    """POST to `api_base`/chat/completions (or /embeddings); redirects are not followed."""

    def __init__(self, open_session: Callable[[], aiohttp.ClientSession] = session) -> None:
        self._open_session = open_session

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        limit_s, waits_for = _limit(call, policy)
        attempt.dropped_params = tuple(name for name in call.chat if name in asking.unknown(deployment))
        try:
            async with asyncio.timeout(limit_s):
                response = await self._ask(call, deployment)
                if call.is_stream:
                    return await _stream(call, deployment, policy, response, attempt)
                return _answer(call, deployment, await _whole(deployment, response))
        except TimeoutError as error:
            if isinstance(error, aiohttp.ServerTimeoutError):
                raise failures.timed_out(deployment, "no connection", CONNECT_TIMEOUT_S) from error
            raise failures.timed_out(deployment, f"no {waits_for}", limit_s) from error
        except aiohttp.ClientError as error:
            raise failures.unreachable(deployment, f"connection failed ({reason_of(error)})") from error
        except TooLarge as error:
            raise failures.invalid(deployment, str(error)) from error

    async def _ask(self, call: Call, deployment: DeploymentSpec) -> aiohttp.ClientResponse:
        """The HTTP answer; raises for an error."""
        response = await self._post(call, deployment)
        if response.status < 300:
            return response
        refusal = await _refusal(deployment, response)
        if asking.is_refused(call, deployment, refusal):
            return await self._ask(call, deployment)
        raise refusal

    async def _post(self, call: Call, deployment: DeploymentSpec) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if deployment.api_key is not None:
            headers["Authorization"] = f"Bearer {deployment.api_key.reveal()}"
        return await self._open_session().post(
            f"{(deployment.api_base or '').rstrip('/')}/{CHAT if call.is_chat else call.endpoint}",
            data=to_json({**asking.body(call, deployment), "model": deployment.upstream_model}),
            headers=headers,
            allow_redirects=False,
        )


def _limit(call: Call, policy: RetryPolicy) -> tuple[float, str]:
    if not call.is_stream:
        return policy.timeout_s, "answer"
    return policy.first_token_timeout_s or policy.timeout_s, "first token"


async def _refusal(deployment: DeploymentSpec, response: aiohttp.ClientResponse) -> UpstreamFailure:
    if response.status < 400:
        response.close()
        why = f"answered {response.status}, a redirect, which is not followed."
        return failures.invalid(deployment, why, status=response.status)
    body = await _start_of(response, ERROR_BODY_LIMIT)
    return failures.from_response(deployment, response.status, body, response.headers)


async def _start_of(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The unpacked body up to a limit; the read that reaches the limit is kept whole."""
    parts, size = [], 0
    try:
        while size <= limit and (part := await response.content.readany()):
            parts.append(part)
            size += len(part)
    except BaseException:  # an answer that nobody waits for must not cost more tokens
        response.close()
        raise
    response.close() if not response.content.at_eof() else response.release()
    return b"".join(parts)


async def _whole(deployment: DeploymentSpec, response: aiohttp.ClientResponse) -> bytes:
    limit_bytes = limits.adopted().answer_bytes
    body = await _start_of(response, limit_bytes)
    if len(body) > limit_bytes:
        raise failures.too_large(deployment)
    return body.removeprefix(codecs.BOM_UTF8)


def _answer(call: Call, deployment: DeploymentSpec, body: bytes) -> Answer:
    said = (read_chat if call.is_chat else read_embeddings)(body)
    if said.error:
        raise failures.from_event(deployment, said.error)
    if said.problem:
        raise failures.invalid(deployment, said.problem)
    usage = said.usage or estimates.usage(call.chat, said.choices)
    return Answer(body, deployment, usage, "content_filter" in said.finish_reasons)


async def _stream(
    call: Call, deployment: DeploymentSpec, policy: RetryPolicy, response: aiohttp.ClientResponse, attempt: Attempt
) -> Stream:
    if "event-stream" not in response.headers.get("Content-Type", ""):
        fields = parsed(await _start_of(response, ERROR_BODY_LIMIT))
        if fields and (error := error_in(fields)):
            raise failures.from_event(deployment, error)
        raise failures.invalid(deployment, "answered without an event stream.")
    choices = call.chat.get("n")
    events = ChatEvents(
        response.content, choices=choices if isinstance(choices, int) else 1, hides_usage=not call.wants_usage
    )
    try:
        first = await _first(call, deployment, events)
    except BaseException:
        attempt.dropped_events = events.progress.dropped
        response.close()
        raise
    attempt.first_token_ms = (time.time() - attempt.started_at) * 1000
    stream = Stream(deployment)
    stream.events = _events(stream, first, events, policy, response, attempt)
    return stream


async def _first(call: Call, deployment: DeploymentSpec, events: ChatEvents) -> Piece:
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
    events: ChatEvents,
    policy: RetryPolicy,
    response: aiohttp.ClientResponse,
    attempt: Attempt,
) -> AsyncGenerator[bytes]:
    deployment, progress = stream.deployment, events.progress
    silence = _Silence(policy.stream_idle_timeout_s)
    try:
        while True:
            stream.usage = progress.usage
            if piece.shown:
                yield piece.shown
            if piece.error:
                raise failures.from_event(deployment, piece.error)
            if piece.is_last:
                break
            try:
                piece = await silence.limit(events)
            except (TimeoutError, aiohttp.ClientError):
                if not progress.is_whole:
                    raise
                break
        if not progress.is_complete:
            raise failures.unreachable(deployment, "the stream was cut before its end")
        yield b"data: [DONE]\n\n"
    except TimeoutError as error:
        raise failures.timed_out(deployment, "the stream went silent", policy.stream_idle_timeout_s) from error
    except aiohttp.ClientError as error:
        raise failures.unreachable(deployment, f"the stream was cut ({reason_of(error)})") from error
    except TooLarge as error:
        raise failures.invalid(deployment, str(error)) from error
    finally:
        attempt.dropped_events = progress.dropped
        # A stream that was read to its end returns its connection; an abandoned one must not cost more tokens.
        if progress.is_done:
            await _drain(response)
        response.close()


class _Silence:
    """The time without data from an upstream: the client's reading time does not count, and comments are not data."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._lasted_s = self._since_finish_s = 0.0

    async def limit(self, events: ChatEvents) -> Piece:
        """The next piece; raises TimeoutError if it is late."""
        left_s = self._limit_s - self._lasted_s
        if is_whole := events.progress.is_whole:
            left_s = min(left_s, LAST_EVENTS_TIMEOUT_S - self._since_finish_s)
        began = time.monotonic()
        async with asyncio.timeout(left_s):
            piece = await events.next()
        took_s = time.monotonic() - began
        self._lasted_s = 0.0 if piece.has_data else self._lasted_s + took_s
        self._since_finish_s += took_s if is_whole else 0.0
        return piece


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Reads the last bytes of the body, so that the connection can be reused."""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            while await response.content.readany():
                pass
        response.release()
