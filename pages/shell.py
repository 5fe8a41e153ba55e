"""The frame of every page: the sidebar and the theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from access.models import Role, Theme


@dataclass(frozen=True, slots=True)
class SidebarEntry:
    """A line of the sidebar. It is current at its own URL and at those in `sections`.

    `is_for_all`: also for people without a role.
    """

    title: str
    url_name: str
    icon: str
    sections: tuple[str, ...] = ()
    is_for_staff: bool = False
    is_for_all: bool = False


@dataclass(frozen=True, slots=True)
class SidebarSection:
    """Entries under one heading; the first has none."""

    title: str
    entries: tuple[SidebarEntry, ...]


# In the order of the sidebar; a new page gets its line here.
SECTIONS = (
    SidebarSection("", (SidebarEntry("Overview", "home", "gauge"),)),
    SidebarSection(
        "Routing",
        (
            SidebarEntry("Routing Groups", "group-list", "waypoints", sections=("/runs",)),
            SidebarEntry("Virtual Models", "virtual-list", "sparkles"),
            SidebarEntry("Routing Rules", "routing-rules", "settings"),
        ),
    ),
    SidebarSection(
        "Upstream",
        (
            SidebarEntry("Providers", "provider-list", "server"),
            SidebarEntry("Models", "model-list", "brain"),
        ),
    ),
    SidebarSection(
        "Traffic",
        (
            SidebarEntry("Usage", "usage", "chart-column"),
            SidebarEntry("Requests", "request-list", "activity", is_for_all=True),
            SidebarEntry("Alerts", "alert-list", "bell"),
        ),
    ),
    SidebarSection(
        "Access",
        (
            SidebarEntry("Teams", "team-list", "users"),
            SidebarEntry("API keys", "key-list", "key-round"),
            SidebarEntry("Credits", "credit-list", "coins"),
            SidebarEntry("People", "person-list", "user-round", is_for_staff=True),
            SidebarEntry("BYOK", "byok-list", "lock", is_for_staff=True),
        ),
    ),
    SidebarSection(
        "Reference",
        (
            SidebarEntry("API docs", "api-docs", "book-open", is_for_all=True),
            SidebarEntry("Admin", "admin:index", "shield", is_for_staff=True),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class SidebarLine:
    """An entry on one page."""

    title: str
    url: str
    icon: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A section on one page."""

    title: str
    lines: list[SidebarLine]


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor of every page."""
    blocks = [_block(section, request) for section in SECTIONS]
    return {
        "sidebar": [block for block in blocks if block.lines],
        "theme": _theme(request),
        "themes": Theme,
    }


def _block(section: SidebarSection, request: HttpRequest) -> Block:
    user = _user(request)
    return Block(section.title, [_line(entry, request.path) for entry in section.entries if _opens(entry, user)])


def _opens(entry: SidebarEntry, user: Any) -> bool:
    """Whether this person may open it."""
    if entry.is_for_staff:
        return bool(getattr(user, "is_staff", False))
    return entry.is_for_all or getattr(user, "role", None) != Role.STRANGER


def _line(entry: SidebarEntry, path: str) -> SidebarLine:
    url = reverse(entry.url_name)
    return SidebarLine(entry.title, url, entry.icon, is_current=any(_is_under(path, s) for s in (url, *entry.sections)))


def _is_under(path: str, section: str) -> bool:
    return path == section or (section != "/" and path.startswith(section + "/"))


def _user(request: HttpRequest) -> Any:
    """The user; anonymous if the request failed before authentication."""
    return getattr(request, "user", None)


def _theme(request: HttpRequest) -> Theme:
    """The theme of this browser, else the one that the person chose in another browser."""
    remembered = (request.COOKIES.get("theme"), getattr(_user(request), "theme", ""))
    return next((Theme(theme) for theme in remembered if theme in Theme.values), Theme.DARK)
