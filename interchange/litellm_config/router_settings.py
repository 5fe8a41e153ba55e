"""`router_settings` and `litellm_settings` -> settings of our groups.

Pure. An unreadable value is named in the remarks, and the rest counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from engine.spec import RetryPolicy
from groups.config_checks import COOLDOWN, RETRY
from interchange.bundle import Remark, named
from interchange.litellm_config.document import mapping, number, sequence, text
from interchange.litellm_config.fallbacks import EVERY, aliases_of, fallbacks_of
from interchange.litellm_config.litellm_names import ALSO_IN_LITELLM_SETTINGS, FALLBACKS, PER_ROUTER, STRATEGIES
from interchange.litellm_config.rooms import GENERAL, ROUTER, Rooms
from interchange.litellm_config.tracked_mapping import Fields

DEFAULTS = RetryPolicy()
NUMBERS = {"retry_config": RETRY, "cooldown_config": COOLDOWN}
ROOMS = frozenset({"model_list", ROUTER, GENERAL, "credential_list"})
WHY = {
    "retry_policy": "Retries for each kind of error are left out: one num_retries counts for all.",
    "model_group_retry_policy": "Retries for each kind of error are left out: one num_retries counts for all.",
    "allowed_fails_policy": "Failures allowed for each kind of error are left out: one allowed_fails counts for all.",
    "drop_params": "Not a setting here: what a provider does not take is dropped, and the answer says so.",
    "include": "The files it includes are not read; import them too.",
}


@dataclass(frozen=True, slots=True)
class NamedStrategy:
    """An entry of `routing_groups`: a strategy for some model names, also callable under its own name."""

    name: str
    models: tuple[str, ...]
    strategy: str
    priorities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """The settings of all groups, of some, and what was left out.

    `strategy` is LiteLLM's name. `fallbacks`: our kind -> group -> its fallbacks; `*` is for groups without their own.
    """

    strategy: str
    named: tuple[NamedStrategy, ...]
    configs: Mapping[str, Mapping[str, Any]]
    fallbacks: Mapping[str, Mapping[str, tuple[str, ...]]]
    aliases: Mapping[str, str]
    has_stream_timeout: bool
    remarks: tuple[Remark, ...]

    def fall_back(self, group: str) -> dict[str, list[str]]:
        """The `fallback_config` of a group."""
        found = {kind: self._steps(of, group) for kind, of in self.fallbacks.items()}
        return {kind: names for kind, names in found.items() if names}

    def _steps(self, of: Mapping[str, tuple[str, ...]], group: str) -> list[str]:
        names = of[group] if group in of else tuple(name for name in of.get(EVERY, ()) if name != group)
        return list(dict.fromkeys(self.aliases.get(name, name) for name in names))


def settings_of(document: Mapping[str, Any]) -> RouterSettings:
    """The settings of a whole file."""
    rooms = Rooms(document)
    strategy = rooms.tried(lambda: rooms.router.text("routing_strategy"), "")
    rooms.router.get("enable_weighted_failover")
    found = RouterSettings(
        strategy=strategy or "simple-shuffle",
        named=tuple(_named(rooms)),
        configs=_configs(rooms),
        fallbacks={kind: fallbacks_of(rooms, name) for kind, name in FALLBACKS.items()},
        aliases=aliases_of(rooms),
        has_stream_timeout="stream_timeout" in rooms.router,
        remarks=(),
    )
    remarks = (*rooms.remarks, *_left_out(rooms), *_of_the_proxy(document), *_silent(rooms))
    return replace(found, remarks=remarks)


def _left_out(rooms: Rooms) -> Iterator[Remark]:
    for room in (rooms.router, rooms.general):
        for name, why in WHY.items():
            if name in room:
                room.get(name)
                yield Remark(f"{room.place}.{name}", why)
        yield from room.left_out(room.place)


def _of_the_proxy(document: Mapping[str, Any]) -> Iterator[Remark]:
    """Sections for the proxy itself, each with its content."""
    for section, value in document.items():
        if section in ROOMS:
            continue
        if section in WHY:
            yield Remark(section, WHY[section])
        elif isinstance(value, Mapping) and value:
            yield from named(str(section)[:80], "About the proxy itself, left out:", [str(key) for key in value])
        else:
            yield Remark(str(section)[:80], "About the proxy itself, left out.")


def _silent(rooms: Rooms) -> Iterator[Remark]:
    """Different defaults, where the file has no value."""
    if "timeout" not in rooms.router and "request_timeout" not in rooms.general:
        yield Remark("timeout", f"Not set: an attempt may take {DEFAULTS.timeout_s:g} s here (LiteLLM: 6000 s).")


def _configs(rooms: Rooms) -> dict[str, dict[str, Any]]:
    """The settings that differ from our defaults, as `retry_config` and `cooldown_config`."""
    configs: dict[str, dict[str, Any]] = {name: {} for name in PER_ROUTER}
    for config, names in PER_ROUTER.items():
        for key, name in names.items():
            room, spelled = rooms.said(name, ALSO_IN_LITELLM_SETTINGS.get(name, name))
            value = rooms.tried(partial(room.number, spelled), None)
            if value is None or value == _default(key):
                continue
            try:
                configs[config][key] = NUMBERS[config][key].check(key, value)
            except ValidationError as error:
                rooms.remarks.append(Remark(room.at(spelled), f"{' '.join(error.messages)} Left out."))
    return configs


def _default(key: str) -> float | int | None:
    return getattr(DEFAULTS, key, None)


def _named(rooms: Rooms) -> Iterator[NamedStrategy]:
    given = rooms.router.get("routing_groups")
    nothing: list[Any] = []
    rows = rooms.tried(lambda: sequence(given, rooms.router.at("routing_groups")), nothing)
    for position, row in enumerate(rows):
        place = f"{ROUTER}.routing_groups[{position}]"
        if one := rooms.tried(partial(_one_named, rooms, row, place), None):
            yield one


def _one_named(rooms: Rooms, row: Any, place: str) -> NamedStrategy:
    fields = Fields(row, place)
    models = [text(model, f"{place}.models") for model in sequence(fields.get("models"), f"{place}.models")]
    found = NamedStrategy(
        name=fields.text("group_name"),
        models=tuple(dict.fromkeys(models)),
        strategy=fields.text("routing_strategy"),
        priorities=_priorities(fields),
    )
    rooms.remarks += fields.left_out(place)
    return found


def _priorities(row: Fields) -> dict[str, int]:
    place = row.at("model_priorities")
    given = mapping(row.get("model_priorities"), place)
    found = {name: number(value, f"{place}.{name[:80]}", low=1) for name, value in given.items()}
    return {name: int(value) for name, value in found.items() if value is not None}


def strategy_of(word: str) -> str | None:
    """Our strategy for LiteLLM's name, or None without an equivalent."""
    return STRATEGIES.get(word)
