"""LiteLLM's streams as ours: held back until the first content, and ended only by the provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from pydantic_core import to_json

from engine.dialects.reading import event_of
from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import estimates, failures, litellm_errors
from engine.upstreams.call import Call, Stream, Usage
from engine.upstreams.litellm_watching import Watch
from engine.upstreams.litellm_wire import ObservedAnswer

# The wait for usage after the last answer.
REST_TIMEOUT_S = 2.0
DONE = b"data: [DONE]\n\n"
Chunk = dict[str, Any]


class Opening:
    """One stream of an attempt, from start to end."""

    def __init__(self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, heard: ObservedAnswer) -> None:
        self._call, self._deployment, self._policy, self._heard = call, deployment, policy, heard
        self._held: list[Chunk] = []
        self._last: Chunk = {}
        self._told: set[int] = set()

    async def begin(self, response: Any, attempt: Attempt) -> Stream:
        """The stream, after its first content (or the end of an empty answer)."""
        self._response, self._watch = response, Watch(response)
        self._chunks = aiter(response)
        try:
            await self._hold()
        except BaseException:
            await self._close()
            raise
        attempt.first_token_ms = (time.time() - attempt.started_at) * 1000
        stream = Stream(self._deployment)
        stream.events = self._events(stream)
        return stream

    async def _hold(self) -> None:
        while (chunk := await self._next()) is not None:
            self._held.append(chunk)
            said = event_of(chunk)
            if said.has_content:
                return
            if said.finishes:
                break
        self._check_end()
        if self._call.leaves_filtered and _is_blocked(self._held):
            raise failures.blocked(self._deployment)

    async def _next(self) -> Chunk | None:
        try:
            chunk = await anext(self._chunks, None)
        except Exception as error:
            if self._watch.is_whole and not self._watch.is_failed:
                return None
            raise litellm_errors.failure(self._call, self._deployment, error, self._heard) from error
        if chunk is None:
            return None
        content: Chunk = chunk.model_dump(mode="json", exclude_none=True)
        self._last = content
        return content

    def _check_end(self) -> None:
        """LiteLLM ends every stream normally, even if the provider did not."""
        if self._watch.is_failed or not self._watch.is_whole:
            raise litellm_errors.broken(self._deployment, self._heard)

    async def _events(self, stream: Stream) -> AsyncGenerator[bytes]:
        try:
            for held in self._held:
                if event := self._event(stream, held):
                    yield event
            while (chunk := await self._next_in_time()) is not None:
                if event := self._event(stream, chunk):
                    yield event
            self._check_end()
            for index in sorted(self._watch.finished.keys() - self._told):
                yield _event(self._finish(index))
            yield DONE
        finally:
            await self._close()

    async def _next_in_time(self) -> Chunk | None:
        limit_s = self._policy.stream_idle_timeout_s
        is_over = self._told or self._watch.is_whole
        try:
            async with asyncio.timeout(min(limit_s, REST_TIMEOUT_S) if is_over else limit_s):
                return await self._next()
        except TimeoutError as error:
            if self._watch.is_whole:
                return None
            raise failures.timed_out(self._deployment, "the stream went silent", limit_s) from error

    def _event(self, stream: Stream, chunk: Chunk) -> bytes:
        """The caller's part of a chunk, possibly empty."""
        if usage := Usage.of(chunk.get("usage")):
            stream.usage = counted(self._call, usage, self._heard)
        is_first_end = not self._told
        if ends := {index for index, _ in event_of(chunk).finishes}:
            if self._watch.is_failed or not self._watch.has_ended(ends):
                raise litellm_errors.broken(self._deployment, self._heard)
            self._told |= ends
        if not is_first_end and _is_usage_alone(chunk) and not self._call.shows_usage:
            return b""
        return _event(chunk)

    def _finish(self, index: int) -> Chunk:
        """The end of an answer other than the first, which LiteLLM omits."""
        choice = {"index": index, "delta": {}, "finish_reason": self._watch.finished[index]}
        return {**{k: v for k, v in self._last.items() if k != "usage"}, "choices": [choice]}

    async def _close(self) -> None:
        # A caller who leaves early must not pay for more: the connection closes with its reader.
        closing = getattr(self._response, "aclose", None)
        if closing is not None:
            await closing()


def counted(call: Call, usage: Usage | None, heard: ObservedAnswer) -> Usage | None:
    """The provider's own count, or a marked estimate: LiteLLM counts if the provider did not.

    None if LiteLLM did not either; an uncounted stream is estimated at its end.
    """
    if usage is not None and heard.is_counted and usage.input_tokens:
        return usage
    if usage is None or not usage.output_tokens:
        return None
    read = usage.input_tokens or estimates.input_tokens(call.chat)
    return usage._replace(input_tokens=read, total_tokens=read + usage.output_tokens, is_estimated=True)


def _event(chunk: Chunk) -> bytes:
    return b"data: " + to_json(chunk, inf_nan_mode="null") + b"\n\n"


def _is_blocked(chunks: list[Chunk]) -> bool:
    return any(reason == "content_filter" for chunk in chunks for _, reason in event_of(chunk).finishes)


def _is_usage_alone(chunk: Chunk) -> bool:
    """Whether a chunk is the one that LiteLLM adds for usage: it has an empty choice."""
    return "usage" in chunk and not any(c.get("delta") or c.get("finish_reason") for c in chunk.get("choices", ()))
