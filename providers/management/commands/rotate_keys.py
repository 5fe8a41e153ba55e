"""`manage.py rotate_keys`: run it after putting a new key first into ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.actions import rotate_keys


class Command(BaseCommand):
    """Re-encrypts every provider key, including own keys; safe to repeat."""

    help = (
        "Encrypts all provider keys, people's own included, under the first of ENCRYPTION_KEYS. "
        "Afterwards the old ones may be removed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, current, unreadable = rotate_keys()
        self.stdout.write(f"Rotated {rotated}, already current {current}, unreadable {len(unreadable)}.")
        if unreadable:
            raise CommandError(
                f"No key of ENCRYPTION_KEYS decrypts the API key of: {', '.join(unreadable)}. "
                "Put the old key back and run this again, or store these API keys again."
            )
