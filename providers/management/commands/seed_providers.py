"""`manage.py seed_providers`: OpenRouter, OpenAI, Anthropic, Together AI and Google AI with their common models."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from providers.catalog import starters
from providers.exceptions import ModelInUse


@dataclass(frozen=True, slots=True)
class _CommandLine:
    """The author in the history for changes made here."""

    name: str = "command-line"


class Command(BaseCommand):
    """Adds what is missing; safe to repeat."""

    help = "Adds five well-known providers with their models and prices; keys come from the environment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="delete these five first, with their models and keys")

    def handle(self, *args: Any, **options: Any) -> None:
        keys = {row.key_variable: os.environ.get(row.key_variable, "").strip() for row in starters.STARTERS}
        try:
            seeded = starters.seed(by=_CommandLine(), keys=keys, reset=options["reset"])
        except ModelInUse as error:
            raise CommandError(f"Nothing was changed. {error}") from None
        except ValidationError as error:
            raise CommandError(f"Nothing was changed. {' '.join(error.messages)}") from None
        for row in seeded:
            self.stdout.write(f"{row.starter.name}: {row.outcome}, {_state(row)}")


def _state(row: starters.Seeded) -> str:
    return "enabled" if row.is_enabled else f"disabled; set {row.starter.key_variable} and seed again to enable it"
