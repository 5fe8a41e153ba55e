"""One request to an upstream over the shared connection pool: time limits, refusals, whole bodies, streams.

What is sent and how the answer is read is up to a `Speech`: one for each dialect that we speak without LiteLLM.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from engine import limits
from engine.dialects.reading import as_json, error_in, parsed
from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import TRANSCRIPTS, Answer, Call, Endpoint, Stream
from engine.upstreams.chat_events import Bytes, StreamEvents
from engine.upstreams.connections import CONNECT_TIMEOUT_S, session
from engine.upstreams.delivery import deliver
from engine.upstreams.foreign_thoughts import Thoughts
from engine.upstreams.passed_on import come_back
from engine.upstreams.posting import Response, post, post_pieces
from engine.upstreams.reasons import reason_of
from engine.upstreams.sse import TooLarge
from engine.upstreams.time_limits import within
from engine.upstreams.upstream_failure import UpstreamFailure

ERROR_BODY_LIMIT = 64 * 1024
TEXT = re.compile(r"(application/(json|x-subrip)|text/(plain|vtt|srt))(; ?charset=[a-z0-9-]{1,20})?")
# By our own way of posting, or by aiohttp's of everything else.
Came = Response | aiohttp.ClientResponse
AUDIO = re.compile(r"audio/[a-z0-9.+-]{1,40}(; ?[a-z]{1,20}=[a-z0-9-]{1,20})?")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: address, JSON (or the pieces of a form) and headers; `dropped` are the client's parameters that
    are not in it.

    `kept` is what the way back needs to know of the request, `thoughts` are those that only their maker can read.
    """

    url: str
    body: bytes | AsyncGenerator[bytes]
    headers: dict[str, str]
    dropped: tuple[str, ...] = ()
    kept: Any = None
    thoughts: Thoughts | None = None


class Speech(Protocol):
    """How one dialect is spoken."""

    def request(self, call: Call, deployment: DeploymentSpec) -> Request: ...

    def has_learned(self, call: Call, deployment: DeploymentSpec, refusal: UpstreamFailure) -> bool:
        """Whether the next request would be another one because of this refusal."""
        ...

    def answer(self, call: Call, deployment: DeploymentSpec, body: bytes, request: Request) -> Answer:
        """Reads a whole answer; raises for an error in it."""
        ...

    def events(self, call: Call, source: Bytes, request: Request) -> StreamEvents:
        """Reads a stream."""
        ...


class HTTPUpstream:
    """POST in the words of a dialect; redirects are not followed."""

    def __init__(self, speech: Speech, open_session: Callable[[], aiohttp.ClientSession] = session) -> None:
        self._speech, self._open_session = speech, open_session

    def dropped(self, call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
        """The parameters of the client that would not reach the deployment as they are."""
        return self._speech.request(call, deployment).dropped

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        limit_s, waits_for = _limit(call, policy)
        try:
            with within(limit_s):
                request, response = await self._ask(call, deployment, attempt)
                result: Answer | Stream
                if _is_streamed(call, response):
                    if call.is_stream:
                        await _check_is_stream(deployment, response)
                    events = self._speech.events(call, response.content, request)
                    result = await deliver(call, deployment, policy, events, response, attempt)
                    if not call.is_stream:
                        result.kind, result.usage = _kind_of_audio(response), events.progress.usage
                else:
                    body = await _whole(deployment, response)
                    result = self._speech.answer(call, deployment, body, request)
                    if (kind_of := KINDS.get(call.endpoint)) is not None:
                        result.content_type = kind_of(response)
                result.headers = come_back(response.raw_headers)
                return result
        except TimeoutError as error:
            if isinstance(error, aiohttp.ServerTimeoutError):
                raise failures.timed_out(deployment, "no connection", CONNECT_TIMEOUT_S) from error
            raise failures.timed_out(deployment, f"no {waits_for}", limit_s) from error
        except aiohttp.ClientError as error:
            raise failures.unreachable(deployment, f"connection failed ({reason_of(error)})") from error
        except TooLarge as error:
            raise failures.invalid(deployment, str(error)) from error

    async def _ask(self, call: Call, deployment: DeploymentSpec, attempt: Attempt) -> tuple[Request, Response]:
        """The HTTP answer; raises for an error."""
        request = self._speech.request(call, deployment)
        attempt.dropped_params = request.dropped
        session, body = self._open_session(), request.body
        if isinstance(body, bytes):
            response = await post(session, request.url, body, request.headers)
        else:
            response = await post_pieces(session, request.url, body, request.headers)
        if response.status < 300:
            return request, response
        refusal = await _refusal(deployment, response)
        if self._speech.has_learned(call, deployment, refusal):
            return await self._ask(call, deployment, attempt)
        raise refusal


def _is_streamed(call: Call, response: Response) -> bool:
    """Speech comes as it is made. Some models transcribe without streams, and ignore that one is asked for."""
    kind = response.headers.get("Content-Type", "")
    if call.upload is not None:
        return call.is_stream and "event-stream" in kind
    return call.is_stream or (call.endpoint == "audio/speech" and "json" not in kind)


async def opened(
    deployment: DeploymentSpec, method: str, url: str, headers: dict[str, str], limit_s: float
) -> aiohttp.ClientResponse:
    """A success of a deployment that is asked for something besides a model's answers; raises UpstreamFailure."""
    plain = {"Accept-Encoding": "identity", **headers}
    try:
        async with asyncio.timeout(limit_s):
            response = await session().request(method, url, headers=plain, allow_redirects=False)
            if response.status >= 300:
                raise await _refusal(deployment, response)
            return response
    except TimeoutError as error:
        raise failures.timed_out(deployment, "no answer", limit_s) from error
    except aiohttp.ClientError as error:
        raise failures.unreachable(deployment, f"connection failed ({reason_of(error)})") from error


async def whole(deployment: DeploymentSpec, response: aiohttp.ClientResponse, limit_s: float) -> bytes:
    """All of it; raises UpstreamFailure."""
    try:
        async with asyncio.timeout(limit_s):
            return await _whole(deployment, response)
    except TimeoutError as error:
        raise failures.timed_out(deployment, "no end of its answer", limit_s) from error
    except aiohttp.ClientError as error:
        raise failures.unreachable(deployment, f"connection failed ({reason_of(error)})") from error


def _limit(call: Call, policy: RetryPolicy) -> tuple[float, str]:
    return policy.limit_s(is_stream=call.is_stream), "first token" if call.is_stream else "answer"


async def _refusal(deployment: DeploymentSpec, response: Came) -> UpstreamFailure:
    if response.status < 400:
        response.close()
        why = f"answered {response.status}, a redirect, which is not followed."
        return failures.invalid(deployment, why, status=response.status)
    body = await _start_of(response, ERROR_BODY_LIMIT)
    return failures.from_response(deployment, response.status, body, response.headers)


async def _start_of(response: Came, limit: int) -> bytes:
    """The unpacked body up to a limit; the read that reaches the limit is kept whole."""
    parts, size, content = [], 0, response.content
    try:
        while size <= limit and not content.at_eof() and (part := await content.readany()):
            parts.append(part)
            size += len(part)
    except BaseException:  # an answer that nobody waits for must not cost more tokens
        response.close()
        raise
    response.close() if not content.at_eof() else response.release()
    return b"".join(parts)


async def _whole(deployment: DeploymentSpec, response: Came) -> bytes:
    limit_bytes = limits.adopted().answer_bytes
    body = await _start_of(response, limit_bytes)
    if len(body) > limit_bytes:
        raise failures.too_large(deployment)
    return as_json(body.removeprefix(codecs.BOM_UTF8))


def _kind_of_audio(response: Response) -> bytes:
    """The kind of an upstream's audio; of anything else only that it is bytes, which no browser shows as a page."""
    kind = response.headers.get("Content-Type", "").lower()
    return kind.encode() if AUDIO.fullmatch(kind) else b"application/octet-stream"


def _kind_of_transcript(response: Response) -> bytes:
    """JSON, or a text or subtitles; never a page."""
    kind = response.headers.get("Content-Type", "").lower()
    return kind.encode() if TEXT.fullmatch(kind) else b"text/plain; charset=utf-8"


KINDS: dict[Endpoint, Callable[[Response], bytes]] = {
    "audio/speech": _kind_of_audio,
    **dict.fromkeys(TRANSCRIPTS, _kind_of_transcript),
}


async def _check_is_stream(deployment: DeploymentSpec, response: Response) -> None:
    if "event-stream" in response.headers.get("Content-Type", ""):
        return
    fields = parsed(await _start_of(response, ERROR_BODY_LIMIT))
    if fields and (error := error_in(fields)):
        raise failures.from_event(deployment, error)
    raise failures.invalid(deployment, "answered without an event stream.")
