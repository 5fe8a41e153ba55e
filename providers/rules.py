"""Which providers and models are valid, and which may be deleted.

The API and the pages check who may change them (role admin).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from engine.addresses import AddressPolicy
from providers.exceptions import ModelInUse
from providers.models import LanguageModel, LanguageModelQuerySet, Provider
from providers.presets import BY_TYPE, is_known, preset_of

# Settings become parts of URLs (`https://bedrock-runtime.REGION.amazonaws.com`): they must not redirect a request to
# another host.
SETTING = re.compile(r"[A-Za-z0-9._-]{0,256}")
# What the console can speak with a provider: OpenAI's chat or Anthropic's messages directly, or LiteLLM.
LITELLM = "litellm"
DIALECTS = ("chat", "messages", "responses", LITELLM)
# Spoken at an address of `engine/`'s own; all others at the provider's.
AT_HOME = {"anthropic": frozenset({"messages"}), "gemini": frozenset({"chat", "responses"})}
SENDABLE = "A key has up to 4096 printable ASCII characters, in one line."


def check_type(type: str) -> None:
    """Raises unless the type is one of ours or a LiteLLM provider."""
    if not is_known(type):
        few = ", ".join(sorted(BY_TYPE))
        raise ValidationError({"type": f"Unknown provider type. Use {few}, or another LiteLLM provider name."})


def check_keeps_type(provider: Provider, type: str | None) -> None:
    """Raises for a change of the type: key, models and prices belong to the type."""
    if type not in (None, provider.type):
        raise ValidationError({"type": f"'{provider}' stays {provider.type}. Add another provider for {type}."})


def check_sound(provider: Provider, secrets: Collection[str], *, waits: bool = False) -> None:
    """Raises unless a provider may be stored, apart from its name; `secrets` are the names of those it has.

    `waits`: it is switched off and lacks something that its type needs.
    """
    check_type(provider.type)
    check_settings(provider.type, provider.settings)
    check_dialects(provider.dialects)
    if not waits:
        check_has_address(provider)
        check_reachable(provider, secrets)
    provider.full_clean(validate_unique=False, validate_constraints=False)
    check_address(provider.api_base)


def check_dialects(dialects: object) -> None:
    """Raises unless these are dialects that the console speaks, or LiteLLM alone."""
    if not isinstance(dialects, list) or not set(map(str, dialects)) <= set(DIALECTS):
        raise ValidationError({"dialects": f"Give a list of {', '.join(DIALECTS)}."})
    if LITELLM in dialects and len(dialects) > 1:
        raise ValidationError({"dialects": "Give 'litellm' alone, or only what is spoken without it."})


def check_has_address(provider: Provider) -> None:
    """Raises for dialects that would be spoken to nobody, or with the provider's key to somebody else."""
    preset = preset_of(provider.type)
    lost = set(provider.dialects) - {LITELLM} - AT_HOME.get(preset.litellm_provider, frozenset())
    if lost and not (provider.api_base or preset.base_url):
        raise ValidationError({"dialects": f"Give a base URL, too: {', '.join(sorted(lost))} can't be spoken without."})


def check_reachable(provider: Provider, secrets: Collection[str]) -> None:
    """Raises if a provider lacks something that its type needs; `secrets` are the names of those it has.

    A disabled provider may lack its key.
    """
    type, preset = provider.type, preset_of(provider.type)
    if preset.needs_base_url and not provider.api_base:
        raise ValidationError({"api_base": f"Type '{type}' needs api_base, such as {preset.example_url}."})
    for field in preset.settings:
        if field.is_required and not provider.settings.get(field.name):
            raise ValidationError({"settings": f"Type '{type}' needs {field.name}, such as {field.example}."})
    for field in preset.credentials:
        if field.needs and field.name in secrets and field.needs not in secrets:
            raise ValidationError({"credentials": f"{field.name} is of no use without {field.needs}."})
    if provider.enabled and preset.needs_key and "api_key" not in secrets and not provider.api_base:
        raise ValidationError({"api_key": f"Type '{type}' needs an API key."})


def check_settings(type: str, settings: Mapping[str, object]) -> None:
    """Raises for a setting that providers of this type do not have, or that is not a word such as `eu-central-1`."""
    _check_names("settings", type, settings, [field.name for field in preset_of(type).settings])
    for name, value in settings.items():
        if not isinstance(value, str) or not SETTING.fullmatch(value):
            raise ValidationError({"settings": f"{name}: give up to 256 letters, digits, dots, '-' and '_'."})


def check_credentials(type: str, credentials: Mapping[str, str]) -> None:
    """Raises for a secret that providers of this type do not have, or that is not valid."""
    fields = {field.name: field for field in preset_of(type).credentials}
    _check_names("credentials", type, credentials, list(fields))
    for name, value in credentials.items():
        if not _is_sendable(value):
            raise ValidationError({"credentials": f"{name}: {SENDABLE}"})
        if value and fields[name].is_json and not _is_object(value):
            raise ValidationError({"credentials": f"{name}: give the JSON object itself, not the path of a file."})


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _check_names(field: str, type: str, given: Collection[str], known: Collection[str]) -> None:
    if not set(given) <= set(known):
        has = f"has {', '.join(known)} here" if known else "needs nothing here"
        raise ValidationError({field: f"Type '{type}' {has}."})


def check_api_key(api_key: str) -> None:
    """Raises for a key that can't be sent in an HTTP header."""
    if not _is_sendable(api_key):
        raise ValidationError({"api_key": SENDABLE})


def _is_sendable(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and len(secret) <= 4096


def check_address(api_base: str) -> None:
    """Raises for addresses inside our own network (unless allowed) and for metadata services (always)."""
    if "\\" in api_base:  # some read it as a slash, others as a part of the name
        raise ValidationError({"api_base": "An address has no backslash."})
    policy = AddressPolicy(allows_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    if why := policy.refusal_of_host(urlsplit(api_base).hostname or ""):
        raise ValidationError({"api_base": why})


def groups_using(*, model: LanguageModel | None = None, provider: Provider | None = None) -> list[str]:
    """The names of the routing groups that use a model, or any model of a provider."""
    models = LanguageModel.objects.filter(pk=model.pk) if model else LanguageModel.objects.filter(provider=provider)
    names = models.filter(deployments__isnull=False).order_by("deployments__group__name")
    return list(names.values_list("deployments__group__name", flat=True).distinct())


def check_can_delete_model(model: LanguageModel) -> None:
    """Raises ModelInUse, naming the groups."""
    if groups := groups_using(model=model):
        raise ModelInUse(f"The model '{model}'", groups)


def check_can_delete_models(models: LanguageModelQuerySet) -> None:
    """Raises ModelInUse, naming the groups, for the first of several models that is used."""
    if used := models.filter(deployments__isnull=False).first():
        check_can_delete_model(used)


def check_can_delete_provider(provider: Provider) -> None:
    """Raises ModelInUse, naming the groups that use one of its models."""
    if groups := groups_using(provider=provider):
        raise ModelInUse(f"The provider '{provider}'", groups)
