"""Recomputes the sums of the analytics from the request log."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from usage.group_traffic.tallying import count_again
from usage.rollups.rebuilding import rebuild


class Command(BaseCommand):
    """For a log that was changed by hand, or doubtful sums. The servers may keep running."""

    help = "Recomputes the sums of days that are completely in the request log, and the last two days of each group."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{rebuild()} days were recomputed.")
        count_again()
        self.stdout.write("The last two days of each group were counted again.")
