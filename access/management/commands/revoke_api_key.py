"""`manage.py revoke_api_key KEY`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from access.actions import revoke_key
from access.keys import COMMAND_LINE, hash_key
from access.models import ApiKey
from lib.ids import uuid_of


class Command(BaseCommand):
    """Ends an API key."""

    help = "Revokes an API key, given by its id or by the key itself; the gateway refuses it within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="the id that create_api_key printed, or the key itself")

    def handle(self, *args: Any, key: str, **options: Any) -> None:
        row = ApiKey.objects.filter(_is_meant(key)).first()
        if row is None:
            raise CommandError("There is no such API key.")
        revoke_key(by=COMMAND_LINE, key=row)
        self.stdout.write(f"Revoked {row}.")


def _is_meant(key: str) -> Q:
    found = uuid_of(key)
    return Q(pk=found) if found else Q(hash=hash_key(key))
