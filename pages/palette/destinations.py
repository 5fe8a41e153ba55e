"""Where the palette leads without asking the database: the pages of the console, and what can be made. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from access.models import Role
from pages.shell import ENTRIES, SidebarEntry, SidebarTab


@dataclass(frozen=True, slots=True)
class Destination:
    """A page of the console, for people of `role` and above; `words` finds it besides its title."""

    title: str
    url_name: str
    icon: str
    note: str = ""
    words: str = ""
    role: Role = Role.VIEWER
    is_for_staff: bool = False

    @property
    def url(self) -> str:
        return reverse(self.url_name)

    def has(self, text: str) -> bool:
        """Whether each word of `text` begins a word of the title, the note or `words`."""
        own = f"{self.title} {self.note} {self.words}".lower().split()
        return all(any(word.startswith(typed) for word in own) for typed in text.lower().split())


def _of_tab(entry: SidebarEntry, tab: SidebarTab) -> Destination:
    note = "" if tab.title == entry.title else entry.title
    return Destination(tab.title, tab.url_name, tab.icon, note, tab.words, tab.role)


PAGES = (
    *(_of_tab(entry, tab) for entry in ENTRIES for tab in entry.tabs),
    Destination("Account", "account", "circle-user-round", words="you own keys theme sessions", role=Role.STRANGER),
    Destination("Change password", "password", "lock", "Account", role=Role.STRANGER),
    Destination("API reference", "api-docs", "book-open", words="docs openapi swagger rest", role=Role.STRANGER),
    Destination("System admin", "admin:index", "shield", "read-only", words="django", is_for_staff=True),
)
ACTIONS = (
    Destination("New group", "group-new", "plus", words="create add routing", role=Role.OPERATOR),
    Destination("New key", "key-new", "plus", words="create add issue api"),
    Destination("Add provider", "provider-new", "plus", words="new create", role=Role.ADMIN),
    Destination("Add model", "model-new", "plus", words="new create", role=Role.ADMIN),
    Destination("New virtual model", "virtual-new", "plus", words="create add smart", role=Role.OPERATOR),
    Destination("Import groups", "group-import", "upload", words="litellm config yaml", role=Role.OPERATOR),
    Destination("Guided start", "start", "flask-conical", words="wizard first begin provider", role=Role.ADMIN),
    Destination("New team", "team-new", "plus", words="create add", role=Role.ADMIN),
    Destination("New person", "person-new", "user-plus", words="create add user invite", role=Role.ADMIN),
)


def those_of(user: Any, places: Iterable[Destination], text: str) -> list[Destination]:
    """The destinations that this person may open and that have the text; all for an empty text."""
    return [place for place in places if _opens(place, user) and place.has(text)]


def _opens(place: Destination, user: Any) -> bool:
    if place.is_for_staff:
        return bool(user.is_staff)
    return bool(user.effective_role.includes(place.role))


@dataclass(frozen=True, slots=True)
class GroupVerb:
    """What is done with a group: the page `url_name` of the group, for people of `role` and above."""

    title: str
    url_name: str
    icon: str
    words: tuple[str, ...]
    role: Role = Role.VIEWER


VERBS = (
    GroupVerb("Rehearse", "live-tester", "play", ("rehearse", "live", "tester", "simulate"), Role.OPERATOR),
    GroupVerb("Edit", "group-edit", "pencil", ("edit", "change"), Role.OPERATOR),
    GroupVerb("Runs of", "run-list", "list-ordered", ("runs",)),
    GroupVerb("Time machine of", "time-machine", "calendar-clock", ("past", "outages", "machine")),
)
SHORTEST_VERB = 3


def verb_in(text: str, role: Role) -> tuple[GroupVerb, str] | None:
    """The verb with which the text begins, and what is left of it: the name of a group, or a part of it."""
    words = text.split()
    for verb in (verb for verb in VERBS if role.includes(verb.role)):
        rest = _without(words, verb)
        if len(rest) < len(words):
            return verb, " ".join(rest)
    return None


def _without(words: list[str], verb: GroupVerb) -> list[str]:
    """The words after those that begin one of the verb's."""
    for number, word in enumerate(words):
        if len(word) < SHORTEST_VERB or not any(own.startswith(word.lower()) for own in verb.words):
            return words[number:]
    return []
