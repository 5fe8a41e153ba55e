"""Makes the sums behind the analytics anew from the request log."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from usage.rollups.rebuilding import rebuild


class Command(BaseCommand):
    """For a log that was changed by hand, or sums that are in doubt. The servers may go on meanwhile."""

    help = "Sums up anew the days that the request log has from beginning to end; older days stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{rebuild()} days were summed up anew.")
