"""Two versions of a routing group -> their differences, line by line, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groups.models import Strategy
from groups.versions.effective import (
    BY_ERROR,
    COOLDOWN,
    FALLBACK,
    HEDGE,
    RETRY,
    STICKY,
    SWITCHES,
    words_of_hedge,
    words_of_sticky,
)
from groups.versions.error_table import words_of
from groups.versions.snapshots import PLACED, Snapshot

NONE = "none"
LABELS = {
    "name": "Name",
    "description": "Description",
    "strategy": "Strategy",
    "is_active": "Status",
    "assigned_team_ids": "Teams",
    "assigned_key_ids": "Keys",
}
CONFIGS = ("retry_config", "cooldown_config", "fallback_config", "settings")
SETTINGS = {name: label for name, label, *_ in (*RETRY, BY_ERROR, *COOLDOWN, *FALLBACK, *SWITCHES)}
PLACED_WORDS = {
    "display_name": "name",
    "priority": "priority",
    "weight": "weight",
    "rpm": "RPM",
    "tpm": "TPM",
    "max_parallel": "at once",
    "max_wait_s": "s of waiting",
    "extra_headers": "extra headers",
    "extra_body": "extra fields",
    "capacity": "capacity",
    "region": "region",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One line: its label, and the value before and after; an empty value means that it was added or removed."""

    label: str
    before: str
    after: str


def differences(before: Snapshot, after: Snapshot) -> tuple[Difference, ...]:
    """The changes between two snapshots, in the order of the form: fields, deployments, settings."""
    return (*_fields(before, after), *_deployments(before, after), *_configs(before, after))


def _fields(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    for name, label in LABELS.items():
        old, new = (_field(name, version[name]) if name in version else NONE for version in (before, after))
        if old != new:
            yield Difference(label, old, new)


def _field(name: str, value: Any) -> str:
    if name == "strategy":
        return str(dict(Strategy.choices).get(value, value))
    if name == "is_active":
        return "active" if value else "inactive"
    return _value(value)


def _configs(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    for config in CONFIGS:
        old, new = before.get(config) or {}, after.get(config) or {}
        for key in dict.fromkeys((*old, *new)):
            if old.get(key) != new.get(key):
                yield Difference(SETTINGS.get(key, key), _default(old, key), _default(new, key))


def _default(config: Mapping[str, Any], key: str) -> str:
    if key == STICKY[0] and config.get(key):
        return words_of_sticky(config[key])
    if key == HEDGE[0] and config.get(key):
        return words_of_hedge(config[key])
    return _value(config[key]) if key in config else "default"


def _deployments(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    old = {row["model_id"]: row for row in before.get("deployments", ())}
    new = {row["model_id"]: row for row in after.get("deployments", ())}
    yield from (Difference(_name(old[key]), _placing(old[key]), "") for key in old if key not in new)
    yield from (Difference(_name(new[key]), "", _placing(new[key])) for key in new if key not in old)
    for key in (key for key in new if key in old):
        if (was := _placing(old[key])) != (now := _placing(new[key])):
            yield Difference(_name(new[key]), was, now)
    if (order := _order(old, new)) != (then := _order(new, old)):
        yield Difference("Order of deployments", ", ".join(order), ", ".join(then))


def _order(rows: Mapping[str, Any], others: Mapping[str, Any]) -> list[str]:
    """The names that both have, in the order of the first."""
    return [_name(row) for key, row in rows.items() if key in others]


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['provider']}/{row['model_name']}"


def _placing(row: Mapping[str, Any]) -> str:
    """`priority 1, 60 RPM` as far as set; empty values for a deployment without settings."""
    words = [f"{PLACED_WORDS[name]} {row[name]}" for name in PLACED if row.get(name) not in (None, "")]
    return ", ".join(words) or "in the group"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value) or NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return words_of(value) or NONE
    return NONE if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)
