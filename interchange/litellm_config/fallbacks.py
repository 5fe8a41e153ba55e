"""Fallbacks and aliases of a LiteLLM file: names of groups that lead to other groups. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from groups.config_checks import MAX_FALLBACK_GROUPS
from interchange.bundle import Remark
from interchange.litellm_config.document import mapping, sequence
from interchange.litellm_config.litellm_names import FALLBACKS
from interchange.litellm_config.rooms import Rooms
from interchange.litellm_config.tracked_mapping import Fields
from interchange.places import wrong

# The fallbacks under this name apply to groups without fallbacks of their own.
EVERY = "*"
NOBODY: tuple[str, ...] = ()


def fallbacks_of(rooms: Rooms, name: str) -> dict[str, tuple[str, ...]]:
    """Group -> the names it falls back to."""
    room, name = rooms.said(name)
    found: dict[str, tuple[str, ...]] = {}
    nothing: list[tuple[str, str, Any]] = []
    for place, group, value in rooms.tried(lambda: list(_pairs(room.get(name), room.at(name))), nothing):
        if names := rooms.tried(partial(_names, value, place), NOBODY):
            found[group] = tuple(dict.fromkeys((*found.get(group, ()), *names)))
    if name == FALLBACKS["fallback_groups"]:
        found.update(_default_fallbacks(rooms, is_said=EVERY in found))
    return {group: _few_enough(rooms, room.at(name), group, names) for group, names in found.items()}


def _pairs(value: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """`[{a: [b, c]}, {d: e}]`, or `{a: [b, c], d: e}`, one by one, with their places."""
    rows = [value] if isinstance(value, Mapping) else sequence(value, place)
    for position, row in enumerate(rows):
        here = f"{place}[{position}]"
        for group, names in mapping(row, here).items():
            yield f"{here}.{group[:80]}", group, names


def _names(value: Any, place: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else sequence(value, place)
    if not all(isinstance(name, str) for name in names):
        raise wrong(place, "Give a list of model names; fallbacks with a request of their own are not supported.")
    return tuple(names)


def _default_fallbacks(rooms: Rooms, *, is_said: bool) -> dict[str, tuple[str, ...]]:
    """`default_fallbacks` is LiteLLM's other spelling of `{"*": …}`."""
    room, name = rooms.said("default_fallbacks")
    names = rooms.tried(lambda: _names(room.get(name) or [], room.at(name)), NOBODY)
    if names and is_said:
        rooms.remarks.append(Remark(room.at(name), "Left out: fallbacks has its own for all models, '*'."))
    return {EVERY: names} if names and not is_said else {}


def _few_enough(rooms: Rooms, place: str, group: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > MAX_FALLBACK_GROUPS:
        rest = ", ".join(name[:80] for name in names[MAX_FALLBACK_GROUPS:])
        rooms.remarks.append(
            Remark(place, f"Of {group[:80]} the first {MAX_FALLBACK_GROUPS} are kept, left out: {rest[:500]}.")
        )
    return names[:MAX_FALLBACK_GROUPS]


def aliases_of(rooms: Rooms) -> dict[str, str]:
    """`{alias: group}` or `{alias: {model: group, hidden: true}}`."""
    room, name = rooms.said("model_group_alias")
    given = rooms.tried(lambda: room.inner(name), Fields({}, ""))
    found = {alias: rooms.tried(partial(_target, given, alias, rooms), "") for alias in given}
    return {alias: target for alias, target in found.items() if target}


def _target(given: Fields, alias: str, rooms: Rooms) -> str:
    if not isinstance(given.get(alias), Mapping):
        return given.text(alias)
    item = given.inner(alias)
    target = item.text("model")
    rooms.remarks += item.left_out(item.place)
    return target
