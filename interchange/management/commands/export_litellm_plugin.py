"""`manage.py export_litellm_plugin DIR`: virtual models for a LiteLLM proxy."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from groups.exceptions import NothingToExport
from interchange.litellm_plugin.export import folder


class Command(BaseCommand):
    """Writes the files, replacing an earlier export, and prints what they need."""

    help = "Write config.yaml, a plugin and docker-compose.yml for a LiteLLM proxy that routes as this console does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder; created if it does not exist")

    def handle(self, *_: Any, **options: Any) -> None:
        target: Path = options["folder"]
        try:
            made = folder()
            target.mkdir(parents=True, exist_ok=True)
            for name, text in made.files.items():
                (target / name).write_text(text)
        except NothingToExport as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{target} can't be written: {error.strerror}. Name another folder.") from None
        self.stdout.write(f"Wrote {', '.join(made.files)} to {target}.")
        self.stdout.write(f"Set {', '.join(made.variables)}, then start it there: docker compose up")
