"""Re-encrypts the provider keys: the console's own and the people's own keys."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db.transaction import atomic

from providers import config_version, secrets
from providers.exceptions import UnreadableKey
from providers.models import Encrypted


@atomic
def rotate_keys() -> tuple[int, int, list[str]]:
    """Encrypts all keys with the first of ENCRYPTION_KEYS; returns how many were rotated, current, and unreadable."""
    config_version.bump()
    rotated, current, unreadable = 0, 0, []
    for row in _encrypted_rows():
        if secrets.is_current(row):
            current += 1
            continue
        try:
            secrets.rotate(row)
            rotated += 1
        except UnreadableKey as error:
            unreadable.append(error.provider)
    return rotated, current, sorted(unreadable)


def _encrypted_rows() -> Iterator[Encrypted]:
    """All secrets, in any room: the rooms above are not known here by name."""
    for model in apps.get_models():
        if issubclass(model, Encrypted):
            yield from model._default_manager.select_related()
