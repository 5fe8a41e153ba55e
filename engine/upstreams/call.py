"""What goes into an upstream and what comes out of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from engine.ledger import Attempt, Trace
from engine.spec import DeploymentSpec, RetryPolicy

Endpoint = Literal["chat/completions", "embeddings"]

# What a column of the request log holds; no answer is nearly as long.
MOST_TOKENS = 2**31 - 1


@dataclass(slots=True)
class Call:
    """One downstream request on its way. `body` is the client's JSON; `model` in it is replaced per attempt.

    `upstream` overrides what would answer (a mock test, a rehearsal), `tokens` are the context and generated
    tokens that a rehearsed answer has. `last_error` is that of the last attempt, `depth` the number of tiers in
    the groups that were left behind.
    """

    endpoint: Endpoint
    body: dict[str, Any]
    trace: Trace
    is_stream: bool = False
    upstream: Upstream | None = None
    tokens: tuple[int, int] | None = None
    last_error: Exception | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the upstream counted them."""

    input_tokens: int
    output_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, usage: object) -> Usage | None:
        """From OpenAI's `usage` object; None when there is none or it makes no sense."""
        if not isinstance(usage, dict):
            return None
        prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        if not _is_count(prompt) or not _is_count(completion):
            return None
        return cls(prompt, completion, prompt + completion)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= MOST_TOKENS


@dataclass(slots=True)
class Answer:
    """A whole answer: the upstream's JSON, as bytes, and what was read out of it."""

    body: bytes
    deployment: DeploymentSpec
    usage: Usage | None = None
    is_content_filtered: bool = False


LAST_EVENTS = (b"data: [DONE]\n\n", b"data:[DONE]\n\n")
StreamEnd = Callable[[BaseException | None], Awaitable[None]]


@dataclass(slots=True)
class Stream:
    """A stream whose first event has arrived. Iterating gives whole SSE events as bytes, `[DONE]` included.

    `events` is set by the upstream that reads it. `usage` is known once the upstream has sent it, `is_complete`
    true once `[DONE]` has come: who leaves then has everything. `on_end` is awaited exactly once with the error
    that ended the stream, or None; an `asyncio.CancelledError` or `GeneratorExit` means that the caller left.
    """

    deployment: DeploymentSpec
    usage: Usage | None = None
    events: AsyncGenerator[bytes] = field(init=False, repr=False)
    is_complete: bool = False
    on_end: StreamEnd | None = field(default=None, repr=False)

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        error: BaseException | None = None
        try:
            async with aclosing(self.events) as events:
                async for event in events:
                    self.is_complete = self.is_complete or event.endswith(LAST_EVENTS)
                    yield event
        except BaseException as stopped:
            error = None if self.is_complete else stopped
            raise
        finally:
            on_end, self.on_end = self.on_end, None
            if on_end is not None:
                await on_end(error)


class Upstream(Protocol):
    """Anything that can answer one attempt; raises LiteLLM's exceptions, within the policy's time limits."""

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream: ...
