"""A whole answer by way of a stream: silence is seen after the wait for a first token, not after that for the whole."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from engine import limits
from engine.dialects.reading import chunk_in
from engine.dialects.whole_chat import WholeChat
from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import CHAT, Answer, Call, Stream, Upstream
from engine.upstreams.tokens import Usage


class CollectedUpstream:
    """Asks a chat upstream for a stream although the caller did not, and answers with all of it.

    A stream that breaks is an attempt that failed: the caller has seen nothing of it.
    """

    def __init__(self, chat: Upstream) -> None:
        self._chat = chat

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        if call.is_stream:
            return await self._chat.send(call, deployment, policy, attempt)
        body = {**call.chat, "stream": True}
        streamed = replace(
            call,
            endpoint=CHAT,
            body=body,
            is_stream=True,
            is_collected=True,
            was_translated=call.is_translated,
            _view=None,
        )
        try:
            async with asyncio.timeout(policy.timeout_s):
                result = await self._chat.send(streamed, deployment, policy, attempt)
                return await _collected(call, result) if isinstance(result, Stream) else result
        except TimeoutError as error:
            raise failures.timed_out(deployment, "no answer", policy.timeout_s) from error


async def _collected(call: Call, stream: Stream) -> Answer:
    whole, size, stream.asked = WholeChat(), 0, call.chat
    async with aclosing(aiter(stream)) as pieces:
        async for piece in pieces:
            size += len(piece)
            if size > limits.adopted().answer_bytes:
                raise failures.too_large(stream.deployment)
            for event in piece.split(b"\n\n"):
                if (chunk := chunk_in(event)) is not None:
                    whole.add(chunk)
    return _answer(whole.answer(), stream)


def _answer(said: dict[str, Any], stream: Stream) -> Answer:
    usage = stream.usage
    if "usage" not in said and usage is not None and not usage.is_estimated:
        said["usage"] = _told(usage)
    is_filtered = any(choice["finish_reason"] == "content_filter" for choice in said["choices"])
    return Answer(to_json(said), stream.deployment, usage, is_filtered, headers=stream.headers)


def _told(usage: Usage) -> dict[str, int]:
    """Tokens that the upstream has counted in a place of its own, where clients look for them."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
