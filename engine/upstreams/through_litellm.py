"""Through LiteLLM: for providers with a dialect of their own (Anthropic, Gemini, Bedrock, Azure, Cohere ...)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import litellm
from pydantic_core import to_json

from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import asking, estimates, failures, litellm_connections
from engine.upstreams.call import Answer, Call, Stream, Usage

litellm_connections.bind()

# The client's JSON may not steer LiteLLM (api_base, api_key, mock_response ...): only OpenAI's own parameters pass.
CHAT_PARAMS = frozenset(litellm.OPENAI_CHAT_COMPLETION_PARAMS) - {
    "model",
    "messages",
    "api_version",
    "api_base",
    "api_key",
}
EMBEDDING_PARAMS = frozenset({"dimensions", "encoding_format", "user"})


class LiteLLMUpstream:
    """One call of `litellm.acompletion` or `aembedding`, without LiteLLM's own retries, caches and callbacks."""

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        limit_s = (policy.first_token_timeout_s if call.is_stream else None) or policy.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                if call.endpoint == "embeddings":
                    return _whole(deployment, await litellm.aembedding(**_arguments(call, deployment, limit_s)))
                response = await _ask(call, deployment, limit_s)
                if not call.is_stream:
                    return _whole(deployment, response)
                return await _stream(call, deployment, policy, response, attempt)
        except TimeoutError as error:
            waits_for = "first token" if call.is_stream else "answer"
            raise failures.timed_out(deployment, f"no {waits_for}", limit_s) from error


async def _ask(call: Call, deployment: DeploymentSpec, limit_s: float) -> Any:
    try:
        return await litellm.acompletion(**_arguments(call, deployment, limit_s))
    except Exception as error:
        if not asking.is_refused(call, deployment, error):
            raise
    return await litellm.acompletion(**_arguments(call, deployment, limit_s))


def _arguments(call: Call, deployment: DeploymentSpec, limit_s: float) -> dict[str, Any]:
    is_chat = call.endpoint == "chat/completions"
    allowed = CHAT_PARAMS if is_chat else EMBEDDING_PARAMS
    text = {"messages": call.body["messages"]} if is_chat else {"input": call.body["input"]}
    own = {name: value for name, value in call.body.items() if name in allowed}
    return {
        **own,
        **text,
        **asking.stream_options(call, deployment),
        **dict(deployment.options),
        **{name: secret.reveal() for name, secret in deployment.credentials},
        "model": f"{_dialect(deployment, is_chat)}/{deployment.upstream_model}",
        "api_key": deployment.api_key.reveal() if deployment.api_key else None,
        "api_base": deployment.api_base,
        "timeout": limit_s,
        "max_retries": 0,
        "drop_params": True,
        "no-log": True,
        # With tools LiteLLM imports its MCP client, a package that is not installed and would answer nobody here.
        **({"_skip_mcp_handler": True} if is_chat else {}),
    }


def _dialect(deployment: DeploymentSpec, is_chat: bool) -> str:
    # Under `ollama/` LiteLLM sends chats to Ollama's completion API, which knows neither roles nor tools.
    return "ollama_chat" if is_chat and deployment.provider_type == "ollama" else deployment.provider_type


def _whole(deployment: DeploymentSpec, response: Any) -> Answer:
    content = response.model_dump(mode="json", exclude_none=True)
    reasons = [choice.get("finish_reason") for choice in content.get("choices", ())]
    return Answer(to_json(content), deployment, Usage.of(content.get("usage")), "content_filter" in reasons)


async def _stream(
    call: Call, deployment: DeploymentSpec, policy: RetryPolicy, response: Any, attempt: Attempt
) -> Stream:
    chunks = aiter(response)
    try:
        first = await anext(chunks)
    except StopAsyncIteration:
        raise failures.unreachable(deployment, "the stream ended before its first event") from None
    attempt.first_token_ms = (time.time() - attempt.started_at) * 1000
    stream = Stream(deployment)
    stream.events = _events(stream, first, chunks, policy, call)
    return stream


async def _events(stream: Stream, first: Any, chunks: Any, policy: RetryPolicy, call: Call) -> AsyncGenerator[bytes]:
    chunk, is_finished = first, False
    try:
        while chunk is not None:
            content = chunk.model_dump(mode="json", exclude_none=True)
            if usage := Usage.of(content.get("usage")):
                stream.usage = _complete(usage, call)
            if not (is_finished and _is_usage_alone(content)) or call.wants_usage:
                yield b"data: " + to_json(content) + b"\n\n"
            is_finished = is_finished or any(c.get("finish_reason") for c in content.get("choices", ()))
            async with asyncio.timeout(policy.stream_idle_timeout_s):
                chunk = await anext(chunks, None)
    except TimeoutError as error:
        raise failures.timed_out(stream.deployment, "the stream went silent", policy.stream_idle_timeout_s) from error
    # LiteLLM ends a stream that was cut silently; without this check the client would take it for whole.
    if not is_finished:
        raise failures.unreachable(stream.deployment, "the stream was cut before its end")
    yield b"data: [DONE]\n\n"


def _is_usage_alone(content: dict[str, Any]) -> bool:
    """Whether a chunk is the one that LiteLLM adds for who asks for usage: it has a choice, of nothing."""
    return "usage" in content and not any(c.get("delta") or c.get("finish_reason") for c in content.get("choices", ()))


def _complete(usage: Usage, call: Call) -> Usage:
    """LiteLLM counts the answer itself when the provider did not count at all, but then nothing of what was asked."""
    if usage.input_tokens:
        return usage
    read = estimates.input_tokens(call.body)
    return replace(usage, input_tokens=read, total_tokens=read + usage.output_tokens, is_estimated=True)
