"""The effective settings of a group: its own, else the engine's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from engine.core.breaker import BreakerPolicy
from engine.spec import (
    FIRST_TOKEN_S,
    HEDGE_BUDGET,
    STICKY_S,
    TOTAL_S,
    CooldownPolicy,
    Rescues,
    RetryPolicy,
    Router,
    Unsupported,
)
from groups import config_checks
from groups.models import RoutingGroup
from groups.versions.error_table import ErrorRow, error_rows, words_of
from lib.typography import THIN


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """One line: `value` for reading, `names` when the value is a list of groups."""

    label: str
    value: str
    is_default: bool
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsSection:
    """Settings that belong together."""

    title: str
    settings: tuple[EffectiveSetting, ...]


RETRY = (
    ("num_retries", "Retries when nobody else can be asked", "{}"),
    ("retry_after_s", "Shortest wait before a retry", "{} s"),
    ("max_fallbacks", "Moves to a next tier or group", "up to {}"),
    ("timeout_s", "Timeout of an attempt", "{} s"),
    ("first_token_timeout_s", "Wait for a stream's first token", "{} s"),
    ("stream_idle_timeout_s", "Silence allowed in a stream", "{} s"),
    ("total_timeout_s", "Time for the whole request, up to a stream's first token", "{} s"),
    ("retry_after_max_s", "Longest Retry-After that a request waits for", "{} s"),
    ("retry_budget", "Retries, as a share of a provider's traffic", "{}"),
)
BY_ERROR = (config_checks.BY_ERROR, "Rules for kinds of errors")
COOLDOWN = (
    ("cooldown_time_s", "Cooldown time", "{} s"),
    ("allowed_fails", "Failures allowed before it", "{}"),
    ("first_s", "First cooldown, doubled with each probe that fails", "{} s"),
    ("longest_s", "Longest cooldown", "{} s"),
    ("consecutive_failures", "Failures in a row that start one", "{}"),
    ("failure_rate", "Share of failures in a minute that starts one", "{}"),
    ("retry_after_cap_s", "Longest Retry-After that counts as a cooldown", "{} s"),
    ("last_deployment_s", "Longest cooldown of the last deployment", "{} s"),
)
FALLBACK = (
    ("fallback_groups", "When all fails"),
    ("context_window_groups", "Prompt too long"),
    ("content_policy_groups", "Refused by content policy"),
)
IN_POWER_LEVELS = (config_checks.IN_POWER_LEVELS, "May be chosen for auto and the power levels")
ROUTER = (config_checks.ROUTER, "Router")
ROUTERS = {Router.NATIVE: "Routing Console's", Router.LITELLM: "LiteLLM's"}
STREAM_UPSTREAM = (config_checks.STREAM_UPSTREAM, "Asks upstream for a stream, also for whole answers")
UNSUPPORTED_PARAMS = (config_checks.UNSUPPORTED_PARAMS, "Parameters that a provider or model can't take")
UNSUPPORTED = {
    Unsupported.DROP: "Left out, and named in the answer",
    Unsupported.REFUSE: "Refused: the deployment is passed over",
    Unsupported.PASS: "Sent all the same",
}
RESCUE = (config_checks.RESCUE, "Streams that break after their first content")
RESCUES = {Rescues.OFF: "End with an error", Rescues.AUTO: "Go on at the same deployment or another"}
STICKY = (config_checks.STICKY, "Conversations stay at one deployment")
HEDGE = (config_checks.HEDGE, "A second deployment beside one that is slow to begin")
SWITCHES = (IN_POWER_LEVELS, ROUTER, STREAM_UPSTREAM, UNSUPPORTED_PARAMS, RESCUE, STICKY, HEDGE)
STICKY_WORDS = {
    "key": "those of one key",
    "user": "those of one end user",
    "session": "those of one session",
    "prefix": "those with the same beginning",
}
WHEN_UNSET = {
    "first_token_timeout_s": f"{FIRST_TOKEN_S:g} s, or the attempt's timeout if that is less",
    "total_timeout_s": f"{TOTAL_S:g} s, or twice the attempt's timeout if that is more",
    "cooldown_time_s": "doubled from the first to the longest, or as Retry-After says",
    "allowed_fails": "as many as the two rules for failures say",
    "consecutive_failures": f"{BreakerPolicy().consecutive}",
    "failure_rate": f"{BreakerPolicy().failure_rate:g} of at least {BreakerPolicy().fewest}",
}


def sections_of(group: RoutingGroup) -> tuple[SettingsSection, ...]:
    """Retries, cooldown, fallback and power levels of a group, in the order of people's questions."""
    return (
        SettingsSection("Retries and timeouts", (*_lines(RETRY, group.retry_config, RetryPolicy()), _rules(group))),
        SettingsSection("Cooldown", _lines(COOLDOWN, group.cooldown_config, CooldownPolicy())),
        SettingsSection("Fallback groups", tuple(_fallback(group.fallback_config, *line) for line in FALLBACK)),
        SettingsSection("Power levels", (_switch(group.settings, *IN_POWER_LEVELS),)),
        SettingsSection(
            "Router",
            (
                _router(group.settings, *ROUTER),
                _switch(group.settings, *STREAM_UPSTREAM),
                _unsupported(group.settings, *UNSUPPORTED_PARAMS),
                _rescue(group.settings, *RESCUE),
                _sticky(group.settings, *STICKY),
                _hedge(group.settings, *HEDGE),
            ),
        ),
    )


def error_rows_of(group: RoutingGroup) -> tuple[ErrorRow, ...]:
    """What follows from which error in a group; by the defaults where its settings can't be read."""
    try:
        return error_rows(config_checks.retry_policy(group.retry_config))
    except ValidationError:
        return error_rows(RetryPolicy())


def _lines(
    lines: tuple[tuple[str, str, str], ...], config: Mapping[str, Any], defaults: RetryPolicy | CooldownPolicy
) -> tuple[EffectiveSetting, ...]:
    return tuple(_line(config, defaults, *line) for line in lines)


def _line(config: Mapping[str, Any], defaults: object, name: str, label: str, pattern: str) -> EffectiveSetting:
    given = config.get(name)
    value = getattr(defaults, name) if given is None else given
    text = WHEN_UNSET[name] if value is None else pattern.format(_number(value))
    return EffectiveSetting(label, text, is_default=given is None)


def _rules(group: RoutingGroup) -> EffectiveSetting:
    name, label = BY_ERROR
    rules = group.retry_config.get(name) or {}
    return EffectiveSetting(label, words_of(rules) or "as in the table below", is_default=not rules)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fallback(config: Mapping[str, Any], name: str, label: str) -> EffectiveSetting:
    names = tuple(config.get(name) or ())
    return EffectiveSetting(label, "none", is_default=not names, names=names)


def _router(config: Mapping[str, Any], name: str, label: str) -> EffectiveSetting:
    return EffectiveSetting(label, ROUTERS[config_checks.router_of(config)], is_default=name not in config)


def _unsupported(config: Mapping[str, Any], name: str, label: str) -> EffectiveSetting:
    return EffectiveSetting(label, UNSUPPORTED[config_checks.unsupported_of(config)], is_default=name not in config)


def _rescue(config: Mapping[str, Any], name: str, label: str) -> EffectiveSetting:
    text = RESCUES[Rescues.AUTO if config_checks.rescues(config) else Rescues.OFF]
    return EffectiveSetting(label, text, is_default=name not in config)


def _sticky(config: Mapping[str, Any], name: str, label: str) -> EffectiveSetting:
    if not (sticky := config.get(name)):
        return EffectiveSetting(label, "no", is_default=True)
    return EffectiveSetting(label, words_of_sticky(sticky), is_default=False)


def words_of_sticky(sticky: Mapping[str, Any]) -> str:
    """`those of one session, for 3600 s`."""
    by = str(sticky["by"])
    which = STICKY_WORDS.get(by) or f"those with the same {by.removeprefix(config_checks.HEADER)} header"
    return f"{which}, for {sticky.get('ttl_s', STICKY_S):g} s"


def _hedge(config: Mapping[str, Any], name: str, label: str) -> EffectiveSetting:
    if not (hedge := config.get(name)):
        return EffectiveSetting(label, "no", is_default=True)
    return EffectiveSetting(label, words_of_hedge(hedge), is_default=False)


def words_of_hedge(hedge: Mapping[str, Any]) -> str:
    """`after 500 ms, for at most 5 % of requests`."""
    if not hedge.get("enabled"):
        return "no"
    after_ms, share = hedge.get("after_ms"), hedge.get("budget", HEDGE_BUDGET)
    after = "when slower than 95 % of its answers" if after_ms is None else f"after {after_ms:g} ms"
    return f"{after}, for at most {100 * share:g}{THIN}% of requests"


def _switch(config: Mapping[str, Any], name: str, label: str) -> EffectiveSetting:
    return EffectiveSetting(label, "yes" if config.get(name) else "no", is_default=name not in config)
