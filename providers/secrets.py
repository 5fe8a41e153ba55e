"""Encrypt, decrypt, mask: the only file that sees a key for a provider in plaintext."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from engine.spec import Secret
from providers.exceptions import UnreadableKey, WrongEncryptionKeys
from providers.models import Encrypted, EncryptionCheck, Provider, ProviderKey

SHOWN = 4
SHORTEST_SHOWN = 12
API_KEY = "api_key"
ONLY, KNOWN_TEXT = 1, "who reads this can read the secrets"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets of a provider: its API key, and others beside or instead of it, by LiteLLM's names."""

    api_key: Secret | None = None
    others: tuple[tuple[str, Secret], ...] = ()


def _fernets() -> list[Fernet]:
    return [Fernet(key) for key in settings.ENCRYPTION_KEYS]


def mask(key: str) -> str:
    """The hint of a key: `sk-…****1234`; nothing of a short one."""
    if len(key) < SHORTEST_SHOWN:
        return "****"
    prefix = "sk-" if key.startswith("sk-") else ""
    return f"{prefix}…****{key[-SHOWN:]}"


@sensitive_variables("key")
def encrypt(key: str) -> str:
    """The ciphertext to store, with the first of ENCRYPTION_KEYS; raises WrongEncryptionKeys: nobody else could read
    it."""
    check_encryption_keys()
    return _encrypted(key)


@sensitive_variables("key")
def _encrypted(key: str) -> str:
    return MultiFernet(_fernets()).encrypt(key.encode()).decode()


def check_encryption_keys() -> None:
    """Raises WrongEncryptionKeys unless these are the keys that the secrets in the database are encrypted with."""
    known = EncryptionCheck.objects.first()
    if known is None:
        rows = list(encrypted_rows())
        if rows and not any(map(_is_readable, rows)):
            raise WrongEncryptionKeys
        EncryptionCheck.objects.get_or_create(pk=ONLY, defaults={"ciphertext": _encrypted(KNOWN_TEXT)})
    elif not _is_readable(known):
        raise WrongEncryptionKeys


def rotate_check(*, is_old_lost: bool) -> None:
    """From now on the first key of this process is a right one, if another one of them was, or the old one is lost."""
    if not is_old_lost:
        check_encryption_keys()
    EncryptionCheck.objects.update_or_create(pk=ONLY, defaults={"ciphertext": _encrypted(KNOWN_TEXT)})


def encrypted_rows() -> Iterator[Encrypted]:
    """All secrets, in any room: the rooms above are not known here by name."""
    for model in apps.get_models():
        if issubclass(model, Encrypted):
            yield from model._default_manager.select_related()


def _is_readable(row: Encrypted | EncryptionCheck) -> bool:
    try:
        opened(row.ciphertext, of="")
    except UnreadableKey:
        return False
    return True


@sensitive_variables("key", "others", "plaintext")
def store(*, provider: Provider, key: str, others: Mapping[str, str] | None = None) -> ProviderKey:
    """Writes (or replaces) all secrets of a provider; `others` are secrets beside or instead of an API key."""
    plaintext = json.dumps({API_KEY: key, **others}) if others else key
    values = {
        "ciphertext": encrypt(plaintext),
        "hint": mask(key) if key else "",
        "hints": {name: mask(value) for name, value in (others or {}).items()},
    }
    return ProviderKey.objects.update_or_create(provider=provider, defaults=values)[0]


@sensitive_variables("new", "held", "kept")
def change(*, provider: Provider, new: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Sets, replaces and (with '') removes secrets by name, `api_key` and others; returns the changes, for the history.

    Other secrets stay; raises UnreadableKey if they can't be read.
    """
    if not new:
        return {}
    hints = hints_of(provider)
    held = _plaintexts(provider.key) if not set(hints) <= set(new) else {}
    kept = {name: value for name, value in {**held, **new}.items() if value}
    ProviderKey.objects.filter(provider=provider).delete()
    if kept:
        store(provider=provider, key=kept.pop(API_KEY, ""), others=kept)
    return {name: _outcome(value, was_there=name in hints) for name, value in new.items()}


def _outcome(value: str, *, was_there: bool) -> tuple[str, str]:
    """Before and after, for the history; never the secret."""
    return ("set" if was_there else "", "removed" if not value else "replaced" if was_there else "set")


def _plaintexts(row: ProviderKey) -> dict[str, str]:
    held = read(row)
    key = {API_KEY: held.api_key.reveal()} if held.api_key else {}
    return {**key, **{name: secret.reveal() for name, secret in held.others}}


def hints_of(provider: Provider) -> dict[str, str]:
    """The hint of each secret, by name."""
    row: ProviderKey | None = getattr(provider, "key", None)
    if row is None:
        return {}
    return {**({API_KEY: row.hint} if row.hint else {}), **row.hints}


def decrypt(row: ProviderKey) -> Secret | None:
    """The API key, wrapped so that it can't be printed by accident; raises UnreadableKey."""
    return read(row).api_key


def read(row: ProviderKey) -> Credentials:
    """All secrets of a provider, each wrapped; raises UnreadableKey."""
    secret = opened(row.ciphertext, of=row.whose)
    if not row.hints:
        return Credentials(secret)
    values = {name: Secret(value) for name, value in json.loads(secret.reveal()).items() if value}
    return Credentials(values.pop(API_KEY, None), tuple(values.items()))


def opened(ciphertext: str, *, of: str) -> Secret:
    """The decrypted text, wrapped; raises UnreadableKey, which names the owner `of` the key."""
    try:
        return Secret(MultiFernet(_fernets()).decrypt(ciphertext.encode()).decode())
    except (InvalidToken, ValueError):
        raise UnreadableKey(of) from None


def is_current(row: Encrypted) -> bool:
    """Whether this row is encrypted with the first of ENCRYPTION_KEYS."""
    try:
        _fernets()[0].decrypt(row.ciphertext.encode())
    except (InvalidToken, ValueError):
        return False
    return True


def rotate(row: Encrypted) -> None:
    """Encrypts a row again with the first of ENCRYPTION_KEYS; raises UnreadableKey."""
    row.ciphertext = _encrypted(opened(row.ciphertext, of=row.whose).reveal())
    row.save(update_fields=["ciphertext", "updated_at"])
