"""The provider that an entry of `model_list` means: its type, address, secrets and region. Keys are sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.spec import Secret
from engine.upstreams.quirks import GEMINI
from interchange.bundle import ProviderDraft
from interchange.litellm_config.document import text
from interchange.litellm_config.litellm_names import NO_KEY
from interchange.litellm_config.tracked_mapping import Fields, reference_in
from interchange.places import wrong
from interchange.references import VARIABLE, name_with
from interchange.sealing import opened
from providers.catalog.price_map import price_map
from providers.presets import BY_LITELLM_NAME, BY_TYPE, ROWS, Field, litellm_providers, preset_of

# The variable of a key becomes part of the provider's name.
LONGEST_OF_A_KEY, LONGEST_VARIABLE = 40, 128
LONGEST_NAME = 64
# LiteLLM's alternative names.
ALSO = {
    "api_base": ("base_url",),
    "vertex_project": ("vertex_ai_project",),
    "vertex_location": ("vertex_ai_location",),
    "vertex_credentials": ("vertex_ai_credentials",),
}
# Vendors with an OpenAI-compatible API, by address.
BY_ADDRESS = {row.base_url: row.type for row in ROWS if row.base_url}
# Google's API has an address for each protocol, and both are its home.
GOOGLE = BY_LITELLM_NAME["gemini"]
GOOGLES_HOST = urlsplit(GEMINI).hostname
REGIONS = ("aws_region_name", "vertex_location")
# Ways to sign in without a key; none is supported here.
SIGN_INS = (
    *("azure_ad_token", "tenant_id", "client_id", "client_secret", "azure_username", "azure_password", "azure_scope"),
    *("aws_session_token", "aws_session_name", "aws_profile_name", "aws_role_name", "aws_external_id"),
    *("aws_web_identity_token", "aws_sts_endpoint"),
)


def litellm_provider(model: str, params: Fields) -> str:
    """The provider, in LiteLLM's own order: the explicit field, the prefix, its price map. '' if unknown."""
    prefix = params.text("custom_llm_provider") or (model.partition("/")[0] if "/" in model else "")
    if prefix in litellm_providers() or prefix in BY_LITELLM_NAME:
        return prefix
    listed = str(price_map().get(model, {}).get("litellm_provider", ""))
    known = (listed, listed.partition("-")[0], listed.partition("_c")[0])
    return next((name for name in known if name in litellm_providers()), "")


def listed_mode(model: str) -> str | None:
    """The mode of a model by the price map, if the file has none."""
    row = price_map().get(model) or price_map().get(model.partition("/")[2]) or {}
    mode = row.get("mode")
    return mode if isinstance(mode, str) else None


class _Reader:
    """Reads values that may be references to variables, and remembers those."""

    def __init__(self, params: Fields) -> None:
        self.params = params
        self.references: dict[str, str] = {}

    def value(self, name: str) -> Any:
        """The value under any of its names; None if it is a reference or absent."""
        for spelled in (name, *ALSO.get(name, ())):
            if (value := self.params.get(spelled)) is None:
                continue
            if variable := reference_in(value):
                self.references[name] = checked_variable(variable, self.params.at(spelled))
                return None
            return value
        return None

    def text(self, name: str) -> str:
        return text(self.value(name), self.params.at(name))


def checked_variable(name: str, place: str, *, longest: int = LONGEST_VARIABLE) -> str:
    """The name of an environment variable; raises Wrong for an invalid one."""
    if not VARIABLE.fullmatch(name) or len(name) > longest:
        raise wrong(place, f"Give os.environ/NAME, the name of letters, digits and _, at most {longest} of them.")
    return name


def provider_of(litellm_name: str, params: Fields, ours: Fields) -> ProviderDraft:
    """The provider, with a name made of its address; raises Wrong."""
    reader = _Reader(params)
    api_base = reader.text("api_base").rstrip("/")
    is_elsewhere = bool(api_base or "api_base" in reader.references)
    type = _type(litellm_name, api_base, is_elsewhere, ours.get("type"))
    if type == GOOGLE.type and _host(api_base) == GOOGLES_HOST:
        api_base = ""
    preset = preset_of(type)
    reference, key = _key(params)
    settings = {field.name: reader.text(field.name) for field in preset.settings}
    credentials = {field.name: _credential(field, reader) for field in preset.credentials}
    named = ours.text("provider", longest=LONGEST_NAME)
    return ProviderDraft(
        name=named or _name(type, api_base, settings, reader.references, reference),
        type=type,
        api_base=api_base,
        key_reference=reference,
        key=key,
        credentials={name: secret for name, secret in credentials.items() if secret},
        settings={f.name: settings[f.name] for f in preset.settings if settings[f.name] not in ("", f.default)},
        references=tuple(reader.references.items()),
        sign_in="" if key or reference else ", ".join(name for name in SIGN_INS if params.get(name) is not None),
        is_own_name=bool(named),
    )


def _type(litellm_name: str, api_base: str, is_elsewhere: bool, said: Any) -> str:
    """Our type for LiteLLM's provider: an OpenAI client with another address is a self-hosted server."""
    if isinstance(said, str) and said in BY_TYPE and BY_TYPE[said].litellm_provider == litellm_name:
        return said
    preset = BY_LITELLM_NAME.get(litellm_name)
    if litellm_name == "openai" and is_elsewhere:
        return GOOGLE.type if _host(api_base) == GOOGLES_HOST else BY_ADDRESS.get(api_base, "custom")
    return preset.type if preset else litellm_name


def _name(
    type: str, api_base: str, settings: Mapping[str, str], references: Mapping[str, str], key_reference: str
) -> str:
    """The displayed name: the vendor, or the host of a self-hosted server; its region; the key's variable."""
    shown = preset_of(type).display_name
    if type in ("custom", "vllm"):
        shown = _host(api_base) if api_base else f"{shown} at {references.get('api_base', '')}"
    regions = (settings.get(name, "") for name in REGIONS)
    shown = " ".join(filter(None, (shown, *regions)))
    whole = name_with(shown, key_reference)
    return whole if len(whole) <= LONGEST_NAME else name_with(shown[: LONGEST_NAME - len(whole)], key_reference)


def _host(api_base: str) -> str:
    try:
        return urlsplit(api_base).hostname or "Custom"
    except ValueError:
        return "Custom"


def _key(params: Fields) -> tuple[str, Secret | None]:
    """(name of the variable, None) or ('', key)."""
    value, place = params.get("api_key"), params.at("api_key")
    if variable := reference_in(value):
        return checked_variable(variable, place, longest=LONGEST_OF_A_KEY), None
    said = text(value, place, longest=8192)
    return "", None if said in ("", NO_KEY) else opened(said, place)


def _credential(field: Field, reader: _Reader) -> Secret | None:
    """A secret in the file. A path to a file elsewhere counts as a reference."""
    said = text(reader.value(field.name), reader.params.at(field.name), longest=16_384)
    if not said:
        return None
    secret = opened(said, reader.params.at(field.name))
    if not field.is_json:
        return secret
    found = _object(secret.reveal())
    if found is None:
        reader.references[field.name] = "a file that only the proxy has"
    return Secret(json.dumps(found)) if found else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
