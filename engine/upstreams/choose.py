"""Chooses the upstream of a deployment."""

from __future__ import annotations

from engine.dialects.translators import TRANSLATORS
from engine.spec import DeploymentSpec
from engine.upstreams.call import CHAT, Endpoint, Upstream
from engine.upstreams.collected import CollectedUpstream
from engine.upstreams.direct import DirectUpstream
from engine.upstreams.through_litellm import LiteLLMUpstream
from engine.upstreams.translated import TranslatedUpstream

# LiteLLM providers with OpenAI's own protocol; all others need LiteLLM's translation.
SPEAKS_OPENAI = frozenset(
    {
        *("openai", "openai_like", "custom_openai", "hosted_vllm", "lm_studio", "llamafile"),
        *("nebius", "fireworks_ai", "together_ai", "groq", "openrouter", "deepseek", "deepinfra"),
        *("perplexity", "cerebras", "sambanova"),
    }
)
# Cohere's own protocol fails in LiteLLM where there are streams, tools or schemas; at this address it speaks OpenAI's.
COHERE = frozenset({"cohere", "cohere_chat"})
COMPATIBLE = "/compatibility/"

_direct = DirectUpstream()
_through_litellm = LiteLLMUpstream()
_direct_translated = TranslatedUpstream(_direct)
_litellm_translated = TranslatedUpstream(_through_litellm)


def upstream_for(deployment: DeploymentSpec, endpoint: Endpoint = CHAT) -> Upstream:
    """A direct connection where the provider speaks OpenAI's protocol at a known URL, else LiteLLM; with a translator
    for clients of another door."""
    is_direct = _speaks_openai(deployment)
    if endpoint in TRANSLATORS:
        return _direct_translated if is_direct else _litellm_translated
    return _direct if is_direct else _through_litellm


def collecting(upstream: Upstream, endpoint: Endpoint) -> Upstream:
    """The same, asked for a stream of which the caller gets the whole; itself where it answers no chats."""
    if isinstance(upstream, TranslatedUpstream):
        return TranslatedUpstream(CollectedUpstream(upstream.chat))
    return CollectedUpstream(upstream) if endpoint == CHAT else upstream


def _speaks_openai(deployment: DeploymentSpec) -> bool:
    if deployment.provider_type in COHERE:
        return COMPATIBLE in (deployment.api_base or "")
    return deployment.provider_type in SPEAKS_OPENAI and bool(deployment.api_base)
