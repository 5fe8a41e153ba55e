"""`manage.py import_incidents URL_OR_FILE`: incidents of a status page for the outage time machine."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.exceptions import BadInput
from engine.history.page_reader import MOST_BYTES
from providers.models import StatusPage
from providers.status_pages import actions
from providers.status_pages.actions import Imported

BAD_INPUT = 2
SHOWN = 20


@dataclass(frozen=True, slots=True)
class _CommandLine:
    """The author in the log for imports made here."""

    name: str = "command-line"


class Command(BaseCommand):
    """Adds and changes incidents; those that the page has forgotten stay."""

    help = "Imports the incidents of a status page (its incidents.json) for the outage time machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "source", nargs="?", metavar="URL_OR_FILE", help="a page's address, or a file; - is the input"
        )
        what.add_argument("--refresh", action="store_true", help="ask all pages that have an address again")
        parser.add_argument("--name", default="", help="name of the service (default: the page's own name)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["refresh"]:
            self._refresh()
            return
        try:
            self._tell(_imported(options["source"], options["name"]))
        except BadInput as error:
            raise CommandError(f"Nothing was changed. {error.field}: {error.message}", returncode=BAD_INPUT) from None

    def _refresh(self) -> None:
        failed = 0
        for page in StatusPage.objects.exclude(url=""):
            try:
                self._tell(actions.refresh(page, by=_CommandLine()))
            except BadInput as error:
                failed += 1
                self.stderr.write(f"{page.name}: {error.message}")
        if failed:
            raise CommandError(f"{failed} pages were not read; their incidents are as before.", returncode=BAD_INPUT)

    def _tell(self, imported: Imported) -> None:
        counts = f"{imported.added} added, {imported.changed} changed, {imported.unchanged} as before"
        self.stdout.write(f"{imported.page.name}: {counts}. Services: {', '.join(imported.services) or 'none'}.")
        for note in imported.notes:
            self.stdout.write(note)
        for one in imported.unread[:SHOWN]:
            self.stderr.write(f"Left out: {one.incident}: {one.why}")
        if (more := len(imported.unread) - SHOWN) > 0:
            self.stderr.write(f"Left out: {more} more.")


def _imported(source: str, name: str) -> Imported:
    if "://" in source:
        return actions.import_from_url(by=_CommandLine(), url=source, name=name)
    path = Path("/dev/stdin" if source == "-" else source)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput("file", f"{source} can't be read: {error.strerror}.") from None
    return actions.import_content(by=_CommandLine(), content=content, name=name)
