"""Asks a model to go on with an answer that has begun, where it can (assistant prefill)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.spec import DeploymentSpec
from engine.upstreams.call import CHAT, Endpoint

# What servers want beside the begun answer as the last message of a chat: on the message, or in the body.
ON_MESSAGE = {"mistral": {"prefix": True}}
IN_BODY = {"hosted_vllm": {"continue_final_message": True, "add_generation_prompt": False}}
# With these, an answer that has begun is refused, or means something else.
CONFLICTING = frozenset({"reasoning_effort", "thinking", "logprobs", "audio"})
# Limits of the whole answer.
LIMITS = ("max_tokens", "max_completion_tokens")


def can_continue(deployment: DeploymentSpec, broken: DeploymentSpec, *asked: Mapping[str, Any]) -> bool:
    """Whether a deployment can go on with the answer of another one of the same model; `asked` is the request in all
    the words that it may be asked in."""
    if not deployment.prefills or deployment.upstream_model != broken.upstream_model:
        return False
    return not any(_has_conflict(body) for body in asked)


def continued(
    asked: Mapping[str, Any], text: str, tokens: int, deployment: DeploymentSpec, endpoint: Endpoint = CHAT
) -> dict[str, Any]:
    """The request of chat or of Messages with the begun answer, which has about so many tokens.

    `text` does not end with white space, which some refuse.
    """
    kind = deployment.provider_type if endpoint == CHAT else ""
    message = {"role": "assistant", "content": text, **ON_MESSAGE.get(kind, {})}
    limits = {name: max(1, asked[name] - tokens) for name in LIMITS if type(asked.get(name)) is int}
    return {**asked, **limits, "messages": [*asked["messages"], message], **IN_BODY.get(kind, {})}


def _has_conflict(body: Mapping[str, Any]) -> bool:
    """Whether a request has a format, a parameter or a begun answer of its own that does not go with it."""
    has_format = (body.get("response_format") or {"type": "text"}) != {"type": "text"}
    messages = body.get("messages") or [{}]
    return has_format or messages[-1].get("role") == "assistant" or any(body.get(name) for name in CONFLICTING)
