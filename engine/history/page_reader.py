"""A status page's own JSON -> incidents of its services: the common `incidents.json` of Statuspage and its likes.

What can't be read is told with the reason, and the rest is read all the same. No text of the page is kept, but for the
names of its components, as words like `acme-api`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from engine import fields
from engine.exceptions import BadInput
from engine.history.incidents import IMPACT_SHARES, MOST_INCIDENTS, Incident, moment_of

FIELD = "content"
MOST_BYTES = 5 * 1024 * 1024
MOST_COMPONENTS = 200
LONGEST_NAME = 64
LONGEST_ID = 64
OVER = ("resolved", "postmortem", "completed")
SHAPE = 'Give the incidents.json of a status page: {"page": {"name": …}, "incidents": [{"id", "created_at", …}]}.'


@dataclass(frozen=True, slots=True)
class ReadIncident:
    """One incident of one service, by the id that the page gave it."""

    external_id: str
    incident: Incident


@dataclass(frozen=True, slots=True)
class Unread:
    """An incident that was left out, by its id or its number, and why."""

    incident: str
    why: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a page told. Each incident counts for the page as a whole, the service `name`, and for each component."""

    name: str
    incidents: tuple[ReadIncident, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """Those that had an incident, in order."""
        return tuple(sorted({one.incident.service for one in self.incidents}))

    @property
    def overlapping(self) -> int:
        """How many incidents of the page as a whole began before another one was over."""
        whole = sorted(
            (one.incident for one in self.incidents if one.incident.service == self.name), key=lambda one: one.start
        )
        count, until = 0, None
        for one in whole:
            count += until is not None and one.start < until
            ends = datetime.max.replace(tzinfo=one.start.tzinfo) if one.end is None else one.end
            until = ends if until is None else max(until, ends)
        return count


def read_status_page(content: str | bytes, *, now: datetime, name: str = "") -> StatusReport:
    """The incidents of a page, under the page's own name or the given one; raises BadInput if it is no such JSON."""
    rows, page = _document(content)
    if not (word := word_of(name or page)):
        raise BadInput("name", "The page has no name of its own. Give one, such as acme.")
    found: dict[tuple[str, str], ReadIncident] = {}
    unread = list[Unread]()
    for number, row in enumerate(rows):
        try:
            for one in _reported(row, word, now):
                found[one.external_id, one.incident.service] = one
        except BadInput as error:
            part = f"{error.field}: " if error.field else ""
            unread.append(Unread(_label(row, number), part + error.message))
    return StatusReport(word, tuple(found.values()), tuple(unread))


def word_of(name: object) -> str:
    """`Acme AI · API` as `acme-ai-api`; empty without letters or digits."""
    plain = unicodedata.normalize("NFKD", name if isinstance(name, str) else "").encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()[: 4 * LONGEST_NAME]).strip("-")[:LONGEST_NAME].strip("-")


def _document(content: str | bytes) -> tuple[list[Any], object]:
    """The incidents and the page's name."""
    size = len(content) if isinstance(content, bytes) else len(content.encode(errors="replace"))
    if size > MOST_BYTES:
        raise BadInput(FIELD, f"This is larger than {MOST_BYTES // 1024**2} MB.")
    try:
        data = from_json(content)
    except ValueError:
        raise BadInput(FIELD, f"This is not JSON. {SHAPE}") from None
    rows = data.get("incidents") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(rows, list):
        raise BadInput(FIELD, SHAPE)
    if len(rows) > MOST_INCIDENTS:
        raise BadInput(FIELD, f"These are {len(rows):,} incidents; the most are {MOST_INCIDENTS:,}.")
    page = data.get("page")
    return rows, page.get("name") if isinstance(page, Mapping) else None


def _reported(row: object, page: str, now: datetime) -> Iterator[ReadIncident]:
    """The incident of the page as a whole, and of each of its components."""
    if not isinstance(row, Mapping):
        raise BadInput("", "This is no object.")
    external_id = _id_of(row)
    start, end = _times(row, now)
    impact = fields.choice(tuple(IMPACT_SHARES), row.get("impact"), "impact")
    for service in _services(row, page):
        yield ReadIncident(external_id, Incident(service, start, end, impact))


def _times(row: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime | None]:
    """Without an end, one that is not over."""
    began = row.get("started_at") or row.get("created_at")
    if began is None:
        raise BadInput("created_at", "This is needed.")
    start = moment_of(began, "started_at" if row.get("started_at") else "created_at")
    if start > now:
        raise BadInput("created_at", "This is in the future. Only what has happened can be rehearsed.")
    ended = row.get("resolved_at")
    if ended is None and row.get("status") in OVER and (ended := row.get("updated_at")) is None:
        raise BadInput("resolved_at", "It is over, and nothing says since when.")
    end = None if ended is None else moment_of(ended, "resolved_at")
    if end is not None and end <= start:
        raise BadInput("resolved_at", "It ends before it begins.")
    if end is not None and end > now:
        raise BadInput("resolved_at", "This is in the future.")
    return start, end


def _services(row: Mapping[str, Any], page: str) -> Iterator[str]:
    components = row.get("components") or []
    if not isinstance(components, list) or len(components) > MOST_COMPONENTS:
        raise BadInput("components", f"Give a list of at most {MOST_COMPONENTS}.")
    names = [word_of(one.get("name")) for one in components if isinstance(one, Mapping)]
    yield from dict.fromkeys((page, *(f"{page}-{name}" for name in names if name)))


def _id_of(row: Mapping[str, Any]) -> str:
    given = row.get("id")
    if not isinstance(given, str | int) or isinstance(given, bool) or not (text := str(given)).isprintable():
        raise BadInput("id", "Give the id that the page has for it.")
    if not 0 < len(text) <= LONGEST_ID:
        raise BadInput("id", f"Give 1 to {LONGEST_ID} characters.")
    return text


def _label(row: object, number: int) -> str:
    """How to find it in the file again."""
    try:
        return _id_of(row) if isinstance(row, Mapping) else f"number {number + 1}"
    except BadInput:
        return f"number {number + 1}"
