"""`manage.py check_credits`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access.credits import ledger_differences
from access.models import Account


class Command(BaseCommand):
    """Checks that every ledger adds up."""

    help = "Checks that every balance is the sum of its movements, and what is held that of its holds; else fails."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = list(ledger_differences())
        for found in wrong:
            self.stderr.write(
                f"{found.account}: balance {found.balance}, movements {found.moved}; "
                f"held {found.held}, holds {found.holds} (nano-dollars)"
            )
        if wrong:
            raise CommandError(f"{len(wrong)} accounts don't add up.")
        self.stdout.write(f"{Account.objects.count()} accounts add up.")
