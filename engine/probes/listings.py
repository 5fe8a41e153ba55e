"""How each dialect lists its models, as frozen rows: the cheapest call, and it checks the key.

LiteLLM has listings too, but they swallow errors (a provider that is down serves "every model"), follow redirects and
have no time limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic_core import from_json

from engine.probes.findings import Target

CHAT_ENDINGS = ("/chat/completions", "/v1/messages", "/chat")


@dataclass(frozen=True, slots=True)
class Listing:
    """`base` is the provider's address by default; `path` follows it or the given address.

    The key is sent in `key_header`, after `key_prefix`. `key_check` is another path or URL for providers whose list is
    public: it must not answer 401.
    """

    base: str | None
    path: str = "/models"
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)
    key_check: str | None = None

    def url(self, target: Target) -> str | None:
        """The URL of the models of this target, None without an address."""
        base = target.api_base or self.base
        return None if base is None else _trunk(base, self.path) + self.path.format(**_known(target))

    def key_check_url(self, target: Target) -> str | None:
        """The URL that checks the key, None where the list itself does."""
        if self.key_check is None or target.api_key is None:
            return None
        if self.key_check.startswith("https://"):
            return None if target.api_base else self.key_check
        return _trunk(target.api_base or self.base or "", "") + self.key_check

    def request_headers(self, target: Target) -> dict[str, str]:
        """The headers of both requests, with the key in plaintext."""
        key = {} if target.api_key is None else {self.key_header: self.key_prefix + target.api_key.reveal()}
        return {"Accept": "application/json", **self.headers, **key}


LIKE_OPENAI = Listing(None)
LISTINGS: dict[str, Listing] = {
    "openai": Listing("https://api.openai.com/v1"),
    "anthropic": Listing(
        "https://api.anthropic.com",
        "/v1/models?limit=1000",
        key_header="x-api-key",
        key_prefix="",
        headers={"anthropic-version": "2023-06-01"},
    ),
    "gemini": Listing(
        "https://generativelanguage.googleapis.com/v1beta",
        "/models?pageSize=1000",
        key_header="x-goog-api-key",
        key_prefix="",
    ),
    "azure": Listing(None, "/openai/models?api-version={api_version}", key_header="api-key", key_prefix=""),
    "cohere": Listing("https://api.cohere.ai/v1", "/models?page_size=1000"),
    "mistral": Listing("https://api.mistral.ai/v1"),
    "huggingface": Listing("https://router.huggingface.co/v1", key_check="https://huggingface.co/api/whoami-v2"),
    "openrouter": Listing("https://openrouter.ai/api/v1", key_check="/key"),
    "ollama": Listing("http://localhost:11434", "/api/tags"),
    "deepseek": Listing("https://api.deepseek.com"),
    "xai": Listing("https://api.x.ai/v1"),
    "perplexity": Listing("https://api.perplexity.ai"),
}
LISTINGS |= {"cohere_chat": LISTINGS["cohere"], "ollama_chat": LISTINGS["ollama"]}
# Their APIs have no list, or none for a plain HTTP request: LiteLLM has to make the call.
WITHOUT_LIST = frozenset({"bedrock", "sagemaker", "vertex_ai", "vertex_ai_beta", "watsonx", "replicate", "oci"})
DEFAULT_API_VERSION = "2024-10-21"


def listing_of(target: Target) -> Listing | None:
    """The row for a target; OpenAI's way at a known address for a provider without one, else None."""
    if target.provider_type in WITHOUT_LIST:
        return None
    known = LISTINGS.get(target.provider_type)
    return known or (LIKE_OPENAI if target.api_base else None)


def names_in(body: bytes) -> tuple[str, ...] | None:
    """The names in an answer, in its order: `{data: [{id}]}`, `{models: [{name}]}` or a bare list; else None."""
    try:
        content = from_json(body)
    except ValueError:
        return None
    rows = content.get("data", content.get("models")) if isinstance(content, dict) else content
    if not isinstance(rows, list):
        return None
    names = (row.get("id") or row.get("name") for row in rows if isinstance(row, dict))
    return tuple(dict.fromkeys(name.removeprefix("models/") for name in names if isinstance(name, str)))


def _trunk(base: str, path: str) -> str:
    """The address without the endings that LiteLLM allows, and without a version that the path repeats."""
    # Cohere's list of models is not part of its OpenAI-compatible API.
    trunk = base.rstrip("/").replace("/compatibility/v1", "/v1")
    for ending in CHAT_ENDINGS:
        trunk = trunk.removesuffix(ending)
    return trunk.removesuffix("/v1") if path.startswith("/v1/") else trunk


def _known(target: Target) -> dict[str, str]:
    return {"api_version": dict(target.options).get("api_version") or DEFAULT_API_VERSION}
