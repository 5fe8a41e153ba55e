"""`manage.py rotate_keys`: run it after putting a new key first into ENCRYPTION_KEYS."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.actions import rotate_keys
from providers.exceptions import WrongEncryptionKeys


class Command(BaseCommand):
    """Re-encrypts every provider key, including own keys; safe to repeat."""

    help = (
        "Encrypts all provider keys, people's own included, under the first of ENCRYPTION_KEYS. "
        "Afterwards the old ones may be removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--lost", action="store_true", help="the old key is lost: go on with the new ones; store API keys again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, current, unreadable = _rotated(is_old_lost=options["lost"])
        self.stdout.write(f"Rotated {rotated}, already current {current}, unreadable {len(unreadable)}.")
        if unreadable:
            raise CommandError(
                f"No key of ENCRYPTION_KEYS decrypts the API key of: {', '.join(unreadable)}. "
                "Put the old key back and run this again, or store these API keys again."
            )


def _rotated(*, is_old_lost: bool) -> tuple[int, int, list[str]]:
    try:
        return rotate_keys(is_old_lost=is_old_lost)
    except WrongEncryptionKeys as error:
        raise CommandError(f"Nothing was changed. {error}") from None
