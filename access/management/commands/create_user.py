"""`manage.py create_user NAME --role operator`."""

from __future__ import annotations

import secrets
import sys
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.actions import create_user
from access.keys import COMMAND_LINE
from access.models import Role


class Command(BaseCommand):
    """Creates a person who can sign in."""

    help = "Creates a user. The password is asked for at a terminal; otherwise one is made and printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=[role.value for role in Role if role.value], required=True)
        parser.add_argument("--generate-password", action="store_true", help="make one and print it, without asking")

    def handle(self, *args: Any, name: str, role: str, generate_password: bool, **options: Any) -> None:
        asked = "" if generate_password or not sys.stdin.isatty() else getpass(f"Password of {name}: ")
        password = asked or secrets.token_urlsafe(12)
        try:
            create_user(by=COMMAND_LINE, username=name, role=Role(role), password=password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Created {name} ({role}).")
        if not asked:
            self.stdout.write(f"Password, shown this once: {password}")
