"""Encrypt, decrypt, mask: the only file that sees a provider's key in plaintext."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from engine.spec import Secret
from providers.exceptions import UnreadableKey
from providers.models import Provider, ProviderKey

SHOWN = 4
SHORTEST_SHOWN = 12


def _fernets() -> list[Fernet]:
    return [Fernet(key) for key in settings.ENCRYPTION_KEYS]


def mask(key: str) -> str:
    """What may be shown of a key: `sk-…****1234`; of a short one nothing."""
    if len(key) < SHORTEST_SHOWN:
        return "****"
    prefix = "sk-" if key.startswith("sk-") else ""
    return f"{prefix}…****{key[-SHOWN:]}"


@sensitive_variables("key")
def encrypt(key: str) -> str:
    """The ciphertext to store, under the first of ENCRYPTION_KEYS."""
    return MultiFernet(_fernets()).encrypt(key.encode()).decode()


@sensitive_variables("key")
def store(*, provider: Provider, key: str) -> ProviderKey:
    """Writes (or replaces) a provider's key."""
    values = {"ciphertext": encrypt(key), "hint": mask(key)}
    return ProviderKey.objects.update_or_create(provider=provider, defaults=values)[0]


def decrypt(row: ProviderKey) -> Secret:
    """The plaintext, wrapped so that it can't be printed by accident; raises UnreadableKey."""
    try:
        return Secret(MultiFernet(_fernets()).decrypt(row.ciphertext.encode()).decode())
    except (InvalidToken, ValueError):
        raise UnreadableKey(row.provider.name) from None


def is_current(row: ProviderKey) -> bool:
    """Whether the first of ENCRYPTION_KEYS encrypted this row."""
    try:
        _fernets()[0].decrypt(row.ciphertext.encode())
    except (InvalidToken, ValueError):
        return False
    return True


def rotate(row: ProviderKey) -> None:
    """Encrypts a row anew under the first of ENCRYPTION_KEYS; raises UnreadableKey."""
    row.ciphertext = encrypt(decrypt(row).reveal())
    row.save(update_fields=["ciphertext", "updated_at"])
