"""`router_settings` and `litellm_settings` -> what they mean for groups of ours. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from engine.spec import DEFAULT_COOLDOWN_S, RetryPolicy
from groups.exchange.bundle import Remark
from groups.exchange.places import wrong
from groups.litellm_config.document import mapping, number, sequence, text
from groups.litellm_config.words import ALSO_IN_LITELLM_SETTINGS, FALLBACKS, PER_ROUTER, STRATEGIES
from groups.policies import COOLDOWN, MAX_FALLBACK_GROUPS, RETRY

DEFAULTS = RetryPolicy()
KNOWN_ROUTER = frozenset(
    {"routing_strategy", "routing_groups", "enable_weighted_failover", *FALLBACKS.values()}
    | {name for names in PER_ROUTER.values() for name in names.values()}
)
KNOWN_LITELLM = frozenset({*FALLBACKS.values(), *ALSO_IN_LITELLM_SETTINGS.values()})
ROOMS = frozenset({"model_list", "router_settings", "litellm_settings"})
NUMBERS = {"retry_config": RETRY, "cooldown_config": COOLDOWN}


@dataclass(frozen=True, slots=True)
class NamedStrategy:
    """One of `routing_groups`: a strategy for some model names, callable under its own name too."""

    name: str
    models: tuple[str, ...]
    strategy: str
    priorities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """What holds for all groups, what for some, and what was left out. `strategy` is LiteLLM's word."""

    strategy: str
    named: tuple[NamedStrategy, ...]
    configs: Mapping[str, Mapping[str, Any]]
    fallbacks: Mapping[str, Mapping[str, tuple[str, ...]]]
    remarks: tuple[Remark, ...]


def settings_of(document: Mapping[str, Any]) -> RouterSettings:
    """The settings of a whole file; raises ValidationError for wrong types."""
    router = mapping(document.get("router_settings"), "router_settings")
    general = mapping(document.get("litellm_settings"), "litellm_settings")
    configs, remarks = _configs(router, general)
    fallbacks, more = _fallbacks(router, general)
    return RouterSettings(
        strategy=text(router.get("routing_strategy"), "router_settings.routing_strategy") or "simple-shuffle",
        named=tuple(_named(router)),
        configs=configs,
        fallbacks=fallbacks,
        remarks=(*_unknown(document, router, general), *remarks, *more, *_silent(router, general)),
    )


def _unknown(document: Mapping[str, Any], router: Mapping[str, Any], general: Mapping[str, Any]) -> Iterator[Remark]:
    rooms = (("router_settings", router, KNOWN_ROUTER), ("litellm_settings", general, KNOWN_LITELLM))
    for place, given, known in rooms:
        if names := [name for name in given if name not in known]:
            yield Remark(place, f"Not supported, left out: {', '.join(names)[:300]}.")
    for name in document:
        if name not in ROOMS:
            yield Remark(str(name)[:80], "About the proxy itself; this console has settings of its own.")


def _silent(router: Mapping[str, Any], general: Mapping[str, Any]) -> Iterator[Remark]:
    """Defaults that differ, where the file says nothing."""
    if "timeout" not in router and "request_timeout" not in general:
        yield Remark("timeout", f"Not set: an attempt may take {DEFAULTS.timeout_s:g} s here (LiteLLM: 6000 s).")
    if "cooldown_time" not in router:
        yield Remark("cooldown_time", f"Not set: a cooldown takes {DEFAULT_COOLDOWN_S:g} s here (LiteLLM: 5 s).")


def _configs(router: Mapping[str, Any], general: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], list[Remark]]:
    """The settings that differ from our defaults, as `retry_config` and `cooldown_config`."""
    configs: dict[str, dict[str, Any]] = {name: {} for name in PER_ROUTER}
    remarks = []
    for config, names in PER_ROUTER.items():
        for key, name in names.items():
            place, value = _router_value(router, general, name)
            if value is None or value == _default(key):
                continue
            try:
                configs[config][key] = NUMBERS[config][key].check(key, value)
            except ValidationError as error:
                remarks.append(Remark(place, f"{' '.join(error.messages)} Left out."))
    return configs, remarks


def _router_value(router: Mapping[str, Any], general: Mapping[str, Any], name: str) -> tuple[str, float | int | None]:
    also = ALSO_IN_LITELLM_SETTINGS.get(name, "")
    if router.get(name) is None and general.get(also) is not None:
        return f"litellm_settings.{also}", number(general[also], f"litellm_settings.{also}")
    return f"router_settings.{name}", number(router.get(name), f"router_settings.{name}")


def _default(key: str) -> float | int | None:
    return DEFAULT_COOLDOWN_S if key == "cooldown_time_s" else getattr(DEFAULTS, key, None)


def _named(router: Mapping[str, Any]) -> Iterator[NamedStrategy]:
    for position, given in enumerate(sequence(router.get("routing_groups"), "router_settings.routing_groups")):
        place = f"router_settings.routing_groups[{position}]"
        row = mapping(given, place)
        models = [text(model, f"{place}.models") for model in sequence(row.get("models"), f"{place}.models")]
        yield NamedStrategy(
            name=text(row.get("group_name"), f"{place}.group_name"),
            models=tuple(dict.fromkeys(models)),
            strategy=text(row.get("routing_strategy"), f"{place}.routing_strategy"),
            priorities=_priorities(row, place),
        )


def _priorities(row: Mapping[str, Any], place: str) -> dict[str, int]:
    given = mapping(row.get("model_priorities"), f"{place}.model_priorities")
    found = {name: number(value, f"{place}.model_priorities.{name[:80]}", low=1) for name, value in given.items()}
    return {name: int(value) for name, value in found.items() if value is not None}


def _fallbacks(
    router: Mapping[str, Any], general: Mapping[str, Any]
) -> tuple[dict[str, dict[str, tuple[str, ...]]], list[Remark]]:
    """By our kind of fallback: group -> the names it falls back to."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    remarks: list[Remark] = []
    for key, name in FALLBACKS.items():
        room, given = ("router_settings", router) if router.get(name) else ("litellm_settings", general)
        place, found[key] = f"{room}.{name}", {}
        for group, names in _pairs(given.get(name), place):
            kept = tuple(dict.fromkeys(n for n in names if isinstance(n, str)))
            if group == "*" or len(kept) < len(names):
                remarks.append(Remark(place, "Fallbacks of all models, or with a request of their own, are left out."))
            if group != "*" and kept:
                every = (*found[key].get(group, ()), *kept)
                if len(every) > MAX_FALLBACK_GROUPS:
                    remarks.append(Remark(place, f"Of {group[:80]} the first {MAX_FALLBACK_GROUPS} are kept."))
                found[key][group] = every[:MAX_FALLBACK_GROUPS]
    return found, remarks


def _pairs(value: Any, place: str) -> Iterator[tuple[str, list[Any]]]:
    """`[{a: [b, c]}, {d: [e]}]` one by one; a single name counts as a list of it."""
    for position, row in enumerate(sequence(value, place)):
        for group, names in mapping(row, f"{place}[{position}]").items():
            if not isinstance(names, str | list):
                raise wrong(f"{place}[{position}].{group[:80]}", "Give a list of model names.")
            yield group, [names] if isinstance(names, str) else names


def strategy_of(word: str) -> str | None:
    """Our strategy for LiteLLM's word, or None for one that has no equal here."""
    return STRATEGIES.get(word)
