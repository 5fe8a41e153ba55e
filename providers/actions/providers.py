"""Actions on providers: their addresses, secrets and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import structlog
from django.db.transaction import atomic
from django.views.decorators.debug import sensitive_variables

from lib.audit import changes_between
from lib.authors import Author
from providers import config_version, history, rules, secrets
from providers.actions.models import add_models, replace_models
from providers.models import Provider
from providers.presets import preset_of

log = structlog.get_logger(__name__)

LONGEST_ERROR = 512
# With another of these it may be another server.
PLACE = {"api_base", "settings"}


class ProviderFields(TypedDict, total=False):
    """The fields of a provider besides its type, secrets and models.

    `settings` are all settings of the type's preset; `dialects` are spoken without LiteLLM, none means the type's.
    `rpm` and `tpm` (requests and tokens per minute) are the limits of each deployment without its own.
    """

    name: str
    api_base: str
    priority: int
    auto_fallback: bool
    proves_standby: bool
    enabled: bool
    settings: dict[str, str]
    dialects: list[str]
    extra_headers: dict[str, str]
    extra_body: dict[str, Any]
    rpm: int | None
    tpm: int | None


@sensitive_variables("api_key", "credentials")
@atomic
def create_provider(
    *,
    by: Author,
    type: str,
    api_key: str = "",
    credentials: Mapping[str, str] | None = None,
    models: Sequence[str] = (),
    **fields: Unpack[ProviderFields],
) -> Provider:
    """Adds a provider with its key and, by their upstream names, models; the default name is its type's."""
    config_version.bump()
    rules.check_type(type)
    fields["name"] = fields.get("name") or _free_name(preset_of(type).display_name)
    provider = Provider(type=type, created_by=by.name, updated_by=by.name, **fields)
    new = _new_secrets(type, {}, api_key, credentials)
    _check(provider, {}, new)
    provider.save()
    changed = secrets.change(provider=provider, new=new)
    add_models(provider, models)
    added = {"models": ("", ", ".join(models))} if models else {}
    history.record(history.CREATED, provider, by=by, more={**changed, **added})
    log.info("provider created", provider=provider.name, type=type, by=by.name)
    return provider


@sensitive_variables("api_key", "credentials")
@atomic
def update_provider(
    *,
    by: Author,
    provider: Provider,
    type: str | None = None,
    api_key: str | None = None,
    credentials: Mapping[str, str] | None = None,
    models: Sequence[str] | None = None,
    **fields: Unpack[ProviderFields],
) -> Provider:
    """Changes the given fields; an empty name stays as it is.

    `api_key` replaces the key, '' removes it; `credentials` do so by name; a secret that equals its own hint stays.
    `models` is the whole list: new names are added, missing ones removed. A new name also changes the names
    `provider/model`. Raises ModelInUse, and UnreadableKey if a secret that stays can't be read but must be stored
    again.
    """
    config_version.bump()
    fresh = Provider.objects.select_for_update().get(pk=provider.pk)
    rules.check_keeps_type(fresh, type)
    before, hints = history.snapshot_of(fresh), secrets.hints_of(fresh)
    for field, value in fields.items():
        setattr(fresh, field, value or fresh.name if field == "name" else value)
    fresh.updated_by = by.name
    new = _new_secrets(fresh.type, hints, api_key, credentials)
    _check(fresh, hints, new)
    if new or PLACE & changes_between(before, history.snapshot_of(fresh)).keys():
        fresh.dialects_probed, fresh.dialects_probed_at = {}, None
    fresh.save()
    changed = secrets.change(provider=fresh, new=new)
    changed |= {} if models is None else replace_models(fresh, models)
    history.record(history.CHANGED, fresh, by=by, before=before, more=changed)
    log.info("provider changed", provider=fresh.name, by=by.name)
    return fresh


@sensitive_variables("api_key", "credentials", "given", "new")
def _new_secrets(
    type: str, hints: Mapping[str, str], api_key: str | None, credentials: Mapping[str, str] | None
) -> dict[str, str]:
    """The secrets to set (or, with '', to remove) by name: the given ones, without those that equal their own hint."""
    given = {**({} if api_key is None else {secrets.API_KEY: api_key}), **(credentials or {})}
    new = {name: value for name, value in given.items() if value != hints.get(name, "")}
    rules.check_api_key(new.get(secrets.API_KEY, ""))
    rules.check_credentials(type, {name: value for name, value in new.items() if name != secrets.API_KEY})
    return new


@sensitive_variables("new")
def _check(provider: Provider, hints: Mapping[str, str], new: Mapping[str, str], *, waits: bool = False) -> None:
    """Raises unless the provider may be saved, with its existing secrets and the new ones."""
    rules.check_sound(provider, [name for name, value in {**hints, **new}.items() if value], waits=waits)
    provider.validate_unique()
    provider.validate_constraints()


@sensitive_variables("api_key", "credentials", "new")
@atomic
def create_waiting_provider(
    *,
    by: Author,
    type: str,
    needs: Sequence[str],
    api_key: str = "",
    credentials: Mapping[str, str] | None = None,
    **fields: Unpack[ProviderFields],
) -> Provider:
    """Adds a provider, switched off until it has what it `needs`, such as `a key: OPENAI_API_KEY`."""
    config_version.bump()
    error = f"Needs {', '.join(needs)}."[:LONGEST_ERROR]
    fields["name"] = fields.get("name") or _free_name(preset_of(type).display_name)
    provider = Provider(**fields | {"type": type, "enabled": False, "error": error})
    provider.created_by = provider.updated_by = by.name
    new = _new_secrets(type, {}, api_key, credentials)
    _check(provider, {}, new, waits=True)
    provider.save()
    changed = secrets.change(provider=provider, new={name: value for name, value in new.items() if value})
    history.record(history.CREATED, provider, by=by, more=changed)
    return provider


def _free_name(wanted: str) -> str:
    """The name, or `name 2`, `name 3`, ... if it is taken."""
    taken = {name.lower() for name in Provider.objects.values_list("name", flat=True)}
    candidates = (wanted if n == 1 else f"{wanted} {n}" for n in range(1, len(taken) + 2))
    return next(name for name in candidates if name.lower() not in taken)


@atomic
def delete_provider(*, by: Author, provider: Provider) -> None:
    """Removes a provider, its secrets and its models; raises ModelInUse if a group uses one of them."""
    config_version.bump()
    rules.check_can_delete_provider(provider)
    history.record(history.DELETED, provider, by=by, before=history.snapshot_of(provider))
    provider.delete()
    log.info("provider deleted", provider=provider.name, by=by.name)
