"""The builder's table of what follows from which error: three small fields for each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from engine.core.failures import RULES, Kind, Rule
from groups.config_checks import BY_ERROR, ELSEWHERE, ERROR_RULE
from groups.versions.error_table import KINDS
from pages.forms import attributes

# An elsewhere of True or False, as the page sends it; empty is the default.
ANSWERS = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One kind of error on the page, with its fields."""

    label: str
    here: forms.BoundField
    elsewhere: forms.BoundField
    wait_s: forms.BoundField

    @property
    def errors(self) -> list[str]:
        """What is wrong with its fields."""
        return [*self.here.errors, *self.elsewhere.errors, *self.wait_s.errors]


def rule_fields() -> Iterator[tuple[str, forms.Field]]:
    """The fields by name; empty ones leave the core's rule as it is."""
    for kind, rule in RULES.items():
        label = KINDS[kind]
        yield _name(kind, "here"), _retries(label, rule)
        yield _name(kind, ELSEWHERE), _others(label, "others too" if rule.elsewhere else "only fallback groups")
        yield _name(kind, "wait_s"), _wait(label)


def lines_of(form: forms.Form) -> list[RuleLine]:
    """The table."""
    names = {kind: [_name(kind, part) for part in ("here", ELSEWHERE, "wait_s")] for kind in RULES}
    return [RuleLine(KINDS[kind], *(form[name] for name in parts)) for kind, parts in names.items()]


def initial_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields for a stored `retry_config`."""
    words = {answer: word for word, answer in ANSWERS.items()}
    return {
        f"{BY_ERROR}-{kind}-{part}": words[value] if part == ELSEWHERE else value
        for kind, rule in (config.get(BY_ERROR) or {}).items()
        for part, value in rule.items()
    }


def by_error_of(cleaned: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The `by_error` that the fields say; kinds of which nothing is said are left out."""
    rules = {kind.value: _rule(kind, cleaned) for kind in RULES}
    return {kind: rule for kind, rule in rules.items() if rule}


def _rule(kind: Kind, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    answer = ANSWERS.get(cleaned.get(_name(kind, ELSEWHERE)) or "")
    said = {part: cleaned.get(_name(kind, part)) for part in ERROR_RULE} | {ELSEWHERE: answer}
    return {part: value for part, value in said.items() if value is not None}


def _name(kind: Kind, part: str) -> str:
    return f"{BY_ERROR}-{kind}-{part}"


def _retries(label: str, rule: Rule) -> forms.Field:
    usual = "above" if rule.again else "0"
    return _number(forms.IntegerField, "here", f"{label}: retries", usual)


def _wait(label: str) -> forms.Field:
    return _number(forms.FloatField, "wait_s", f"{label}: wait before a retry, seconds", "default")


def _number(kind: Any, part: str, label: str, placeholder: str) -> forms.Field:
    limits = ERROR_RULE[part]
    look = attributes(inputmode="decimal", placeholder=placeholder, **{"aria-label": label})
    widget = forms.NumberInput(look)
    field: forms.Field = kind(label=label, required=False, min_value=limits.low, max_value=limits.high, widget=widget)
    return field


def _others(label: str, usual: str) -> forms.Field:
    choices = [("", f"{usual} (default)"), ("yes", "others too"), ("no", "nobody else")]
    widget = forms.Select({"class": "input", "aria-label": f"{label}: who else is asked"})
    return forms.ChoiceField(label=f"{label}: who else is asked", choices=choices, required=False, widget=widget)
