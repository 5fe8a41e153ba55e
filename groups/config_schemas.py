"""`retry_config`, `cooldown_config`, `fallback_config` and `settings` in the OpenAPI schema. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.failures import Kind
from engine.spec import STICKY_S, CooldownPolicy, HedgePolicy, Rescues, RetryPolicy, Router, Unsupported
from groups import config_checks
from groups.config_checks import Number

Schema = dict[str, Any]


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _numbers(numbers: Mapping[str, Number], defaults: object = None) -> dict[str, Schema]:
    return {key: _number(number, getattr(defaults, key, None)) for key, number in numbers.items()}


def _number(number: Number, default: float | None) -> Schema:
    kind = "integer" if number.is_whole else "number"
    limits = {"type": kind, "minimum": number.low, "maximum": number.high, "nullable": True}
    return limits if default is None else {**limits, "default": default}


_SWITCH: Schema = {"type": "boolean"}
_NAMES: Schema = {
    "type": "array",
    "items": {"type": "string", "maxLength": config_checks.MAX_NAME},
    "maxItems": config_checks.MAX_FALLBACK_GROUPS,
}
_ERROR_RULE = _object({**_numbers(config_checks.ERROR_RULE), config_checks.ELSEWHERE: {**_SWITCH, "nullable": True}})
RETRY = _object(
    {
        **_numbers(config_checks.RETRY, RetryPolicy()),
        config_checks.BY_ERROR: _object({kind.value: _ERROR_RULE for kind in Kind}),
    }
)
COOLDOWN = _object(_numbers(config_checks.COOLDOWN, CooldownPolicy()))
FALLBACK = _object(dict.fromkeys(config_checks.FALLBACK, _NAMES))
_STICKY = {
    **_object(
        {
            "by": {
                "type": "string",
                "pattern": f"^({'|'.join(config_checks.STICKY_BY)}|{config_checks.HEADER}[!-~]+)$",
            },
            "ttl_s": _number(config_checks.STICKY_TTL, STICKY_S),
        }
    ),
    "required": ["by"],
    "nullable": True,
}
_HEDGE = {
    **_object({"enabled": _SWITCH, **_numbers(config_checks.HEDGES, HedgePolicy())}),
    "required": ["enabled"],
    "nullable": True,
}
SETTINGS = _object(
    {
        config_checks.IN_POWER_LEVELS: _SWITCH,
        config_checks.STREAM_UPSTREAM: _SWITCH,
        config_checks.RESCUE: {"type": "string", "enum": [mode.value for mode in Rescues], "default": "off"},
        config_checks.STICKY: _STICKY,
        config_checks.HEDGE: _HEDGE,
        config_checks.ROUTER: {"type": "string", "enum": [router.value for router in Router]},
        config_checks.UNSUPPORTED_PARAMS: {"type": "string", "enum": [rule.value for rule in Unsupported]},
    }
)
