"""A direct connection to an OpenAI-compatible server: bytes in, bytes out, over the shared connection pool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import aiohttp
from pydantic_core import from_json, to_json

from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import asking, failures
from engine.upstreams.call import Answer, Call, Stream, Usage
from engine.upstreams.connections import CONNECT_TIMEOUT_S, reason_of, session
from engine.upstreams.sse import Events, read_event, without_usage

DRAIN_TIMEOUT_S = 0.2
ERROR_BODY_LIMIT = 64 * 1024


class DirectUpstream:
    """POST to `api_base`/chat/completions (or /embeddings); redirects are not followed."""

    def __init__(self, open_session: Callable[[], aiohttp.ClientSession] = session) -> None:
        self._open_session = open_session

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        limit_s, waits_for = _limit(call, policy)
        try:
            async with asyncio.timeout(limit_s):
                response = await self._ask(call, deployment)
                if call.is_stream:
                    return await _stream(call, deployment, policy, response, attempt)
                return _answer(deployment, await response.read())
        except TimeoutError as error:
            if isinstance(error, aiohttp.ServerTimeoutError):
                raise failures.timed_out(deployment, "no connection", CONNECT_TIMEOUT_S) from error
            raise failures.timed_out(deployment, f"no {waits_for}", limit_s) from error
        except aiohttp.ClientError as error:
            raise failures.unreachable(deployment, f"connection failed ({reason_of(error)})") from error

    async def _ask(self, call: Call, deployment: DeploymentSpec) -> aiohttp.ClientResponse:
        """The answer to the call, unless it is an error."""
        response = await self._post(call, deployment)
        if response.status < 300:
            return response
        refusal = await _refusal(deployment, response)
        if asking.is_refused(call, deployment, refusal):
            return await self._ask(call, deployment)
        raise refusal

    async def _post(self, call: Call, deployment: DeploymentSpec) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        stream_options = asking.stream_options(call, deployment)
        if deployment.api_key is not None:
            headers["Authorization"] = f"Bearer {deployment.api_key.reveal()}"
        return await self._open_session().post(
            f"{(deployment.api_base or '').rstrip('/')}/{call.endpoint}",
            data=to_json({**call.body, **stream_options, "model": deployment.upstream_model}),
            headers=headers,
            allow_redirects=False,
        )


def _limit(call: Call, policy: RetryPolicy) -> tuple[float, str]:
    if not call.is_stream:
        return policy.timeout_s, "answer"
    return policy.first_token_timeout_s or policy.timeout_s, "first token"


async def _refusal(deployment: DeploymentSpec, response: aiohttp.ClientResponse) -> Exception:
    if response.status < 400:
        response.close()
        return failures.invalid(deployment, f"answered {response.status}, a redirect, which is not followed.")
    body = await response.content.read(ERROR_BODY_LIMIT)
    response.close() if not response.content.at_eof() else response.release()
    return failures.from_response(deployment, response.status, body, response.headers)


def _answer(deployment: DeploymentSpec, body: bytes) -> Answer:
    try:
        content = from_json(body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("choices", content.get("data")), list):
        raise failures.invalid(deployment, "did not answer in OpenAI's format.")
    reasons = [c.get("finish_reason") for c in content.get("choices", ()) if isinstance(c, dict)]
    return Answer(body, deployment, Usage.of(content.get("usage")), "content_filter" in reasons)


async def _stream(
    call: Call, deployment: DeploymentSpec, policy: RetryPolicy, response: aiohttp.ClientResponse, attempt: Attempt
) -> Stream:
    if "event-stream" not in response.headers.get("Content-Type", ""):
        body = await response.content.read(ERROR_BODY_LIMIT)
        response.close()
        if error := _error_in(body):
            raise failures.from_event(deployment, error)
        raise failures.invalid(deployment, "answered without an event stream.")
    events = Events(response.content)
    try:
        first = await _first_event(deployment, events)
    except BaseException:
        response.close()
        raise
    attempt.first_token_ms = (time.time() - attempt.started_at) * 1000
    stream = Stream(deployment)
    stream.events = _events(stream, first, events, policy, response, hides_usage=not call.wants_usage)
    return stream


async def _first_event(deployment: DeploymentSpec, events: Events) -> bytes:
    """The first event with data: comments that only keep the connection alive are not a token."""
    chunk = await events.next()
    while chunk and b"data:" not in chunk:
        chunk = await events.next()
    if not chunk:
        raise failures.unreachable(deployment, "the stream ended before its first event")
    if error := read_event(chunk).error:
        raise failures.from_event(deployment, error)
    return chunk


def _error_in(body: bytes) -> object:
    try:
        content = from_json(body)
    except ValueError:
        return None
    return content.get("error") if isinstance(content, dict) else None


async def _events(
    stream: Stream,
    first: bytes,
    events: Events,
    policy: RetryPolicy,
    response: aiohttp.ClientResponse,
    *,
    hides_usage: bool,
) -> AsyncGenerator[bytes]:
    deployment, chunk, is_finished = stream.deployment, first, False
    try:
        while chunk:
            event = read_event(chunk)
            if event.error:
                raise failures.from_event(deployment, event.error)
            stream.usage = event.usage or stream.usage
            is_finished = is_finished or event.is_finish
            if shown := without_usage(chunk) if hides_usage and event.has_usage else chunk:
                yield shown
            if event.is_done:
                is_finished = True
                return
            async with asyncio.timeout(policy.stream_idle_timeout_s):
                chunk = await events.next()
        if not is_finished:
            raise failures.unreachable(deployment, "the stream was cut before its end")
    except TimeoutError as error:
        raise failures.timed_out(deployment, "the stream went silent", policy.stream_idle_timeout_s) from error
    except aiohttp.ClientError as error:
        raise failures.unreachable(deployment, f"the stream was cut ({reason_of(error)})") from error
    finally:
        # A stream that was read to its end gives the connection back; a left one must not go on costing tokens.
        if is_finished:
            await _drain(response)
        response.close()


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Reads the few bytes that end the body, so that the connection can be used again."""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            while await response.content.readany():
                pass
        response.release()
