"""Rotating the keys that encrypt the providers' keys."""

from __future__ import annotations

from django.db.transaction import atomic

from providers import config_version, secrets
from providers.exceptions import UnreadableKey
from providers.models import ProviderKey


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
