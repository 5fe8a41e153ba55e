"""Change who can answer. Every action tells the gateway by bumping the configuration's version."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict, Unpack

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic
from django.views.decorators.debug import sensitive_variables

from lib.authors import Author
from providers import catalog, config_version, rules, secrets
from providers.exceptions import UnreadableKey
from providers.models import LanguageModel, Provider, ProviderKey
from providers.presets import preset_of

log = structlog.get_logger(__name__)

MAX_MODELS_AT_ONCE = 200


class ModelFields(TypedDict, total=False):
    """What may be said of a model beyond its name; what is absent (or None) comes from the catalog."""

    display_name: str
    input_cost_per_million: Decimal | None
    output_cost_per_million: Decimal | None
    context_length: int | None
    capabilities: list[str] | None
    quality: int | None
    enabled: bool


@sensitive_variables("api_key")
@atomic
def create_provider(
    *,
    by: Author,
    type: str,
    name: str = "",
    api_key: str = "",
    api_base: str = "",
    priority: int = 50,
    auto_fallback: bool = True,
    enabled: bool = True,
    models: Sequence[str] = (),
) -> Provider:
    """Adds a provider with its key and, by their upstream names, models."""
    config_version.bump()
    rules.check_type(type)
    rules.check_reachable(type=type, api_base=api_base, api_key=api_key)
    provider = Provider(
        name=name or _free_name(preset_of(type).display_name),
        type=type,
        api_base=api_base,
        priority=priority,
        auto_fallback=auto_fallback,
        enabled=enabled,
        created_by=by.name,
        updated_by=by.name,
    )
    provider.full_clean()
    rules.check_address(api_base)
    provider.save()
    if api_key:
        rules.check_api_key(api_key)
        secrets.store(provider=provider, key=api_key)
    _add_models(provider, models)
    return provider


def _free_name(wanted: str) -> str:
    """The name, or `name 2`, `name 3`, ... when it is taken."""
    taken = {name.lower() for name in Provider.objects.values_list("name", flat=True)}
    candidates = (wanted if n == 1 else f"{wanted} {n}" for n in range(1, len(taken) + 2))
    return next(name for name in candidates if name.lower() not in taken)


def _add_models(provider: Provider, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise ValidationError({"models": "Name each model once."})
    rows = [_draft_model(provider, name, {}) for name in names]
    try:
        for row in rows:
            row.clean_fields(exclude={"provider"})
    except ValidationError as error:
        raise ValidationError({"models": error.messages}) from error
    LanguageModel.objects.bulk_create(rows)


@atomic
def create_model(*, by: Author, provider: Provider, name: str, **fields: Unpack[ModelFields]) -> LanguageModel:
    """Adds a model to the catalog."""
    config_version.bump()
    model = _draft_model(provider, name, fields)
    model.full_clean()
    model.save()
    log.info("model created", model=str(model), by=by.name)
    return model


def _draft_model(provider: Provider, name: str, fields: ModelFields) -> LanguageModel:
    known = catalog.lookup(type=provider.type, model_name=name)
    published = {
        "input_cost_per_million": known.input_cost_per_million,
        "output_cost_per_million": known.output_cost_per_million,
        "context_length": known.context_length,
        "capabilities": list(known.capabilities),
    }
    said = {field: value for field, value in fields.items() if value is not None}
    return LanguageModel(provider=provider, name=name, **{**published, **said})


@atomic
def delete_provider(*, by: Author, provider: Provider) -> None:
    """Removes a provider, its key and its models; raises ModelInUse when a group uses one of them."""
    config_version.bump()
    rules.check_can_delete_provider(provider)
    provider.delete()
    log.info("provider deleted", provider=provider.name, by=by.name)


@atomic
def delete_model(*, by: Author, model: LanguageModel) -> None:
    """Removes a model from the catalog; raises ModelInUse when a group uses it."""
    config_version.bump()
    rules.check_can_delete_model(model)
    model.delete()
    log.info("model deleted", model=str(model), by=by.name)


@atomic
def rotate_keys() -> tuple[int, int, list[str]]:
    """Encrypts all keys under the first of ENCRYPTION_KEYS: how many were rotated, were current, can't be read."""
    config_version.bump()
    rotated, current, unreadable = 0, 0, []
    for row in ProviderKey.objects.select_related("provider").order_by("provider__name"):
        if secrets.is_current(row):
            current += 1
            continue
        try:
            secrets.rotate(row)
            rotated += 1
        except UnreadableKey as error:
            unreadable.append(error.provider)
    return rotated, current, unreadable
