"""Own keys (BYOK): a key that a person brings for a provider, for that person's requests only.

Nobody can read it back, not even its owner or an admin. Pages show its hint and the result of its last test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import structlog
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.transaction import atomic
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from access import history
from access.models import Actor, OwnKey, User
from access.rules import check_keeps_own_keys, check_sees_own_keys
from engine import spec
from engine.probes.findings import Finding, Trouble
from providers import config_version, secrets
from providers.exceptions import UnreadableKey
from providers.health import connection_check
from providers.models import Provider
from providers.rules import check_api_key

log = structlog.get_logger(__name__)

MOST_NAMED = 20
UNREADABLE = "The stored key can't be decrypted any more. Store it again."


@sensitive_variables("key")
@atomic
def store(
    *, by: Actor, user: User, provider: Provider, key: str, may_fall_back: bool | None = None
) -> tuple[OwnKey, bool]:
    """Stores a person's key for a provider in place of the previous one; returns whether it is the first.

    Without `may_fall_back` a replaced key keeps its setting; a new key may not fall back.
    """
    config_version.bump()
    check_keeps_own_keys(by, user)
    key = key.strip()
    _check(provider, key)
    said = {} if may_fall_back is None else {"may_fall_back": may_fall_back}
    values = {"ciphertext": secrets.encrypt(key), "hint": secrets.mask(key), "tested_at": None, "error": "", **said}
    before = OwnKey.objects.filter(user=user, provider=provider).first()
    row, is_new = OwnKey.objects.update_or_create(user=user, provider=provider, defaults=values)
    if before is None:
        history.record(history.CREATED, row, by=by)
    else:
        replaced = {"api_key": ("set", "replaced")}
        history.record(history.CHANGED, row, by=by, before=history.snapshot_of(before), more=replaced)
    log.info("own key stored", user=user.username, provider=provider.name, is_new=is_new, by=by.name)
    return row, is_new


@sensitive_variables("key")
def _check(provider: Provider, key: str) -> None:
    """Raises unless the text can be a key and the provider is in service."""
    if not provider.enabled:
        raise ValidationError({"provider": f"{provider.name} is switched off. Choose another provider."})
    if not key:
        raise ValidationError({"api_key": "Give the key that the provider issued to you."})
    check_api_key(key)


@atomic
def change(*, by: Actor, own_key: OwnKey, may_fall_back: bool) -> OwnKey:
    """Says whether the system's key, and the person's credits, may be used when the provider refuses this key."""
    config_version.bump()
    check_keeps_own_keys(by, own_key.user)
    before = history.snapshot_of(own_key)
    own_key.may_fall_back = may_fall_back
    own_key.save(update_fields=["may_fall_back", "updated_at"])
    history.record(history.CHANGED, own_key, by=by, before=before)
    log.info("own key changed", user=own_key.user.username, provider=own_key.provider.name, by=by.name)
    return own_key


@atomic
def forget(*, by: Actor, own_key: OwnKey) -> None:
    """Deletes a key for good: the person's requests use the system's key again."""
    config_version.bump()
    check_sees_own_keys(by, own_key.user_id)
    history.record(history.DELETED, own_key, by=by, before=history.snapshot_of(own_key))
    own_key.delete()
    log.info("own key forgotten", user=own_key.user.username, provider=own_key.provider.name, by=by.name)


def test(*, by: Actor, own_key: OwnKey) -> Finding:
    """Tests a key with a real call and stores the result. No transaction spans the call."""
    check_keeps_own_keys(by, own_key.user)
    found = _tried(own_key)
    # The result is about this key; another one may have been stored in the meantime.
    same = OwnKey.objects.filter(pk=own_key.pk, ciphertext=own_key.ciphertext)
    same.update(tested_at=timezone.now(), error=found.error[:512])
    log.info("own key tested", user=own_key.user.username, provider=own_key.provider.name, is_ok=found.is_ok)
    return found


def _tried(own_key: OwnKey) -> Finding:
    try:
        key = secrets.opened(own_key.ciphertext, of=own_key.whose)
    except UnreadableKey:
        return Finding(0.0, trouble=Trouble.UNUSABLE, error=UNREADABLE)
    return connection_check.check_with_key(own_key.provider, key)


def own_keys_of(user: User) -> QuerySet[OwnKey]:
    """A person's keys, by the names of the providers."""
    return OwnKey.objects.filter(user=user).select_related("user", "provider").order_by("provider__name")


def all_own_keys() -> dict[int, dict[str, spec.OwnKey]]:
    """Every key in plaintext, by the ids of person and provider, for the gateway's memory.

    One query. A key that can't be decrypted is left out and logged; the person's requests use the system's key.
    """
    found: dict[int, dict[str, spec.OwnKey]] = defaultdict(dict)
    for row in OwnKey.objects.filter(user__is_active=True).select_related("user", "provider"):
        try:
            secret = secrets.opened(row.ciphertext, of=row.whose)
        except UnreadableKey:
            log.error("own key unreadable", user=row.user.username, provider=row.provider.name)
            continue
        found[row.user_id][str(row.provider_id)] = spec.OwnKey(secret, row.may_fall_back)
    return dict(found)


def providers_in_service() -> list[Provider]:
    """The providers that accept an own key."""
    return list(Provider.objects.filter(enabled=True).order_by("name"))


def meant(text: str, among: Sequence[Provider]) -> Provider:
    """The provider with this id or name, or the only one of this type; raises ValidationError naming the choices."""
    wanted = text.strip().casefold()
    found = [p for p in among if wanted in (str(p.pk), p.name.casefold())] or [p for p in among if p.type == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValidationError({"provider": f"Several providers are of type '{wanted}': {_named(found)}. Name one."})
    # The value may be the key itself, sent in the wrong field.
    raise ValidationError({"provider": f"There is no such provider here. There are: {_named(among)}."})


def _named(providers: Sequence[Provider]) -> str:
    names = [provider.name for provider in providers[:MOST_NAMED]]
    more = len(providers) - MOST_NAMED
    return ", ".join([*names, *([f"and {more} more"] if more > 0 else [])]) or "none"
