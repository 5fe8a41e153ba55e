"""`manage.py create_api_key --owner NAME`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from access.actions import issue_key
from access.keys import COMMAND_LINE
from access.models import User

MAX_DAYS = 3650


class Command(BaseCommand):
    """Issues an API key and prints it, the only time it can be seen."""

    help = "Issues an API key with the rights of its owner and prints it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", required=True, metavar="NAME", help="a user; see create_user")
        parser.add_argument("--name", default="command line", help="what the key is for")
        parser.add_argument("--expires-days", type=int, metavar="DAYS", help="default: it does not expire")

    def handle(self, *args: Any, owner: str, name: str, expires_days: int | None, **options: Any) -> None:
        user = User.objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no user '{owner}'. Make one: manage.py create_user {owner} --role operator")
        if expires_days is not None and not 1 <= expires_days <= MAX_DAYS:
            raise CommandError(f"--expires-days: give 1 to {MAX_DAYS}.")
        expires_at = None if expires_days is None else timezone.now() + timedelta(days=expires_days)
        try:
            row, plaintext = issue_key(by=COMMAND_LINE, owner=user, name=name, expires_at=expires_at)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Key {row.id} of {owner}, shown this once:\n{plaintext}")
