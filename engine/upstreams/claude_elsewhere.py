"""Claude at clouds that LiteLLM asks: what a client of Messages says beyond chat, and LiteLLM passes on."""

from __future__ import annotations

from dataclasses import replace

from engine.dialects.anthropic.traits import is_claude
from engine.dialects.messages.request import view
from engine.spec import DeploymentSpec
from engine.upstreams.call import Call

CLOUDS = frozenset({"anthropic", "bedrock", "vertex_ai"})
DIRECTLY = frozenset({"chat", "messages", "responses"})
MARKS, BETA = "cache_control", "anthropic-beta"
# Those that mean something without fields of their own, and that all clouds know; another may be refused.
BETAS = (
    "context-1m-2025-08-07",
    "extended-cache-ttl-2025-04-11",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
)


def is_elsewhere(deployment: DeploymentSpec) -> bool:
    """Whether a deployment is Claude behind LiteLLM."""
    is_asked_directly = not DIRECTLY.isdisjoint(deployment.dialects)
    return deployment.provider_type in CLOUDS and not is_asked_directly and is_claude(deployment.known_as)


def with_marks(call: Call, deployment: DeploymentSpec) -> Call:
    """The call with the marks for the prompt cache in its chat request; the same where there are none, or no use."""
    if call.endpoint != "messages" or MARKS not in call.view.dropped or not is_elsewhere(deployment):
        return call
    return replace(call, prepared={}, _view=view(call.body, keeps_marks=True))


def betas(call: Call, deployment: DeploymentSpec) -> dict[str, str]:
    """The header with the client's betas that a cloud takes."""
    if not is_elsewhere(deployment):
        return {}
    asked = _asked(call)
    kept = [name for name in BETAS if name in asked]
    return {BETA: ",".join(kept)} if kept else {}


def lost_betas(call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
    """The header's name where a client of Messages is translated, and not all of its betas arrive."""
    if not (asked := _asked(call)):
        return ()
    kept = BETAS if is_elsewhere(deployment) else ()
    return (BETA,) if asked.difference(kept) else ()


def _asked(call: Call) -> set[str]:
    if call.endpoint != "messages":
        return set()
    names = (name.strip() for name in call.headers.get(BETA, "").split(","))
    return {name for name in names if name}
