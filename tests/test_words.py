"""One word has one meaning: modules and classes of different rooms have different names, but for those listed here."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.test_architecture import ROOT, sources

# The same thing in every room that has it; `docs/architecture.md` and CONTRIBUTING say what belongs into each.
ANATOMY = {
    *("models", "rules", "actions", "api", "serializers", "exceptions", "urls"),
    *("admin", "apps", "asgi", "consumers", "forms", "views", "management"),
    "history",  # what the audit log keeps of a room's rows
}
# In these packages a module has the name of its noun: `access/models/teams.py`, `access/api/teams.py`.
BY_NOUN = {"models", "actions", "api", "forms", "commands", "templatetags"}
# Each dialect has the same modules, named for the parts of a protocol: `responses/events.py`, `messages/events.py`.
BY_NOUN |= {"responses", "messages", "anthropic"}
SHARED_MODULES = {
    # Pages have the name of what they show.
    **dict.fromkeys(("access", "groups", "providers"), "a room, and the pages about it"),
    **dict.fromkeys(("alerts", "analytics", "byok", "calibration", "credits"), "a subject, and its page"),
    **dict.fromkeys(("keys", "runs", "traces", "versions"), "a subject, and its page"),
    "own_keys": "how a call uses a person's own key, and the page where the person keeps it",
    "health": "of providers, by probes; of groups and deployments, by requests",
    "planning": "what a request would do, worked out before anything is done",
    "virtual": "virtual models: the rows, and how the engine decides",
    "live": "this process's routers, until the core replaces `gateway/live.py`; runs that are watched",
}
SHARED_CLASSES = {
    "Command": "Django's name for a management command",
    "OwnKey": "the row, and the same for the engine",
    "Strategy": "the choices of a column, and the same for the engine",
    **dict.fromkeys(("PersonField", "PriceField", "UsdField", "WordsField"), "of a form, and of a serializer"),
}


def modules() -> Iterator[tuple[str, str]]:
    """Room and name of every module and package, but for those named for their kind, or for a noun within a kind."""
    for path in sources():
        inside = path.relative_to(ROOT).with_suffix("").parts
        parts = inside[:-1] if inside[-1] == "__init__" else inside
        if parts[-1] not in ANATOMY | {"__main__"} and not BY_NOUN & set(parts[1:]):
            yield parts[0], parts[-1]


def classes() -> Iterator[tuple[str, str]]:
    """Room and name of every class that others can import."""
    for path in sources():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield path.relative_to(ROOT).parts[0], node.name


def shared(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The names that several rooms have, with those rooms."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for room, name in named:
        rooms[name].add(room)
    return {name: sorted(found) for name, found in rooms.items() if len(found) > 1}


def test_modules_of_different_rooms_have_different_names():
    assert {name: rooms for name, rooms in shared(modules()).items() if name not in SHARED_MODULES} == {}


def test_classes_of_different_rooms_have_different_names():
    assert {name: rooms for name, rooms in shared(classes()).items() if name not in SHARED_CLASSES} == {}


def test_every_exception_is_needed():
    assert set(SHARED_MODULES) == set(SHARED_MODULES) & set(shared(modules()))
    assert set(SHARED_CLASSES) == set(SHARED_CLASSES) & set(shared(classes()))
