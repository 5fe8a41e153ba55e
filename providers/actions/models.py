"""Actions on the catalog: its models, their prices, and accepted updates of LiteLLM's price map."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypedDict, Unpack
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic

from lib.authors import Author
from providers import config_version, history, rules
from providers.catalog import price_map
from providers.catalog import updates as catalog_updates
from providers.models import LanguageModel, Provider

log = structlog.get_logger(__name__)

MAX_MODELS_AT_ONCE = 200


class ModelFields(TypedDict, total=False):
    """The fields of a model besides its name.

    Prices, limits and capabilities that are absent (in a new model) or None come from the price map.
    """

    display_name: str
    input_cost_per_million: Decimal | None
    output_cost_per_million: Decimal | None
    cached_input_cost_per_million: Decimal | None
    cache_write_cost_per_million: Decimal | None
    unit: str | None
    price_per_unit: Decimal | None
    context_length: int | None
    max_output_tokens: int | None
    base_model: str
    limit_name: str
    system_role: str
    capabilities: list[str] | None
    quality: int | None
    enabled: bool


@atomic
def create_model(*, by: Author, provider: Provider, name: str, **fields: Unpack[ModelFields]) -> LanguageModel:
    """Adds a model to the catalog."""
    config_version.bump()
    model = draft(provider, name, fields)
    model.full_clean()
    model.save()
    history.record(history.CREATED, model, by=by)
    log.info("model created", model=str(model), by=by.name)
    return model


@atomic
def update_model(
    *, by: Author, model: LanguageModel, name: str | None = None, **fields: Unpack[ModelFields]
) -> LanguageModel:
    """Changes the given fields.

    An unchanged price stays the price map's; a different one becomes a typed one. With a new name or base model, the
    values from the price map are looked up again.
    """
    config_version.bump()
    fresh = LanguageModel.objects.select_related("provider").get(pk=model.pk)
    before = history.snapshot_of(fresh)
    named = fresh.name, fresh.base_model
    fresh.name, fresh.base_model = name or fresh.name, fields.get("base_model", fresh.base_model)
    is_renamed = named != (fresh.name, fresh.base_model)
    again = dict.fromkeys(fresh.catalog_entry) if is_renamed else {}
    for field, value in {**again, **fields}.items():
        _set(fresh, field, value)
    fresh.full_clean()
    fresh.save()
    history.record(history.CHANGED, fresh, by=by, before=before)
    log.info("model changed", model=str(fresh), by=by.name)
    return fresh


def _set(model: LanguageModel, field: str, value: Any) -> None:
    if field not in price_map.FIELDS:
        setattr(model, field, value)
    elif value is None:
        _take_over(model, [field])
    elif value != getattr(model, field):
        setattr(model, field, value)
        model.catalog_entry.pop(field, None)


def _take_over(model: LanguageModel, fields: Iterable[str]) -> None:
    """Sets these fields to the price map's values, and remembers that."""
    known = price_map.stored(_known(model))
    for field in fields:
        setattr(model, field, price_map.restored(field, known[field]))
        model.catalog_entry[field] = known[field]


def _known(model: LanguageModel) -> price_map.CatalogEntry:
    return price_map.lookup(type=model.provider.type, model_name=model.name, base_model=model.base_model)


def draft(provider: Provider, name: str, fields: ModelFields) -> LanguageModel:
    """An unsaved model, completed from the price map."""
    said = {field: value for field, value in fields.items() if value is not None}
    model = LanguageModel(provider=provider, name=name, **said)
    _take_over(model, [field for field in price_map.FIELDS if field not in said])
    return model


def add_models(provider: Provider, names: Sequence[str]) -> None:
    """Adds models by name, part of an action; raises ValidationError under `models`."""
    if len(set(names)) < len(names):
        raise ValidationError({"models": "Name each model once."})
    rows = [draft(provider, name, {}) for name in names]
    try:
        for row in rows:
            row.clean_fields(exclude={"provider"})
    except ValidationError as error:
        raise ValidationError({"models": error.messages}) from error
    LanguageModel.objects.bulk_create(rows)


def replace_models(provider: Provider, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Replaces the provider's models, part of an action; returns the changes, for the history.

    Models that stay keep their prices. Raises ModelInUse if a removed model is used by a group.
    """
    there = set(provider.models.values_list("name", flat=True))
    new = [name for name in names if name not in there]
    gone = provider.models.exclude(name__in=names)
    dropped = sorted(there - set(names))
    rules.check_can_delete_models(gone)
    gone.delete()
    if len(set(names)) < len(names):
        raise ValidationError({"models": "Name each model once."})
    add_models(provider, new)
    changes = {f"model {name}": ("", "added") for name in new}
    return changes | {f"model {name}": ("there", "removed") for name in dropped}


@atomic
def delete_model(*, by: Author, model: LanguageModel) -> None:
    """Removes a model from the catalog; raises ModelInUse if a group uses it."""
    config_version.bump()
    rules.check_can_delete_model(model)
    history.record(history.DELETED, model, by=by, before=history.snapshot_of(model))
    model.delete()
    log.info("model deleted", model=str(model), by=by.name)


@atomic
def accept_catalog_updates(*, by: Author, ids: Collection[UUID]) -> list[LanguageModel]:
    """Accepts the current price map for these models; typed values stay. Returns the changed models."""
    config_version.bump()
    updates, _ = catalog_updates.updates_of(LanguageModel.objects.filter(pk__in=ids))
    for update in updates:
        before = history.snapshot_of(update.model)
        _take_over(update.model, [change.field for change in update.changes])
        update.model.save()
        history.record(history.CHANGED, update.model, by=by, before=before)
    log.info("catalog updates accepted", models=len(updates), by=by.name)
    return [update.model for update in updates]


@atomic
def decline_catalog_updates(*, by: Author, ids: Collection[UUID]) -> list[LanguageModel]:
    """Keeps the values of these models, which count as typed from now on. Returns the models that had updates."""
    config_version.bump()
    updates, _ = catalog_updates.updates_of(LanguageModel.objects.filter(pk__in=ids))
    for update in updates:
        declined = {change.field: ("the catalog's", "typed") for change in update.changes}
        for field in declined:
            del update.model.catalog_entry[field]
        update.model.save()
        history.record(history.CHANGED, update.model, by=by, before=history.snapshot_of(update.model), more=declined)
    log.info("catalog updates declined", models=len(updates), by=by.name)
    return [update.model for update in updates]
