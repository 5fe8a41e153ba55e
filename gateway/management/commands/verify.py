"""`manage.py verify`: checks that everything that clients can call is usable. Asks no provider."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from gateway.explain.verification import verify


class Command(BaseCommand):
    """Lists what can't be used; exits with 1 if there is anything."""

    help = "Check, without any API call, that every active virtual model, group, alias and key is usable."

    def handle(self, *_: Any, **__: Any) -> None:
        verdict = verify()
        for problem in verdict.problems:
            self.stderr.write(str(problem))
        for notice in verdict.notices:
            self.stdout.write(notice)
        looked_at = ", ".join(f"{count} {kind}" for kind, count in verdict.looked_at.items())
        self.stdout.write(f"Looked at {looked_at}: {len(verdict.problems) or 'no'} problem(s).")
        if verdict.problems:
            sys.exit(1)
