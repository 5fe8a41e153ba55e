"""What frames every page: the sidebar's entries and the theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from access.models import Role, Theme


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the sidebar. It is the current one under its own address and under the `sections` beside it.

    `is_for_all`: it opens also for people without a role.
    """

    title: str
    url_name: str
    icon: str
    sections: tuple[str, ...] = ()
    is_for_staff: bool = False
    is_for_all: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under one heading; the first has none."""

    title: str
    entries: tuple[Entry, ...]


# In the order of the sidebar; a page that is added gets its line here.
SECTIONS = (
    Section("", (Entry("Overview", "home", "gauge"),)),
    Section(
        "Routing",
        (
            Entry("Routing Groups", "group-list", "waypoints", sections=("/runs",)),
            Entry("Virtual Models", "virtual-list", "sparkles"),
            Entry("Routing Rules", "routing-rules", "settings"),
        ),
    ),
    Section(
        "Upstream",
        (
            Entry("Providers", "provider-list", "server"),
            Entry("Models", "model-list", "brain"),
        ),
    ),
    Section(
        "Traffic",
        (
            Entry("Usage", "usage", "chart-column"),
            Entry("Requests", "request-list", "activity", is_for_all=True),
            Entry("Alerts", "alert-list", "bell"),
        ),
    ),
    Section(
        "Access",
        (
            Entry("Teams", "team-list", "users"),
            Entry("API keys", "key-list", "key-round"),
            Entry("Credits", "credit-list", "coins"),
            Entry("People", "person-list", "user-round", is_for_staff=True),
            Entry("Own keys", "byok-list", "lock", is_for_staff=True),
        ),
    ),
    Section(
        "Reference",
        (
            Entry("API docs", "api-docs", "book-open", is_for_all=True),
            Entry("Admin", "admin:index", "shield", is_for_staff=True),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as one page shows it."""

    title: str
    url: str
    icon: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A section as one page shows it."""

    title: str
    lines: list[Line]


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor of every page."""
    blocks = [_block(section, request) for section in SECTIONS]
    return {
        "sidebar": [block for block in blocks if block.lines],
        "theme": _theme(request),
        "themes": Theme,
    }


def _block(section: Section, request: HttpRequest) -> Block:
    user = _user(request)
    return Block(section.title, [_line(entry, request.path) for entry in section.entries if _opens(entry, user)])


def _opens(entry: Entry, user: Any) -> bool:
    """Whether it leads somewhere for this person."""
    if entry.is_for_staff:
        return bool(getattr(user, "is_staff", False))
    return entry.is_for_all or getattr(user, "role", None) != Role.STRANGER


def _line(entry: Entry, path: str) -> Line:
    url = reverse(entry.url_name)
    return Line(entry.title, url, entry.icon, is_current=any(_is_under(path, s) for s in (url, *entry.sections)))


def _is_under(path: str, section: str) -> bool:
    return path == section or (section != "/" and path.startswith(section + "/"))


def _user(request: HttpRequest) -> Any:
    """Nobody where the request failed before it was known who asks."""
    return getattr(request, "user", None)


def _theme(request: HttpRequest) -> Theme:
    """What this browser remembers, else what the person chose in another one."""
    remembered = (request.COOKIES.get("theme"), getattr(_user(request), "theme", ""))
    return next((Theme(theme) for theme in remembered if theme in Theme.values), Theme.DARK)
