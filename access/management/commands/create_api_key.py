"""`manage.py create_api_key --owner NAME`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from access.actions import issue_key
from access.keys import COMMAND_LINE
from access.models import Scope, Team, User

MAX_DAYS = 3650
OPTIONS = {"allowed_models": "model", "scopes": "scope"}


class Command(BaseCommand):
    """Issues an API key and prints it, the only time it can be seen."""

    help = "Issues an API key with the rights of its owner and prints it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", required=True, metavar="NAME", help="a user; see create_user")
        parser.add_argument("--name", default="command line", help="what the key is for")
        parser.add_argument("--expires-days", type=int, metavar="DAYS", help="default: it does not expire")
        parser.add_argument("--team", metavar="NAME", help="the team that pays, and whose groups the key sees")
        parser.add_argument(
            "--scope", action="append", choices=Scope.values, help="what it may be used for, repeatable; default: all"
        )
        parser.add_argument(
            "--model", action="append", metavar="NAME", help="a name it may call, repeatable; default: every model"
        )
        parser.add_argument("--rpm", type=int, metavar="N", help="requests a minute; default: no limit")
        parser.add_argument("--tpm", type=int, metavar="N", help="tokens a minute; default: no limit")

    def handle(self, *args: Any, owner: str, expires_days: int | None, **options: Any) -> None:
        user = User.objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no user '{owner}'. Make one: manage.py create_user {owner} --role operator")
        try:
            row, plaintext = issue_key(
                by=COMMAND_LINE,
                owner=user,
                name=options["name"],
                expires_at=_time_in(expires_days),
                team=_team_called(options["team"]),
                scopes=options["scope"],
                allowed_models=options["model"] or (),
                rpm=options["rpm"],
                tpm=options["tpm"],
            )
        except ValidationError as error:
            raise CommandError(_in_words(error)) from error
        self.stdout.write(f"Key {row.id} of {owner}, shown this once:\n{plaintext}")


def _time_in(days: int | None) -> datetime | None:
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise CommandError(f"--expires-days: give 1 to {MAX_DAYS}.")
    return None if days is None else timezone.now() + timedelta(days=days)


def _team_called(name: str | None) -> Team | None:
    team = Team.objects.called(name).first() if name else None
    if name and team is None:
        raise CommandError(f"There is no team '{name}'. Make one under Teams in the console, or over the REST API.")
    return team


def _in_words(error: ValidationError) -> str:
    """The error with the name of its option; options have the names of their fields, except those in OPTIONS."""
    return " ".join(f"--{OPTIONS.get(field, field)}: {' '.join(why)}" for field, why in error.message_dict.items())
