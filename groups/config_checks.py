"""`retry_config`, `cooldown_config`, `fallback_config`, `settings`: dicts from outside -> checked dicts and policies.

Pure. Times are seconds. An absent key, or null, is the engine's default.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError

from engine.core.failures import Kind
from engine.spec import (
    CooldownPolicy,
    ErrorRule,
    FallbackPolicy,
    HedgePolicy,
    Rescues,
    RetryPolicy,
    Router,
    StickyPolicy,
    Unsupported,
)

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
    """A number from `low` to `high`; whole unless `is_time` (seconds) or `is_share`."""

    low: float
    high: float
    is_time: bool = False
    is_share: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it has no fraction."""
        return not (self.is_time or self.is_share)

    def check(self, key: str, value: Any) -> int | float:
        """The value, or ValidationError. True is not 1 here, and 2.0 is 2."""
        kind = "seconds" if self.is_time else "a share" if self.is_share else "a whole number"
        wanted = ValidationError(f"{key}: give {kind} from {self.low:g} to {self.high:g}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_as_float(value)):
            raise wanted
        if not self.low <= value <= self.high or (self.is_whole and value != int(value)):
            raise wanted
        return int(value) if self.is_whole else value


RETRY = {
    "num_retries": Number(0, 20),
    "retry_after_s": Number(0, 300, is_time=True),
    "max_fallbacks": Number(0, 100),
    "timeout_s": Number(0.01, 3600, is_time=True),
    "first_token_timeout_s": Number(0.01, 3600, is_time=True),
    "stream_idle_timeout_s": Number(0.01, 3600, is_time=True),
    "total_timeout_s": Number(0.01, 3600, is_time=True),
    "retry_after_max_s": Number(0, 300, is_time=True),
    "retry_budget": Number(0, 1, is_share=True),
}
BY_ERROR = "by_error"
ELSEWHERE = "elsewhere"
# Of one kind of error; beside these, `elsewhere` is true or false.
ERROR_RULE = {"here": Number(0, 20), "wait_s": Number(0, 300, is_time=True)}
COOLDOWN = {
    "cooldown_time_s": Number(0, 86_400, is_time=True),
    "allowed_fails": Number(0, 10_000),
    "first_s": Number(0.01, 86_400, is_time=True),
    "longest_s": Number(0.01, 86_400, is_time=True),
    "failure_rate": Number(0.01, 1, is_share=True),
    # The breaker looks at no longer row.
    "consecutive_failures": Number(1, 50),
    "retry_after_cap_s": Number(0, 86_400, is_time=True),
    "last_deployment_s": Number(0, 86_400, is_time=True),
}
FALLBACK = ("fallback_groups", "context_window_groups", "content_policy_groups")
IN_POWER_LEVELS = "in_power_levels"
ROUTER = "router"
STREAM_UPSTREAM = "stream_upstream"
UNSUPPORTED_PARAMS = "unsupported_params"
RESCUE = "rescue"
STICKY = "sticky"
# How a conversation is told from others, beside `header:NAME`.
STICKY_BY = ("key", "user", "session", "prefix")
HEADER = "header:"
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "cookie", "proxy-authorization"})
STICKY_TTL = Number(1, 86_400, is_time=True)
HEDGE = "hedge"
HEDGES = {"after_ms": Number(1, 3_600_000), "budget": Number(0, 1, is_share=True)}


def _as_float(value: int | float) -> float:
    """Infinity for an int too large to be a float."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def checked_retry(config: Any) -> dict[str, Any]:
    """A clean `retry_config`; raises ValidationError naming the key."""
    given = _known(config, [*RETRY, BY_ERROR])
    rules = checked_by_error(given.pop(BY_ERROR, {}))
    return {key: RETRY[key].check(key, value) for key, value in given.items()} | ({BY_ERROR: rules} if rules else {})


def check_first_token(config: Mapping[str, Any]) -> None:
    """Raises where a stream may take longer for its first token than a whole answer may take.

    Only for what is written now: an older group with such limits works on.
    """
    timeout_s, first_s = _two_limits(config)
    if first_s > timeout_s:
        raise ValidationError(
            {"retry_config": f"first_token_timeout_s: give at most timeout_s ({timeout_s:g}), or raise timeout_s."}
        )


def with_possible_first_token(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same `retry_config`, with a first token in the time of a whole answer."""
    timeout_s, first_s = _two_limits(config)
    return {**config, "first_token_timeout_s": timeout_s} if first_s > timeout_s else {**config}


def _two_limits(config: Mapping[str, Any]) -> tuple[float, float]:
    policy = RetryPolicy()
    return config.get("timeout_s") or policy.timeout_s, config.get("first_token_timeout_s") or 0.0


def checked_by_error(config: Any) -> dict[str, dict[str, Any]]:
    """Clean rules by kind of error; raises ValidationError naming the key. Kinds without a rule are left out."""
    kinds = [kind.value for kind in Kind]
    rules = {kind: _error_rule(kind, rule) for kind, rule in _known(config, kinds, at=BY_ERROR).items()}
    return {kind: rule for kind, rule in rules.items() if rule}


def _error_rule(kind: str, rule: Any) -> dict[str, Any]:
    place = f"{BY_ERROR}.{kind}"
    given = _known(rule, ["here", ELSEWHERE, "wait_s"], at=place)
    return {
        key: _switch(f"{place}.{key}", value) if key == ELSEWHERE else ERROR_RULE[key].check(f"{place}.{key}", value)
        for key, value in given.items()
    }


def checked_cooldown(config: Any) -> dict[str, Any]:
    """A clean `cooldown_config`; raises ValidationError naming the key."""
    checked = {key: COOLDOWN[key].check(key, value) for key, value in _known(config, COOLDOWN).items()}
    longest_s = checked.get("longest_s", CooldownPolicy().longest_s)
    if checked.get("first_s", 0) > longest_s:
        raise ValidationError(f"first_s: give at most longest_s ({longest_s:g}), or raise longest_s.")
    return checked


def checked_fallback(config: Any) -> dict[str, Any]:
    """A clean `fallback_config`; raises ValidationError naming the key. Whether the groups exist: see `rules.py`."""
    return {key: _names(key, value) for key, value in _known(config, FALLBACK).items()}


def checked_settings(config: Any) -> dict[str, Any]:
    """Clean `settings` of a group; raises ValidationError naming the key."""
    return {key: SETTINGS[key](key, value) for key, value in _known(config, SETTINGS).items()}


def router_of(config: Mapping[str, Any]) -> Router:
    """Who routes a group with these `settings`."""
    return Router(checked_settings(config).get(ROUTER, Router.NATIVE))


def rescues(config: Mapping[str, Any]) -> bool:
    """Whether streams of a group with these `settings` go on when they break: unless it says no, or LiteLLM routes."""
    wish = checked_settings(config).get(RESCUE, Rescues.AUTO)
    return Rescues(wish) is Rescues.AUTO and router_of(config) is Router.NATIVE


def _switch(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValidationError(f"{key}: give true or false.")
    return value


def unsupported_of(config: Mapping[str, Any]) -> Unsupported:
    """What a group with these `settings` does with parameters that a deployment can't take."""
    return Unsupported(checked_settings(config).get(UNSUPPORTED_PARAMS, Unsupported.DROP))


def _one_of(known: type[StrEnum]) -> Callable[[str, Any], str]:
    def check(key: str, value: Any) -> str:
        if value not in list(known):
            raise ValidationError(f"{key}: give one of {', '.join(known)}.")
        return str(value)

    return check


def checked_sticky(key: str, value: Any) -> dict[str, Any]:
    """A clean `sticky`; raises ValidationError."""
    given = _known(value, ["by", "ttl_s"], at=key)
    if "by" not in given:
        raise ValidationError(f"{key}: by: say how to tell conversations: {', '.join(STICKY_BY)} or {HEADER}NAME.")
    ttl = {"ttl_s": STICKY_TTL.check(f"{key}.ttl_s", given["ttl_s"])} if "ttl_s" in given else {}
    return {"by": _by(f"{key}.by", given["by"]), **ttl}


def _by(key: str, value: Any) -> str:
    if value in STICKY_BY:
        return str(value)
    name = value.removeprefix(HEADER).strip().lower() if isinstance(value, str) and value.startswith(HEADER) else ""
    if not HEADER_NAME.fullmatch(name):
        raise ValidationError(f"{key}: give one of {', '.join(STICKY_BY)} or {HEADER}NAME.")
    if name in SECRET_HEADERS:
        raise ValidationError(f"{key}: '{name}' is a secret. To keep each key's requests together, give key.")
    return HEADER + name


def sticky_policy(config: Mapping[str, Any]) -> StickyPolicy | None:
    """The engine's form of `sticky` in these `settings`."""
    sticky = checked_settings(config).get(STICKY)
    return StickyPolicy(**sticky) if sticky else None


def checked_hedge(key: str, value: Any) -> dict[str, Any]:
    """A clean `hedge`; raises ValidationError."""
    given = _known(value, ["enabled", *HEDGES], at=key)
    if "enabled" not in given:
        raise ValidationError(f"{key}: enabled: give true or false.")
    enabled = _switch(f"{key}.enabled", given.pop("enabled"))
    return {"enabled": enabled} | {name: HEDGES[name].check(f"{key}.{name}", number) for name, number in given.items()}


def hedge_policy(config: Mapping[str, Any]) -> HedgePolicy | None:
    """The engine's form of `hedge` in these `settings`; None where it is off."""
    hedge = dict(checked_settings(config).get(HEDGE) or {})
    return HedgePolicy(**hedge) if hedge.pop("enabled", False) else None


SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    IN_POWER_LEVELS: _switch,
    ROUTER: _one_of(Router),
    STREAM_UPSTREAM: _switch,
    UNSUPPORTED_PARAMS: _one_of(Unsupported),
    RESCUE: _one_of(Rescues),
    STICKY: checked_sticky,
    HEDGE: checked_hedge,
}


def _known(config: Any, known: Collection[str], *, at: str = "") -> dict[str, Any]:
    """The keys that are set; raises for anything but an object, and for unknown keys, naming the place."""
    place, all_known = f"{at}: " if at else "", ", ".join(known)
    if not isinstance(config, Mapping):
        raise ValidationError(f"{place}Give an object with any of {all_known}.")
    if unknown := [str(key)[:64] for key in config if key not in known]:
        raise ValidationError(f"{place}Unknown: {', '.join(unknown[:5])}. Known: {all_known}.")
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
    numbers = checked_retry(config)
    rules = numbers.pop(BY_ERROR, {})
    return RetryPolicy(**numbers, by_error=tuple(ErrorRule(kind, **rule) for kind, rule in rules.items()))


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
