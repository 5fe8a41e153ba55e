"""Requests the token counts of every stream, even if its client did not: uncounted tokens could not be charged.

OpenAI's servers count a stream only on request (`stream_options.include_usage`), and some servers refuse that.
"""

from __future__ import annotations

from typing import Any

from engine.dialects.call_ids import IN_CHAT, has_longer
from engine.dialects.gemini_signatures import DROPPED as SIGNATURES
from engine.dialects.limits import within
from engine.spec import DeploymentSpec
from engine.upstreams import failures, refusals
from engine.upstreams.call import Call
from engine.upstreams.quirks import fitted, forbidden_at, foreign_thoughts, has_foreign_signatures

# Cohere's compatible API refuses requests with `stream_options`, also from the caller.
WITHOUT_OPTIONS = frozenset({"cohere", "cohere_chat"})
_refusing: set[tuple[str, str | None]] = set()


def body(call: Call, deployment: DeploymentSpec) -> dict[str, Any]:
    """The client's JSON for this deployment, in its words; `model` is still the client's."""
    chat, _ = within(call.chat, deployment.max_output_tokens)
    fit = fitted({**chat, **stream_options(call, deployment)}, deployment, is_translated=call.is_translated)
    if call.is_translated:
        fit = refusals.without(fit, deployment)
    return refusals.worded(fit, deployment) if refusals.has_words(deployment) and call.is_chat else fit


def dropped(call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
    """Parameters of the client that this deployment is not sent as they are."""
    _, lowered = within(call.chat, deployment.max_output_tokens)
    unknown = forbidden_at(deployment)
    lowered = (*lowered, *foreign(call, deployment))
    if call.is_translated:
        unknown |= refusals.of(deployment)
        if has_longer(call.chat.get("messages")):
            lowered = (*lowered, IN_CHAT)
    if not (unknown or refusals.has_words(deployment)):
        return lowered
    names = (*(name for name in call.chat if name in unknown), *lowered)
    return (*names, *(name for name in reworded(call, deployment) if name not in names))


def foreign(call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
    """What of a chat client's own messages is left out, because another model made it; translators report theirs."""
    if call.is_translated:
        return ()
    thoughts = (f"messages.{name}" for name in sorted(foreign_thoughts(call.chat.get("messages"), deployment)))
    return (*((SIGNATURES,) if has_foreign_signatures(call.chat, deployment) else ()), *thoughts)


def reworded(call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
    """What of the client's chat has another name or id here; in a translated one the limit's was the translator's."""
    if not call.is_chat:
        return ()
    names = refusals.reworded(call.chat, deployment)
    return tuple(name for name in names if name in (refusals.ROLE, IN_CHAT)) if call.is_translated else names


def stream_options(call: Call, deployment: DeploymentSpec) -> dict[str, Any]:
    """The additions to the client's body: an object with `stream_options`, or nothing."""
    if not call.is_stream or _is_refusing(deployment) or not (call.is_chat or call.endpoint == "completions"):
        return {}
    return {"stream_options": {**(call.chat.get("stream_options") or {}), "include_usage": True}}


def is_refused(call: Call, deployment: DeploymentSpec, error: Exception) -> bool:
    """Whether the next request would be another one because of this error, so that the upstream should be asked again.

    That is what `refusals` learns, and the added `stream_options`; both hold from now on in this process.
    """
    if call.is_chat and refusals.has_learned(
        body(call, deployment), deployment, error, is_translated=call.is_translated
    ):
        return True
    if call.wants_usage or not stream_options(call, deployment):
        return False
    if failures.status_of(error) not in (400, 422) or "stream_options" not in str(error):
        return False
    _refusing.add(_place(deployment))
    return True


def _is_refusing(deployment: DeploymentSpec) -> bool:
    return deployment.provider_type in WITHOUT_OPTIONS or _place(deployment) in _refusing


def _place(deployment: DeploymentSpec) -> tuple[str, str | None]:
    return deployment.provider_type, deployment.api_base
