"""Known provider types as frozen rows: our name, LiteLLM's name, the address.

Any other LiteLLM provider name works too; these are the types with a colour, a logo and a shorter name. To add one, add
a row, its logo to `static/vendor/logos` and its colour to `static/css/console.css`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from engine.upstreams.quirks import GEMINI

GRAY = "#6b7280"


@dataclass(frozen=True, slots=True)
class Field:
    """A further field of a provider, with LiteLLM's own name.

    A secret is encrypted with the provider's key; other fields are in `Provider.settings`. `needs` names the field that
    this one depends on. `default` is the value of an empty one, `example` is for forms. `is_json`: it is a JSON object,
    such as the key of a service account.
    """

    name: str
    label: str
    example: str = ""
    default: str = ""
    is_secret: bool = False
    is_required: bool = False
    needs: str = ""
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider type. `base_url` is the default address of an OpenAI-compatible one, None if LiteLLM has the address.

    `home_url` is that of its compatible API where it has another one besides.
    `needs_base_url`: self-hosted, for example at `example_url`. `needs_key`: it does not answer without one. `fields`
    are its further fields. `dialects` are spoken with it without LiteLLM, `home_dialects` at its own address; for chat
    `engine/` knows who speaks it.
    """

    type: str
    display_name: str
    litellm_provider: str
    base_url: str | None = None
    colour: str = GRAY
    needs_base_url: bool = False
    needs_key: bool = True
    example_url: str = ""
    fields: tuple[Field, ...] = ()
    dialects: frozenset[str] = frozenset()
    home_url: str | None = None
    home_dialects: frozenset[str] = frozenset()

    def dialects_at(self, api_base: str) -> frozenset[str]:
        """What is spoken at an address; none where `engine/` knows. Other servers of a type may speak less."""
        is_home = bool(self.home) and api_base.rstrip("/") in ("", self.home)
        return (self.home_dialects if is_home else frozenset()) or self.dialects

    @property
    def home(self) -> str:
        """The address of its own compatible API; '' without one."""
        return self.base_url or self.home_url or ""

    @property
    def logo(self) -> str:
        """The static file; `<use href="…#logo">` paints it in the colour of the text."""
        return f"vendor/logos/{self.type if self.type in BY_TYPE else 'custom'}.svg"

    @property
    def settings(self) -> tuple[Field, ...]:
        """The fields that every reader of providers may see."""
        return tuple(field for field in self.fields if not field.is_secret)

    @property
    def credentials(self) -> tuple[Field, ...]:
        """The fields that are encrypted and never shown."""
        return tuple(field for field in self.fields if field.is_secret)


def _self_hosted(
    type: str,
    display_name: str,
    litellm_provider: str,
    example: str = "https://llm.example.com/v1",
    colour: str = GRAY,
    dialects: frozenset[str] = frozenset(),
) -> Preset:
    return Preset(
        type,
        display_name,
        litellm_provider,
        colour=colour,
        needs_base_url=True,
        needs_key=False,
        example_url=example,
        dialects=dialects,
    )


AZURE_FIELDS = (Field("api_version", "API version", example="2024-10-21", default="2024-10-21"),)
AWS_FIELDS = (
    Field("aws_region_name", "Region", example="eu-central-1", is_required=True),
    Field("aws_access_key_id", "Access key ID", is_secret=True, needs="aws_secret_access_key"),
    Field("aws_secret_access_key", "Secret access key", is_secret=True, needs="aws_access_key_id"),
)
VERTEX_FIELDS = (
    Field("vertex_project", "Project", example="my-project-123"),
    Field("vertex_location", "Region", example="europe-west4"),
    Field("vertex_credentials", "Service account (its JSON, in one line)", is_secret=True, is_json=True),
)
# Spoken without LiteLLM by providers that were added since it can be; older ones stay on LiteLLM until switched.
CHAT, MESSAGES = frozenset({"chat"}), frozenset({"messages"})
OPENAI_DIALECTS = frozenset({"chat", "responses"})
ROWS = (
    Preset("openrouter", "OpenRouter", "openrouter", "https://openrouter.ai/api/v1", "#7c3aed"),
    Preset("openai", "OpenAI", "openai", "https://api.openai.com/v1", "#10a37f", home_dialects=OPENAI_DIALECTS),
    Preset("anthropic", "Anthropic", "anthropic", colour="#d97706", dialects=MESSAGES),
    Preset("together", "Together AI", "together_ai", "https://api.together.xyz/v1", "#3b82f6"),
    Preset("huggingface", "HuggingFace", "huggingface", colour="#f59e0b"),
    Preset("cohere", "Cohere", "cohere", "https://api.cohere.ai/compatibility/v1", "#8b5cf6"),
    Preset("groq", "Groq", "groq", "https://api.groq.com/openai/v1", "#06b6d4"),
    Preset("mistral", "Mistral", "mistral", "https://api.mistral.ai/v1", "#ec4899", dialects=CHAT),
    Preset("nebius", "Nebius", "nebius", "https://api.studio.nebius.ai/v1", "#14b8a6"),
    Preset("fireworks", "Fireworks AI", "fireworks_ai", "https://api.fireworks.ai/inference/v1", "#f97316"),
    Preset(
        "azure",
        "Azure OpenAI",
        "azure",
        colour="#8b5cf6",
        needs_base_url=True,
        example_url="https://NAME.openai.azure.com",
        fields=AZURE_FIELDS,
        dialects=CHAT,
    ),
    Preset("google", "Google AI", "gemini", colour="#3b82f6", home_url=GEMINI, home_dialects=CHAT),
    Preset("aws", "AWS Bedrock", "bedrock", colour="#ef4444", needs_key=False, fields=AWS_FIELDS),
    _self_hosted("ollama", "Ollama", "ollama", "http://localhost:11434", "#64748b", CHAT),
    _self_hosted("vllm", "vLLM", "openai", "http://gpu.example.com:8000/v1", "#eab308"),
    _self_hosted("custom", "Custom", "openai"),
)
BY_TYPE = {row.type: row for row in ROWS}
BY_LITELLM_NAME = {row.litellm_provider: row for row in ROWS if row.type not in ("vllm", "custom")}
SELF_HOSTED = frozenset({"hosted_vllm", "openai_like", "custom_openai", "lm_studio", "litellm_proxy", "llamafile"})
KEYLESS = frozenset({"ollama_chat", "sagemaker", "vertex_ai", "vertex_ai_beta"})
VERTEX = frozenset({"vertex_ai", "vertex_ai_beta"})


def preset_of(type: str) -> Preset:
    """The row of a type; a LiteLLM provider without a row gets a plain one with its own name."""
    known = BY_TYPE.get(type) or BY_LITELLM_NAME.get(type)
    if known:
        return known
    if type in SELF_HOSTED:
        return _self_hosted(type, type, type)
    return Preset(type, type, type, needs_key=type not in KEYLESS, fields=VERTEX_FIELDS if type in VERTEX else ())


def is_known(type: str) -> bool:
    """Whether the type is one of ours or LiteLLM's."""
    return type in BY_TYPE or type in litellm_providers()


def litellm_file(name: str) -> Path:
    """A data file inside the installed litellm, found without importing it (which takes seconds)."""
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        raise RuntimeError("litellm is not installed; install requirements.txt.")
    return Path(spec.origin).parent / name


@cache
def litellm_providers() -> frozenset[str]:
    """LiteLLM's names of providers with chat or embeddings, from its own tables."""
    table = json.loads(litellm_file("provider_endpoints_support_backup.json").read_text())["providers"]
    like_openai = json.loads(litellm_file("llms/openai_like/providers.json").read_text())
    return frozenset(name for name, row in table.items() if _talks(row["endpoints"])) | frozenset(like_openai)


def _talks(endpoints: dict[str, bool]) -> bool:
    return endpoints.get("chat_completions", False) or endpoints.get("embeddings", False)


# The stylesheet has a class `.p-<word>` for each.
PAINTED = {row.type: row.colour for row in ROWS if row.colour != GRAY}
DEFAULT = "default"


def colour_of(provider_type: str, name: str = "") -> str:
    """The colour word of a provider: its type, else the first word of its name, else `default`.

    The name decides for providers of type `custom`.
    """
    first_word = re.split(r"[^a-z0-9]+", name.lower())[0]
    words = (preset_of(word).type for word in (provider_type, first_word))
    return next((word for word in words if word in PAINTED), DEFAULT)
