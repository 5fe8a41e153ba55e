"""Re-encrypts the provider keys: the console's own and the people's own keys."""

from __future__ import annotations

from django.db.transaction import atomic

from providers import config_version, secrets
from providers.exceptions import UnreadableKey


@atomic
def rotate_keys(*, is_old_lost: bool = False) -> tuple[int, int, list[str]]:
    """Encrypts all keys with the first of ENCRYPTION_KEYS; returns how many were rotated, current, and unreadable.

    With `is_old_lost` the keys of this process become the right ones, although they don't read what is stored.
    """
    config_version.bump()
    rotated, current, unreadable = 0, 0, []
    for row in secrets.encrypted_rows():
        if secrets.is_current(row):
            current += 1
            continue
        try:
            secrets.rotate(row)
            rotated += 1
        except UnreadableKey as error:
            unreadable.append(error.provider)
    secrets.rotate_check(is_old_lost=is_old_lost)
    return rotated, current, sorted(unreadable)
