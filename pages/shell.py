"""The frame of every page: the sidebar, the tabs of its entries, and the theme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from access.models import Role, Theme
from usage.models import Alert


@dataclass(frozen=True, slots=True)
class SidebarTab:
    """A page of an entry, for people of `role` and above.

    `count_id` is the id of an element beside the title, which a part of the page fills later; by `words` the palette
    finds it besides its title.
    """

    title: str
    url_name: str
    icon: str
    role: Role = Role.VIEWER
    count_id: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class SidebarEntry:
    """A line of the sidebar. It leads to the first of its tabs that the person may open.

    It is current at the addresses of its tabs, at those in `sections`, and at all below them.
    """

    title: str
    icon: str
    tabs: tuple[SidebarTab, ...]
    sections: tuple[str, ...] = ()


# In the order of the sidebar; a new page gets its line here.
ENTRIES = (
    SidebarEntry("Overview", "gauge", (SidebarTab("Overview", "home", "gauge"),)),
    SidebarEntry(
        "Groups",
        "waypoints",
        (SidebarTab("Groups", "group-list", "waypoints"),),
        sections=("/runs", "/time-machine"),
    ),
    SidebarEntry(
        "Smart routing",
        "sparkles",
        (
            SidebarTab("Virtual models", "virtual-list", "sparkles"),
            SidebarTab("Playground", "playground-tab", "flask-conical", words="try score message"),
            SidebarTab("Rules", "routing-rules", "settings", words="auto aliases fallbacks power levels"),
        ),
    ),
    SidebarEntry(
        "Providers",
        "server",
        (
            SidebarTab("Providers", "provider-list", "server"),
            SidebarTab("Models", "model-list", "brain"),
            SidebarTab("Cooldowns", "cooldown-list", "snowflake"),
            SidebarTab("Price updates", "catalog-news", "refresh-cw", count_id="news-count"),
            SidebarTab("Status pages", "status-page-list", "inbox"),
        ),
    ),
    SidebarEntry(
        "Traffic",
        "activity",
        (
            SidebarTab("Requests", "request-list", "activity", role=Role.STRANGER, words="log calls"),
            SidebarTab("Usage", "usage", "chart-column", words="tokens analytics success"),
            SidebarTab("Cost", "usage-cost", "dollar-sign", words="spend spending money"),
            SidebarTab("Your usage", "my-usage", "user-round", role=Role.STRANGER, words="my cost"),
        ),
    ),
    SidebarEntry(
        "Alerts",
        "bell",
        (
            SidebarTab("Open", "alert-list", "bell", words="incidents trouble"),
            SidebarTab("Resolved", "alerts-resolved", "circle-check", words="alerts incidents past"),
            SidebarTab("Rules", "alert-rules", "gauge", words="alerts thresholds"),
            SidebarTab("Channels", "alert-channels", "send", words="webhook slack e-mail quiet hours"),
        ),
    ),
    SidebarEntry(
        "Access",
        "key-round",
        (
            SidebarTab("API keys", "key-list", "key-round"),
            SidebarTab("Teams", "team-list", "users"),
            SidebarTab("People", "person-list", "user-round", role=Role.ADMIN, words="users roles"),
            SidebarTab("Credits", "credit-list", "coins", words="budget caps"),
            SidebarTab("BYOK", "byok-list", "lock", role=Role.ADMIN, words="own keys bring"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class TabLine:
    """A tab on one page."""

    title: str
    url: str
    icon: str
    is_current: bool
    count_id: str


@dataclass(frozen=True, slots=True)
class SidebarLine:
    """An entry on one page. `count`, asked when it is drawn, is the number beside it; none for 0."""

    title: str
    url: str
    icon: str
    is_current: bool
    tabs: tuple[TabLine, ...]
    count: Callable[[], int]


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor of every page."""
    lines = sidebar_of(_user(request), request.path)
    return {
        "sidebar": lines,
        "sidebar_entry": next((line for line in lines if line.is_current), None),
        "theme": _theme(request),
        "themes": Theme,
    }


def sidebar_of(user: Any, path: str) -> list[SidebarLine]:
    """The entries that this person may open, as drawn at this address."""
    role = getattr(user, "effective_role", Role.STRANGER)
    return [line for entry in ENTRIES if (line := _line(entry, role, path))]


def _line(entry: SidebarEntry, role: Role, path: str) -> SidebarLine | None:
    urls = {tab: reverse(tab.url_name) for tab in entry.tabs if role.includes(tab.role)}
    if not urls:
        return None
    # The longest address that leads here: /models/news is a tab of its own, not a page below /models.
    here = max((url for url in urls.values() if _is_under(path, url)), key=len, default="")
    tabs = tuple(TabLine(tab.title, url, tab.icon, url == here, tab.count_id) for tab, url in urls.items())
    is_current = bool(here) or any(_is_under(path, section) for section in entry.sections)
    return SidebarLine(entry.title, tabs[0].url, entry.icon, is_current, tabs, _count_of(entry))


def _count_of(entry: SidebarEntry) -> Callable[[], int]:
    return _open_alerts if entry.title == "Alerts" else _no_count


def _open_alerts() -> int:
    return Alert.objects.open().count()


def _no_count() -> int:
    return 0


def _is_under(path: str, section: str) -> bool:
    return path == section or (section != "/" and path.startswith(section + "/"))


def _user(request: HttpRequest) -> Any:
    """The user; anonymous if the request failed before authentication."""
    return getattr(request, "user", None)


def _theme(request: HttpRequest) -> Theme:
    """The theme of this browser, else the one that the person chose in another browser."""
    remembered = (request.COOKIES.get("theme"), getattr(_user(request), "theme", ""))
    return next((Theme(theme) for theme in remembered if theme in Theme.values), Theme.DARK)
