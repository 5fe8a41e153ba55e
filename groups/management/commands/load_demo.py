"""`manage.py load_demo`: three demo providers, groups and virtual models over them, once."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand

from groups import demo_groups

SAID = {
    "loaded": "Loaded the demo: groups such as demo-ordered, and virtual models, over Nebius, Fireworks and Azure.",
    "moved": "The demo is there already; its providers now point at this server's port.",
    "kept": "The demo is there already.",
}


class Command(BaseCommand):
    """Loads the demo unless it is there; if it can't, it says why and does not stop the start."""

    help = "Load the demo (providers Nebius, Fireworks, Azure; groups and virtual models over them) once."

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            outcome = demo_groups.load()
        except ValidationError as error:
            self.stderr.write(f"The demo was not loaded: {' '.join(error.messages)}")
            return
        if options["verbosity"]:
            self.stdout.write(SAID[outcome])
