"""What a provider's own kind of OpenAI's protocol wants: address, key, names of parameters. Declared, not guessed.

From the providers' documentation; none of these services could be asked from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from engine.dialects.call_ids import with_short_ids
from engine.dialects.gemini_signatures import has_signatures, with_signatures, without_signatures
from engine.dialects.shapes import objects
from engine.spec import DeploymentSpec, Unsupported

Body = dict[str, Any]
# Fields of an assistant's message with its thoughts. Most servers refuse messages with fields that they do not know.
THOUGHTS = frozenset({"reasoning_content", "thinking_blocks"})
LIMIT_NAMES = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class Quirks:
    """One provider type.

    `auth` is the header of the key. `suffix` is the end of a base address, added where it is missing. `limit_name` is
    the only name of the limit of output tokens that it knows; without one, a translated request uses `new_limit_name`.
    `renames` are parameters by their own name there, `values` are (parameter, OpenAI's value, its own).
    `forbidden` are refused. `keeps` are fields of thoughts that come back to it in a translated request; `signs_calls`:
    it is Google's own API, which wants a signature of each call of a tool; `is_strict`: it refuses fields of messages
    that it does not know.
    """

    auth: Literal["bearer", "api-key"] = "bearer"
    suffix: str = ""
    limit_name: str = ""
    new_limit_name: str = "max_tokens"
    renames: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str, str], ...] = ()
    forbidden: frozenset[str] = frozenset()
    keeps: frozenset[str] = frozenset()
    signs_calls: bool = False
    is_strict: bool = False


PLAIN = Quirks()
OPENAI = Quirks(new_limit_name="max_completion_tokens")
SENDS_BACK = Quirks(keeps=frozenset({"reasoning_content"}))
QUIRKS: Mapping[str, Quirks] = {
    "openai": OPENAI,
    "azure": Quirks(auth="api-key", new_limit_name="max_completion_tokens", is_strict=True),
    "groq": Quirks(is_strict=True),
    "mistral": Quirks(
        is_strict=True,
        limit_name="max_tokens",
        renames=(("seed", "random_seed"),),
        values=(("tool_choice", "required", "any"),),
        forbidden=frozenset(
            {"stream_options", "user", "store", "metadata", "service_tier", "logprobs", "top_logprobs", "logit_bias"}
        ),
    ),
    "ollama": Quirks(suffix="/v1", limit_name="max_tokens"),
    "gemini": Quirks(limit_name="max_tokens", signs_calls=True),
    "cohere": Quirks(forbidden=frozenset({"stream_options"})),
    "cohere_chat": Quirks(forbidden=frozenset({"stream_options"})),
    "deepseek": SENDS_BACK,
    "openrouter": SENDS_BACK,
}
GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai"
BASES = {"gemini": GEMINI}
# Google's models that sign their thoughts, by the names that any provider has for them: `google/gemini-3-pro`.
SIGNS = re.compile(r"\bgemini", re.IGNORECASE)
# Claude by any provider's name: its thoughts may come back to it wherever it is.
CLAUDE = re.compile(r"\bclaude", re.IGNORECASE)
# The address of the one type that other servers than OpenAI's use, too.
OPENAIS_HOME = "//api.openai.com/"
# LiteLLM's providers that translate thoughts with their signatures themselves.
SIGNED = frozenset({"anthropic", "bedrock", "vertex_ai", "databricks"})


def quirks_of(deployment: DeploymentSpec) -> Quirks:
    """The quirks of a deployment's type."""
    return QUIRKS.get(deployment.provider_type, PLAIN)


def forbidden_at(deployment: DeploymentSpec) -> frozenset[str]:
    """The parameters that are left out for a deployment, because its type refuses them."""
    return frozenset() if deployment.unsupported is Unsupported.PASS else quirks_of(deployment).forbidden


def address(deployment: DeploymentSpec, path: str) -> str:
    """Where a deployment answers under a path such as `chat/completions`.

    Azure has two forms: a base that ends with `/openai/v1` is the one without versions, any other base gets the path of
    the deployment and its `api_version`.
    """
    base = (deployment.api_base or BASES.get(deployment.provider_type) or "").rstrip("/")
    if deployment.provider_type == "azure":
        return _of_azure(deployment, base, path)
    suffix = quirks_of(deployment).suffix
    return f"{base}/{path}" if base.endswith(suffix) else f"{base}{suffix}/{path}"


def _of_azure(deployment: DeploymentSpec, base: str, path: str) -> str:
    version = dict(deployment.options).get("api_version", "")
    if base.endswith("/openai/v1"):
        return f"{base}/{path}"
    if version in ("", "v1", "preview"):
        return f"{base}/openai/v1/{path}"
    if path.startswith("responses"):  # there the name is in the body
        return f"{base}/openai/{path}?api-version={quote(version)}"
    name = quote(deployment.upstream_model, safe="")
    return f"{base}/openai/deployments/{name}/{path}?api-version={quote(version)}"


def key_header(deployment: DeploymentSpec) -> dict[str, str]:
    """The header with the key; nothing without one."""
    if deployment.api_key is None:
        return {}
    key = deployment.api_key.reveal()
    return {"api-key": key} if quirks_of(deployment).auth == "api-key" else {"Authorization": f"Bearer {key}"}


def fitted(body: Body, deployment: DeploymentSpec, *, is_translated: bool) -> Body:
    """A chat request in the words of this server; the same object where nothing has to change.

    A chat client's own request keeps its names where the server may know them: a translated one has ours.
    """
    quirks = quirks_of(deployment)
    if signs(deployment):
        signed = with_signatures(body.get("messages"), deployment.known_as, marks_others=quirks.signs_calls)
        body = body if signed is body.get("messages") else {**body, "messages": signed}
    elif has_foreign_signatures(body, deployment):
        body = {**body, "messages": without_signatures(body["messages"])}
    if is_translated:
        body = {**body, "messages": with_short_ids(_without(body.get("messages"), THOUGHTS - quirks.keeps))}
    elif foreign := foreign_thoughts(body.get("messages"), deployment):
        body = {**body, "messages": list(_without(body["messages"], foreign))}
    wanted = quirks.limit_name or (quirks.new_limit_name if is_translated else "")
    changes = {**dict(quirks.renames), **(dict.fromkeys(LIMIT_NAMES, wanted) if wanted else {})}
    forbidden = forbidden_at(deployment)
    if not changes.keys().isdisjoint(body) or not forbidden.isdisjoint(body):
        kept = (name for name in body if name not in forbidden)
        body = {changes.get(name, name): body[name] for name in kept}
    for name, value, own in quirks.values:
        if body.get(name) == value:
            body = {**body, name: own}
    return body


def signs(deployment: DeploymentSpec) -> bool:
    """Whether Google's signatures are made here, and have to come back: its API, and its models wherever they are.

    A model that has another name at its provider is known by its base model.
    """
    return quirks_of(deployment).signs_calls or SIGNS.search(deployment.known_as) is not None


def has_foreign_signatures(body: Body, deployment: DeploymentSpec) -> bool:
    """Whether Google's signatures would go to somebody else: a fallback, or another turn of a conversation."""
    return has_signatures(body.get("messages")) and not signs(deployment)


def foreign_thoughts(messages: Any, deployment: DeploymentSpec) -> frozenset[str]:
    """The fields with another model's thoughts that a chat client sends back, as it got them, and that have no place
    here: a fallback, or another turn of a conversation. Servers that refuse what they do not know answer 400."""
    if deployment.unsupported is Unsupported.PASS or deployment.provider_type in SIGNED:
        return frozenset()
    quirks = quirks_of(deployment)
    is_strict = quirks.is_strict or (quirks is OPENAI and OPENAIS_HOME in f"{deployment.api_base or OPENAIS_HOME}/")
    gone = THOUGHTS if is_strict else THOUGHTS - {"reasoning_content"}
    gone -= {"thinking_blocks"} if CLAUDE.search(deployment.known_as) else quirks.keeps
    return frozenset(name for message in objects(messages) for name in gone if name in message)


def for_litellm(messages: list[Any], deployment: DeploymentSpec, *, is_translated: bool) -> list[Any]:
    """Messages for LiteLLM, which passes thoughts and signatures on to servers that refuse them."""
    if has_signatures(messages) and not signs(deployment):
        messages = without_signatures(messages)
    if deployment.provider_type in SIGNED:
        return messages
    gone = THOUGHTS - quirks_of(deployment).keeps if is_translated else foreign_thoughts(messages, deployment)
    return list(_without(messages, gone)) if gone else messages


def _without(messages: Any, gone: frozenset[str]) -> Iterator[Any]:
    for message in messages or ():
        if gone.isdisjoint(message):
            yield message
        else:
            yield {name: value for name, value in message.items() if name not in gone}
