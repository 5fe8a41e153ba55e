"""Asks a model to go on with an answer that has begun, where it can (assistant prefill)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.spec import DeploymentSpec

# What servers want beside the begun answer as the last message: on the message, or in the body.
ON_MESSAGE = {"mistral": {"prefix": True}}
IN_BODY = {"hosted_vllm": {"continue_final_message": True, "add_generation_prompt": False}}
# With these, an answer that has begun is refused, or means something else.
CONFLICTING = frozenset({"reasoning_effort", "thinking", "logprobs", "audio"})


def can_continue(deployment: DeploymentSpec, broken: DeploymentSpec, asked: Mapping[str, Any]) -> bool:
    """Whether a deployment can go on with the answer of another one of the same model."""
    if not deployment.prefills or deployment.upstream_model != broken.upstream_model:
        return False
    has_format = (asked.get("response_format") or {"type": "text"}) != {"type": "text"}
    return not has_format and not any(asked.get(name) for name in CONFLICTING)


def continued(asked: Mapping[str, Any], text: str, deployment: DeploymentSpec) -> dict[str, Any]:
    """The chat request with the begun answer; `text` does not end with white space, which some refuse."""
    message = {"role": "assistant", "content": text, **ON_MESSAGE.get(deployment.provider_type, {})}
    return {**asked, "messages": [*asked["messages"], message], **IN_BODY.get(deployment.provider_type, {})}
