"""`retry_config`, `cooldown_config`, `fallback_config`, `settings`: dicts from outside -> checked dicts and policies.

Pure. Times are seconds. An absent key, or null, is the engine's default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from engine.spec import CooldownPolicy, FallbackPolicy, RetryPolicy, Router

Graph = Mapping[str, Iterable[str]]


def find_cycle(graph: Graph, start: str) -> list[str] | None:
    """The shortest path from a group back to itself, both ends included (`[a, b, a]`), or None."""
    came_from: dict[str, str] = {}
    queue = [start]
    for here in queue:
        for there in graph.get(here, ()):
            if there == start:
                return _way_back(came_from, start, here)
            if there not in came_from:
                came_from[there] = here
                queue.append(there)
    return None


def _way_back(came_from: Mapping[str, str], start: str, last: str) -> list[str]:
    way = [start]
    while last != start:
        way.append(last)
        last = came_from[last]
    return [start, *reversed(way)]


MAX_FALLBACK_GROUPS = 20
MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`; whole unless `is_time`."""

    low: float
    high: float
    is_time: bool = False

    def check(self, key: str, value: Any) -> int | float:
        """The value, or ValidationError. True is not 1 here, and 2.0 is 2."""
        kind = "seconds" if self.is_time else "a whole number"
        wanted = ValidationError(f"{key}: give {kind} from {self.low:g} to {self.high:g}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_as_float(value)):
            raise wanted
        if not self.low <= value <= self.high or not (self.is_time or value == int(value)):
            raise wanted
        return value if self.is_time else int(value)


RETRY = {
    "num_retries": Number(0, 20),
    "retry_after_s": Number(0, 300, is_time=True),
    "max_fallbacks": Number(0, 100),
    "timeout_s": Number(0.01, 3600, is_time=True),
    "first_token_timeout_s": Number(0.01, 3600, is_time=True),
    "stream_idle_timeout_s": Number(0.01, 3600, is_time=True),
}
COOLDOWN = {"cooldown_time_s": Number(0, 86_400, is_time=True), "allowed_fails": Number(0, 10_000)}
FALLBACK = ("fallback_groups", "context_window_groups", "content_policy_groups")
IN_POWER_LEVELS = "in_power_levels"
ROUTER = "router"


def _as_float(value: int | float) -> float:
    """Infinity for an int too large to be a float."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def checked_retry(config: Any) -> dict[str, Any]:
    """A clean `retry_config`; raises ValidationError naming the key."""
    return {key: RETRY[key].check(key, value) for key, value in _known(config, RETRY).items()}


def checked_cooldown(config: Any) -> dict[str, Any]:
    """A clean `cooldown_config`; raises ValidationError naming the key."""
    return {key: COOLDOWN[key].check(key, value) for key, value in _known(config, COOLDOWN).items()}


def checked_fallback(config: Any) -> dict[str, Any]:
    """A clean `fallback_config`; raises ValidationError naming the key. Whether the groups exist: see `rules.py`."""
    return {key: _names(key, value) for key, value in _known(config, dict.fromkeys(FALLBACK)).items()}


def checked_settings(config: Any) -> dict[str, Any]:
    """Clean `settings` of a group; raises ValidationError naming the key."""
    return {key: SETTINGS[key](key, value) for key, value in _known(config, SETTINGS).items()}


def router_of(config: Mapping[str, Any]) -> Router:
    """Who routes a group with these `settings`."""
    return Router(checked_settings(config).get(ROUTER, Router.NATIVE))


def _switch(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValidationError(f"{key}: give true or false.")
    return value


def _router(key: str, value: Any) -> str:
    if value not in list(Router):
        raise ValidationError(f"{key}: give one of {', '.join(Router)}.")
    return str(value)


SETTINGS: dict[str, Callable[[str, Any], Any]] = {IN_POWER_LEVELS: _switch, ROUTER: _router}


def _known(config: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that are set; raises for anything but an object, and for unknown keys."""
    if not isinstance(config, Mapping):
        raise ValidationError(f"Give an object with any of {', '.join(known)}.")
    if unknown := [str(key)[:64] for key in config if key not in known]:
        raise ValidationError(f"Unknown: {', '.join(unknown[:5])}. Known: {', '.join(known)}.")
    return {key: value for key, value in config.items() if value is not None}


def _names(key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_FALLBACK_GROUPS:
        raise ValidationError(f"{key}: give a list of at most {MAX_FALLBACK_GROUPS} names of routing groups.")
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_NAME for name in value):
        raise ValidationError(f"{key}: each entry is the name of a routing group.")
    if len(set(value)) < len(value):
        raise ValidationError(f"{key}: name each group once.")
    return list(value)


def retry_policy(config: Any) -> RetryPolicy:
    """The engine's form of a `retry_config`."""
    return RetryPolicy(**checked_retry(config))


def cooldown_policy(config: Any) -> CooldownPolicy:
    """The engine's form of a `cooldown_config`."""
    return CooldownPolicy(**checked_cooldown(config))


def fallback_policy(config: Any) -> FallbackPolicy:
    """The engine's form of a `fallback_config`."""
    lists = {key: tuple(names) for key, names in checked_fallback(config).items()}
    return FallbackPolicy(
        groups=lists.get("fallback_groups", ()),
        context_window_groups=lists.get("context_window_groups", ()),
        content_policy_groups=lists.get("content_policy_groups", ()),
    )


def fallback_names(config: Mapping[str, Any]) -> list[str]:
    """Every group that a stored `fallback_config` names, in order, once."""
    return list(dict.fromkeys(name for key in FALLBACK for name in config.get(key) or ()))


def renamed_fallback(config: Mapping[str, Any], *, old: str, new: str) -> dict[str, Any]:
    """The same `fallback_config` with one group renamed."""
    return {key: [new if name == old else name for name in names] for key, names in config.items()}
