"""Through LiteLLM: for providers with their own dialects (Anthropic, Gemini, Bedrock, Azure ...)."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import litellm
from litellm.utils import get_optional_params_embeddings
from pydantic_core import to_json

from engine import limits
from engine.dialects.answers import read_chat, read_embeddings
from engine.dialects.limits import within
from engine.dialects.trailing_error import trailing_error
from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy, Unsupported
from engine.upstreams import (
    asking,
    estimates,
    failures,
    litellm_connections,
    litellm_errors,
    litellm_wire,
    refusals,
)
from engine.upstreams.call import Answer, Call, Stream
from engine.upstreams.claude_elsewhere import betas
from engine.upstreams.dropped import ALWAYS, dropped_params
from engine.upstreams.encoded_vectors import as_asked, as_numbers, without_encoding
from engine.upstreams.litellm_streams import Opening, counted
from engine.upstreams.litellm_wire import ObservedAnswer
from engine.upstreams.passed_on import TRACING, come_back, headers_for
from engine.upstreams.quirks import for_litellm
from engine.upstreams.sse import EVENT_LIMIT

litellm_connections.bind()

# The client's JSON may not steer LiteLLM (api_base, api_key, mock_response ...): only OpenAI's own parameters pass.
CHAT_PARAMS = frozenset(litellm.OPENAI_CHAT_COMPLETION_PARAMS) - {
    "model",
    "messages",
    "api_version",
    "api_base",
    "api_key",
}
# For these LiteLLM writes `max_retries` into the provider's request, and does not retry itself without it.
SENDS_RETRIES = frozenset({"huggingface"})
# Those of embeddings, with a value that any provider knows.
EMBEDDING_PARAMS: dict[str, Any] = {"dimensions": 256, "encoding_format": "float", "user": "someone"}
EMBEDDING_NAMES = frozenset(EMBEDDING_PARAMS)
SLACK_S = 5.0


class LiteLLMUpstream:
    """One call of `litellm.acompletion` or `aembedding`, without LiteLLM's own retries, caches and callbacks."""

    def dropped(self, call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
        """The parameters of the client that would not reach the deployment."""
        return _dropped(call, deployment)

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        limit_s = policy.limit_s(is_stream=call.is_stream)
        attempt.dropped_params = _dropped(call, deployment)
        heard = litellm_wire.listen(_limit_bytes(call), is_stream=call.is_stream)
        try:
            async with asyncio.timeout(limit_s):
                response = await _ask(call, deployment, policy, heard)
                result = await _result(call, deployment, policy, response, heard, attempt)
                result.headers = come_back((name.encode(), value.encode()) for name, value in heard.headers.items())
                return result
        except TimeoutError as error:
            waits_for = "first token" if call.is_stream else "answer"
            raise failures.timed_out(deployment, f"no {waits_for}", limit_s) from error


async def _result(
    call: Call, deployment: DeploymentSpec, policy: RetryPolicy, response: Any, heard: ObservedAnswer, attempt: Attempt
) -> Answer | Stream:
    if not call.is_stream:
        return _whole(call, deployment, response, heard)
    return await Opening(call, deployment, policy, heard).begin(response, attempt)


def _limit_bytes(call: Call) -> int:
    return EVENT_LIMIT if call.is_stream else limits.adopted().answer_bytes


async def _ask(call: Call, deployment: DeploymentSpec, policy: RetryPolicy, heard: ObservedAnswer) -> Any:
    ask = litellm.acompletion if call.is_chat else litellm.aembedding
    try:
        return await ask(**_arguments(call, deployment, policy))
    except Exception as error:
        failure = litellm_errors.failure(call, deployment, error, heard)
    if not asking.is_refused(call, deployment, failure):
        raise failure
    return await _ask(call, deployment, policy, heard)


def _arguments(call: Call, deployment: DeploymentSpec, policy: RetryPolicy) -> dict[str, Any]:
    is_chat, allowed = _allowed(call)
    chat, _ = within(call.chat, deployment.max_output_tokens)
    chat = refusals.worded(chat, deployment) if is_chat else as_numbers(chat)
    messages = chat.get("messages", [])
    messages = for_litellm(messages, deployment, is_translated=call.is_translated)
    text = {"messages": messages} if is_chat else {"input": call.chat["input"]}
    own = {name: value for name, value in chat.items() if name in allowed}
    return {
        **own,
        **text,
        **asking.stream_options(call, deployment),
        **dict(deployment.options),
        **{name: secret.reveal() for name, secret in deployment.credentials},
        "model": f"{_dialect(deployment, is_chat)}/{deployment.upstream_model}",
        "api_key": deployment.api_key.reveal() if deployment.api_key else None,
        "api_base": deployment.api_base,
        # Our own limits apply first: LiteLLM's would be the same for the first token and every gap.
        "timeout": max(policy.timeout_s, policy.limit_s(is_stream=True), policy.stream_idle_timeout_s) + SLACK_S,
        **({} if deployment.provider_type in SENDS_RETRIES else {"max_retries": 0}),
        "drop_params": True,
        **_forced(call, deployment),
        **_extras(call, deployment),
        "no-log": True,
        # With tools LiteLLM imports its MCP client, which is not installed and has no use here.
        **({"_skip_mcp_handler": True} if is_chat else {}),
    }


def _dialect(deployment: DeploymentSpec, is_chat: bool) -> str:
    # Under `ollama/` LiteLLM sends chats to Ollama's completion API, which has neither roles nor tools.
    return "ollama_chat" if is_chat and deployment.provider_type == "ollama" else deployment.provider_type


def _allowed(call: Call) -> tuple[bool, frozenset[str]]:
    is_chat = call.is_chat
    return is_chat, CHAT_PARAMS if is_chat else EMBEDDING_NAMES


def _dropped(call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
    _, allowed = _allowed(call)
    known = None if _passes(call, deployment) else _known(call, deployment)
    _, lowered = within(call.chat, deployment.max_output_tokens)
    lowered = (*lowered, *asking.foreign(call, deployment))
    sent = refusals.worded(call.chat, deployment) if call.is_chat else without_encoding(call.chat)
    return (*dropped_params(sent, allowed, known), *lowered, *asking.reworded(call, deployment))


def _forced(call: Call, deployment: DeploymentSpec) -> dict[str, Any]:
    """What LiteLLM has to send although it does not know that the provider takes it."""
    if not _passes(call, deployment) or (known := _known(call, deployment)) is None:
        return {}
    return {"allowed_openai_params": [name for name in call.chat if name in CHAT_PARAMS - known - ALWAYS]}


def _extras(call: Call, deployment: DeploymentSpec) -> dict[str, Any]:
    """The client's headers that any provider may have, and the deployment's own headers and fields; LiteLLM sends the
    fields to some providers only."""
    headers = headers_for(call, deployment, frozenset(TRACING)) | betas(call, deployment)
    headers |= dict(deployment.extra_headers)
    body = dict(deployment.extra_body)
    return {**({"extra_headers": headers} if headers else {}), **({"extra_body": body} if body else {})}


def _passes(call: Call, deployment: DeploymentSpec) -> bool:
    return call.is_chat and deployment.unsupported is Unsupported.PASS


def _known(call: Call, deployment: DeploymentSpec) -> frozenset[str] | None:
    if not call.is_chat:
        return of_embeddings(deployment.provider_type, deployment.upstream_model)
    provider = _dialect(deployment, call.is_chat)
    return supported(provider, deployment.known_as.removeprefix(f"{provider}/"))


@lru_cache(maxsize=4096)
def supported(provider: str, model: str) -> frozenset[str] | None:
    """The parameters of a chat that the provider supports; None if LiteLLM does not know."""
    try:
        names = litellm.get_supported_openai_params(model, provider)
    except Exception:
        return None
    return frozenset(names) if names else None


@lru_cache(maxsize=4096)
def of_embeddings(provider: str, model: str) -> frozenset[str]:
    """The parameters of embeddings that reach the provider: those of which LiteLLM's translation leaves something.

    For most providers its list of them is that of their chats.
    """
    return frozenset(name for name, value in EMBEDDING_PARAMS.items() if _is_translated(provider, model, name, value))


def _is_translated(provider: str, model: str, name: str, value: Any) -> bool:
    place = {"model": model, "custom_llm_provider": provider, "drop_params": True}
    try:
        return bool(get_optional_params_embeddings(**place, **{name: value}))
    except Exception:
        return True  # asking fails then, too, and says why


def _whole(call: Call, deployment: DeploymentSpec, response: Any, heard: ObservedAnswer) -> Answer:
    fields = response.model_dump(mode="json", exclude_none=True)
    body = to_json(fields if call.is_chat else as_asked(fields, call.chat), inf_nan_mode="null")
    said = (read_chat if call.is_chat else read_embeddings)(body)
    # LiteLLM treats an answer that ended with an error as a normal end.
    if said.error or said.problem or heard.is_ended_by_error or trailing_error(heard.body):
        raise litellm_errors.unanswered(deployment, said, heard)
    usage = counted(call, said.usage, heard) or estimates.usage(call.chat, said.choices)
    return Answer(body, deployment, usage, "content_filter" in said.finish_reasons)
