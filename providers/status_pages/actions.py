"""Importing incidents of a status page, keeping them up to date, and forgetting a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from django.db.models import Q
from django.db.transaction import atomic
from django.utils import timezone

from engine.exceptions import BadInput
from engine.history.incidents import Incident
from engine.history.page_reader import StatusReport, Unread, read_status_page
from lib.authors import Author
from providers.status_pages.fetching import address_of_page, fetched
from providers.status_pages.models import ReportedIncident, StatusPage

log = structlog.get_logger(__name__)

LONGEST_URL = 512
BATCH = 500
OVERLAP = (
    "{count} incidents began while another was open. Of those that are open at once, the one with the highest impact "
    "counts."
)
OPEN = "{count} incidents are still open: they last until now."


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed, counted in incidents of services."""

    page: StatusPage
    added: int
    changed: int
    unchanged: int
    unread: tuple[Unread, ...]
    notes: tuple[str, ...]
    services: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The counts, and what was left out."""
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "services": list(self.services),
            "skipped": [{"incident": one.incident, "why": one.why} for one in self.unread],
            "notes": list(self.notes),
        }


def import_from_url(*, by: Author, url: str, name: str = "") -> Imported:
    """Reads a page at its address, which is kept; raises BadInput, and then nothing is changed."""
    if not 0 < len(url) <= LONGEST_URL or not url.isprintable() or " " in url:
        raise BadInput("url", f"Give a URL such as https://status.example.com, of at most {LONGEST_URL} characters.")
    try:
        address = address_of_page(url)
    except ValueError:
        raise BadInput("url", "Give a URL such as https://status.example.com.") from None
    content = async_to_sync(fetched)(address)
    return import_content(by=by, content=content, name=name, url=address)


def import_content(*, by: Author, content: str | bytes, name: str = "", url: str = "") -> Imported:
    """Reads the JSON of a page; raises BadInput, and then nothing is changed."""
    now = timezone.now()
    try:
        report = read_status_page(content, now=now, name=name)
    except BadInput as error:
        field = "url" if url and error.field == "content" else error.field
        raise BadInput(field, error.message) from None
    imported = _kept(report, url, now)
    log.info("incidents imported", page=report.name, added=imported.added, changed=imported.changed, by=by.name)
    return imported


@atomic
def _kept(report: StatusReport, url: str, now: datetime) -> Imported:
    """Adds and changes; what the page has forgotten stays."""
    page, _ = StatusPage.objects.get_or_create(name=report.name)
    page = StatusPage.objects.select_for_update().get(pk=page.pk)
    if url:
        page.url, page.refreshed_at, page.error = url, now, ""
        page.save(update_fields=["url", "refreshed_at", "error"])
    known = {(row.external_id, row.service): row for row in page.incidents.all()}
    added, changed = list[ReportedIncident](), list[ReportedIncident]()
    for one in report.incidents:
        told = one.incident
        values = {"start": told.start, "end": told.end, "impact": told.impact}
        if (row := known.get((one.external_id, told.service))) is None:
            added.append(ReportedIncident(page=page, external_id=one.external_id, service=told.service, **values))
        elif any(getattr(row, field) != value for field, value in values.items()):
            row.start, row.end, row.impact = told.start, told.end, told.impact
            changed.append(row)
    ReportedIncident.objects.bulk_create(added, batch_size=BATCH)
    ReportedIncident.objects.bulk_update(changed, ["start", "end", "impact"], batch_size=BATCH)
    unchanged = len(report.incidents) - len(added) - len(changed)
    return Imported(page, len(added), len(changed), unchanged, report.unread, _notes(report), report.services)


def _notes(report: StatusReport) -> tuple[str, ...]:
    still = sum(one.incident.service == report.name and one.incident.end is None for one in report.incidents)
    told = ((OVERLAP, report.overlapping), (OPEN, still))
    return tuple(text.format(count=count) for text, count in told if count)


def refresh(page: StatusPage, *, by: Author) -> Imported:
    """Reads a page at its address again; raises BadInput, which is also kept with the page."""
    if not page.url:
        raise BadInput("url", "This page has no address: its incidents came as a file. Import a newer file.")
    try:
        return import_content(by=by, content=async_to_sync(fetched)(page.url), name=page.name, url=page.url)
    except BadInput as error:
        StatusPage.objects.filter(pk=page.pk).update(error=error.message[:512], refreshed_at=timezone.now())
        raise


@atomic
def forget(page: StatusPage, *, by: Author) -> None:
    """Deletes a page with its incidents."""
    name = page.name
    page.delete()
    log.info("status page deleted", page=name, by=by.name)


def claim_due(*, interval_s: float) -> list[StatusPage]:
    """The pages whose turn it is; each is given to one process only."""
    now = timezone.now()
    due = Q(refreshed_at=None) | Q(refreshed_at__lte=now - timedelta(seconds=interval_s))
    rows = StatusPage.objects.filter(due).exclude(url="")
    return [row for row in rows if _is_mine(row, now)]


def _is_mine(row: StatusPage, now: datetime) -> bool:
    return bool(StatusPage.objects.filter(pk=row.pk, refreshed_at=row.refreshed_at).update(refreshed_at=now))


def stored_incidents() -> tuple[Incident, ...]:
    """All that is kept, oldest first; one query."""
    rows = ReportedIncident.objects.order_by("start", "pk").values_list("service", "start", "end", "impact")
    return tuple(Incident(*row) for row in rows)
