"""Which tests start servers, seen from what they and their fixtures call, and which of them share one.

Each gets its marker here, so that none is forgotten: `server`, `proxy`, `e2e`, and the group of tests that
pytest-xdist gives to one worker.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, ModuleType
from typing import Any

import pytest
from _pytest.nodeid import coerce_node_id

from tests import databases, servers, services

STARTERS = frozenset(inspect.unwrap(one) for one in (servers.running, services.own_postgres, services.valkey))
FOLDERS = ("proxy", "e2e")
# pytest-django lets no test without one of these at the database.
DATABASE = frozenset({"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"})
# Parametrized over sets, a test has its cases in another order in each worker.
HASH_SEED = "PYTHONHASHSEED"
# A fresh one in a parameter would give the case another name in each worker.
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pytest_configure(config: pytest.Config) -> None:
    """Before the workers start: what they share."""
    databases.share_templates()
    if not hasattr(config, "workerinput"):
        os.environ.setdefault(HASH_SEED, "0")


def pytest_make_parametrize_id(val: object) -> str | None:
    """The same name of a case in every worker."""
    return UUID.sub("uuid", val) if isinstance(val, str) and UUID.search(val) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before the selection by marker."""
    for item in items:
        for folder in FOLDERS:
            if folder in item.path.parts:
                item.add_marker(folder)
        if isinstance(item, pytest.Function) and _starts_a_server(item):
            item.add_marker("server")
        if _is_stored(item):
            item.add_marker("stored")
        if _shares(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if config.getoption("loadgroup", False):
            _name_group(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that is not known to start a server can't."""
    servers.unmarked_test = None if item.get_closest_marker("server") else item.nodeid


def _name_group(item: pytest.Item) -> None:
    """What pytest-xdist 3.8 does itself, where pytest 9.2 no longer sees it: the group goes behind the test's id."""
    if mark := item.get_closest_marker("xdist_group"):
        setattr(item, "_id", coerce_node_id(f"{item.nodeid}@{mark.args[0]}"))  # noqa: B010


def _is_stored(item: pytest.Item) -> bool:
    """Whether it makes a difference to a test which database and which Redis there is."""
    if item.get_closest_marker("once"):
        return False
    has_marker = any(item.get_closest_marker(name) for name in ("django_db", "server"))
    return has_marker or not DATABASE.isdisjoint(getattr(item, "fixturenames", ()))


def _fixtures(item: pytest.Item) -> Iterator[Any]:
    found: dict[str, Any] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    for definitions in found.values():
        yield from definitions


def _starts_a_server(item: pytest.Function) -> bool:
    return reaches(item.function) or any(reaches(one.func) for one in _fixtures(item))


def _shares(item: pytest.Item) -> bool:
    """Whether a server of its module, or of the whole run, is among its fixtures."""
    return any(one.scope in ("module", "session") and reaches(one.func) for one in _fixtures(item))


@cache
def reaches(function: Callable[..., Any]) -> bool:
    """Whether a function of the tests starts a server, itself or through others of the tests."""
    return inspect.unwrap(function) in STARTERS or any(one in STARTERS for one in _called(function))


def _called(function: Callable[..., Any]) -> set[Any]:
    """All functions of the tests that this one can come to."""
    found: set[Any] = set()
    ahead = [inspect.unwrap(function)]
    while ahead:
        for one in _named(ahead.pop()):
            if one not in found:
                found.add(one)
                ahead.append(one)
    return found


def _named(function: Any) -> Iterator[Any]:
    """The functions of the tests that its code names, unwrapped."""
    names = set(_names(function.__code__)) if inspect.isfunction(function) else set()
    places = [function.__globals__] if names else []
    places += [vars(place) for name in names if isinstance(place := function.__globals__.get(name), ModuleType)]
    for place in places:
        for name in names & place.keys():
            one = inspect.unwrap(place[name]) if callable(place[name]) else None
            if inspect.isfunction(one) and one.__module__.partition(".")[0] in ("tests", "bench"):
                yield one


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
