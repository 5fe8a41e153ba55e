"""Form fields of the builder that Django lacks, and the advanced settings with their defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms

from groups import config_checks
from groups.models import RoutingGroup, Strategy
from groups.rules import NOT_LITELLMS
from groups.versions import effective
from pages.forms import WordsField, attributes


@dataclass(frozen=True, slots=True)
class StrategyCard:
    """A strategy with its icon and a descriptive sentence."""

    strategy: Strategy
    icon: str
    meaning: str

    @property
    def name(self) -> str:
        """What is chosen; a group that has it wears the name of its diagram."""
        return "Priority Failover" if self.strategy == Strategy.PRIORITY_FAILOVER else self.strategy.label


CARDS = (
    StrategyCard(Strategy.PRIORITY_FAILOVER, "list-ordered", "Ordered. Traffic goes to #1 first, falls back on error"),
    StrategyCard(Strategy.WEIGHTED, "percent", "Split traffic by percentage across providers"),
    StrategyCard(Strategy.COST_BASED, "coins", "Route to cheapest provider"),
    StrategyCard(Strategy.LATENCY_BASED, "gauge", "Route to fastest provider"),
    StrategyCard(Strategy.LEAST_BUSY, "activity", "Route to provider with fewest in-flight requests"),
    StrategyCard(Strategy.USAGE_BASED, "chart-column", "Route based on TPM/RPM usage"),
    StrategyCard(Strategy.SIMPLE_SHUFFLE, "repeat", "Even distribution across providers"),
)


NUMBERS = {"retry_config": config_checks.RETRY, "cooldown_config": config_checks.COOLDOWN}
TITLES = {"retry_config": "Retries and timeouts", "cooldown_config": "Cooldown"}
# Folded on the page: few groups need them.
FOLDED = frozenset(key for keys in NOT_LITELLMS.values() for key in keys)
NUMBER = re.compile(r"[\d.]*\d")
SETTINGS = tuple(key for numbers in NUMBERS.values() for key in numbers)


@dataclass(frozen=True, slots=True)
class FieldSection:
    """Settings that belong together; those of `folded` are shown where one of them is set or invalid."""

    title: str
    fields: tuple[forms.BoundField, ...]
    folded: tuple[forms.BoundField, ...]

    @property
    def is_open(self) -> bool:
        """Whether the folded ones are shown."""
        return any(map(is_set, self.folded))


def is_set(field: forms.BoundField) -> bool:
    """Whether a field says something, or something wrong."""
    return bool(field.errors) or field.value() not in (None, "", [])


class IdsField(forms.MultipleChoiceField):
    """Ids to choose from. A stored id may be sent back after its row was deleted."""

    def valid_value(self, value: Any) -> bool:
        return True


def settings_fields() -> Iterator[tuple[str, forms.Field]]:
    """The advanced settings by key, each with the default for an empty value."""
    defaults = {s.label: s.value for section in effective.sections_of(RoutingGroup()) for s in section.settings}
    for key, label, pattern in (*effective.RETRY, *effective.COOLDOWN):
        limits = {**config_checks.RETRY, **config_checks.COOLDOWN}[key]
        unit = ", seconds" if pattern.endswith(" s") else ", 0 to 1" if limits.is_share else ""
        yield key, _number(f"{label}{unit}", limits, defaults[label])
    for key, label in effective.FALLBACK:
        widget = forms.TextInput(attributes(list="group-names"))
        yield key, WordsField(label=label, widget=widget)


def _number(label: str, limits: config_checks.Number, default: str) -> forms.Field:
    kind: Any = forms.IntegerField if limits.is_whole else forms.FloatField
    placeholder = found[0] if (found := NUMBER.search(default)) else ""
    widget = forms.NumberInput(attributes(inputmode="decimal", placeholder=placeholder))
    hint = f"Default: {default}"
    number: forms.Field = kind(
        label=label, required=False, min_value=limits.low, max_value=limits.high, widget=widget, help_text=hint
    )
    return number
