"""Chooses the upstream of a deployment."""

from __future__ import annotations

from engine.dialects.anthropic.traits import traits_of
from engine.dialects.completions import obstacle_of
from engine.dialects.responses.request import needs_background, needs_kept
from engine.dialects.translation import Untranslatable
from engine.dialects.translators import TRANSLATORS
from engine.spec import DeploymentSpec, GroupSpec, Router, Unsupported
from engine.upstreams.call import CHAT, CHATS, UNTRANSLATED, Call, Endpoint, FrankUpstream, Upstream
from engine.upstreams.collected import CollectedUpstream
from engine.upstreams.completions import CompletionsOverChat, as_chat
from engine.upstreams.direct import COMPATIBLE, DirectUpstream
from engine.upstreams.litellm_import import LiteLLMWhenNeeded
from engine.upstreams.messages import ChatOverMessagesSpeech, MessagesSpeech, asked_of
from engine.upstreams.over_http import HTTPUpstream
from engine.upstreams.responses import ChatOverResponsesSpeech, ResponsesSpeech, asked_as_responses
from engine.upstreams.translated import TranslatedUpstream
from engine.upstreams.unsupported import passing, refused

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

# Dialects that are spoken without LiteLLM.
CHAT_DIALECT, MESSAGES_DIALECT, RESPONSES_DIALECT = "chat", "messages", "responses"
LITELLM = frozenset({"litellm"})
CHAT_ALONE, NONE = frozenset({CHAT_DIALECT}), frozenset[str]()

_direct = DirectUpstream()
_through_litellm = LiteLLMWhenNeeded()
_messages = HTTPUpstream(MessagesSpeech())
_responses = HTTPUpstream(ResponsesSpeech())
# For clients who speak the dialect themselves.
_own: dict[str, FrankUpstream] = {MESSAGES_DIALECT: _messages, RESPONSES_DIALECT: _responses}
_chat_over_messages = HTTPUpstream(ChatOverMessagesSpeech())
_chat_over_responses = HTTPUpstream(ChatOverResponsesSpeech())
_translated: dict[FrankUpstream, Upstream] = {
    upstream: TranslatedUpstream(upstream)
    for upstream in (_direct, _through_litellm, _chat_over_messages, _chat_over_responses)
}
_completions: dict[FrankUpstream, CompletionsOverChat] = {
    upstream: CompletionsOverChat(upstream, _direct if upstream is _direct else None)
    for upstream in (_direct, _through_litellm, _chat_over_messages, _chat_over_responses)
}


def upstream_for(deployment: DeploymentSpec, endpoint: Endpoint = CHAT) -> Upstream:
    """The connection to a deployment for clients of a door: the client's own dialect where the provider speaks it, else
    chat, directly if possible, with a translator for the client."""
    spoken = dialects_of(deployment)
    if endpoint in spoken and endpoint in _own:
        return _own[endpoint]
    if endpoint == "completions":
        return _completions[_chat_upstream(spoken, CHAT)]
    chat = _chat_upstream(spoken, endpoint)
    return _translated[chat] if endpoint in TRANSLATORS else chat


def obstacle(call: Call, deployment: DeploymentSpec) -> Untranslatable | None:
    """Why a deployment can't do what a request asks for; asked before it is selected. Raises Malformed."""
    if call.upstream is not None:
        return None
    found = _foreign(call, deployment) or _obstacle(call, deployment)
    if found is not None or deployment.unsupported is not Unsupported.REFUSE:
        return found
    return refused(_dropped(call, deployment), deployment)


def _foreign(call: Call, deployment: DeploymentSpec) -> Untranslatable | None:
    """What a request names in a deployment's account, if that is not the caller's own."""
    if (named := call.needs_own_key) is None or deployment.provider_id in call.own_keys:
        return None
    return Untranslatable(named.param, named.why)


def _dropped(call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
    """The client's parameters that would not reach a deployment as they are."""
    spoken, endpoint = dialects_of(deployment), call.endpoint
    if endpoint in spoken and endpoint in _own:
        return _own[endpoint].dropped(call, deployment)
    if endpoint == "completions":
        return _completions[_chat_upstream(spoken, CHAT)].dropped(call, deployment)
    chat = _chat_upstream(spoken, endpoint)
    if endpoint not in TRANSLATORS:
        return chat.dropped(call, deployment)
    asked, lost = passing(call, deployment)
    return (*lost, *call.view.named(chat.dropped(asked, deployment)))


def _obstacle(call: Call, deployment: DeploymentSpec) -> Untranslatable | None:
    spoken = dialects_of(deployment)
    if call.endpoint == "completions" and CHAT_DIALECT not in spoken:
        return obstacle_of(call.body) or _obstacle(as_chat(call), deployment)
    if call.endpoint in UNTRANSLATED:
        why = f"{deployment.provider} does not answer /v1/{call.endpoint}: that takes a server of OpenAI's protocol."
        return None if CHAT_DIALECT in spoken else Untranslatable("model", why)
    if not call.is_chat:
        is_mute = bool(spoken) and not spoken - {MESSAGES_DIALECT, RESPONSES_DIALECT}
        return Untranslatable("model", f"{deployment.provider} makes no embeddings.") if is_mute else None
    if call.endpoint in spoken:
        return _unkept(call, deployment) if call.endpoint == RESPONSES_DIALECT else None
    if call.endpoint in TRANSLATORS and (found := call.view.obstacle) is not None:
        return found
    if CHAT_DIALECT in spoken or not spoken & {MESSAGES_DIALECT, RESPONSES_DIALECT}:
        return None
    try:
        if MESSAGES_DIALECT in spoken:
            asked_of(call, deployment)
        else:
            asked_as_responses(call, deployment)
    except Untranslatable as found:
        return found
    return None


def default_output_tokens(deployment: DeploymentSpec) -> int | None:
    """The limit of output tokens that a deployment is sent for a chat without one; None: it is sent none."""
    spoken = dialects_of(deployment)
    if CHAT_DIALECT in spoken or not (MESSAGES_DIALECT in spoken or deployment.provider_type == "anthropic"):
        return None
    return deployment.max_output_tokens or traits_of(deployment.known_as).default_max_tokens


def _unkept(call: Call, deployment: DeploymentSpec) -> Untranslatable | None:
    """Why a deployment can't go on from what a request names."""
    if (unbilled := needs_background(call.body)) is not None:
        return unbilled
    return call.source.obstacle(deployment) if call.source is not None else needs_kept(call.body)


def dialects_of(deployment: DeploymentSpec) -> frozenset[str]:
    """The dialects that a deployment speaks without LiteLLM; where its spec is silent, what its type is known for."""
    if spoken := deployment.dialects:
        return spoken if LITELLM.isdisjoint(spoken) else spoken - LITELLM
    return CHAT_ALONE if _speaks_openai(deployment) else NONE


def spoken_with(call: Call, deployment: DeploymentSpec) -> str:
    """The protocol in which a deployment is asked: the client's own where it is spoken, else chat's; "" for no chat."""
    if call.upstream is not None or not call.is_chat:
        return ""
    spoken = dialects_of(deployment)
    if call.endpoint in spoken:
        return call.endpoint
    return next((name for name in (CHAT_DIALECT, MESSAGES_DIALECT, RESPONSES_DIALECT) if name in spoken), "litellm")


def _chat_upstream(spoken: frozenset[str], endpoint: Endpoint) -> FrankUpstream:
    if CHAT_DIALECT in spoken:
        return _direct
    if endpoint not in CHATS:
        return _through_litellm
    if MESSAGES_DIALECT in spoken:
        return _chat_over_messages
    return _chat_over_responses if RESPONSES_DIALECT in spoken else _through_litellm


def collecting(upstream: Upstream, endpoint: Endpoint) -> Upstream:
    """The same, asked for a stream of which the caller gets the whole; itself where it answers no chats."""
    if isinstance(upstream, TranslatedUpstream):
        return TranslatedUpstream(CollectedUpstream(upstream.chat))
    return CollectedUpstream(upstream) if endpoint == CHAT else upstream


def needs_litellm(spec: GroupSpec) -> bool:
    """Whether a request of this group may need LiteLLM: for its Router, or for a provider's dialect."""
    asked = (row for row in spec.deployments if not row.problem)
    return spec.router is Router.LITELLM or any(not dialects_of(row) for row in asked)


def _speaks_openai(deployment: DeploymentSpec) -> bool:
    if deployment.provider_type in COHERE:
        return COMPATIBLE in (deployment.api_base or "")
    return deployment.provider_type in SPEAKS_OPENAI and bool(deployment.api_base)
