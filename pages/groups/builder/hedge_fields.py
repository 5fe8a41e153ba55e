"""Fields for `hedge`: whether a second deployment is asked beside a slow one, after how long, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from engine.spec import HEDGE_BUDGET
from groups.config_checks import HEDGE, HEDGES
from groups.versions.effective import HEDGE as WORDS
from pages.forms import attributes

ENABLED, AFTER, BUDGET = f"{HEDGE}-enabled", f"{HEDGE}-after_ms", f"{HEDGE}-budget"


def hedge_fields() -> Iterator[tuple[str, forms.Field]]:
    """The fields by name."""
    yield (
        ENABLED,
        forms.ChoiceField(
            label=WORDS[1],
            choices=[("", "no (default)"), ("yes", "yes, the first that begins answers")],
            required=False,
            widget=forms.Select({"class": "input"}),
            help_text="It is chosen as the next one would be, and the slower one is closed at once. Both cost: the "
            "slower one has read the prompt.",
        ),
    )
    yield (
        AFTER,
        forms.IntegerField(
            label="After so many milliseconds without an answer",
            required=False,
            min_value=int(HEDGES["after_ms"].low),
            max_value=int(HEDGES["after_ms"].high),
            widget=forms.NumberInput(attributes(inputmode="numeric")),
            help_text="Default: what 95 % of the deployment's answers took to begin, once 20 are measured",
        ),
    )
    yield (
        BUDGET,
        forms.FloatField(
            label="For at most this share of requests",
            required=False,
            min_value=HEDGES["budget"].low,
            max_value=HEDGES["budget"].high,
            widget=forms.NumberInput(attributes(inputmode="decimal", step="any", placeholder=f"{HEDGE_BUDGET:g}")),
            help_text=f"Default: {HEDGE_BUDGET:g}",
        ),
    )


def initial_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields for stored `settings`."""
    hedge = settings.get(HEDGE) or {}
    enabled = "yes" if hedge.get("enabled") else ""
    return {ENABLED: enabled, AFTER: hedge.get("after_ms"), BUDGET: hedge.get("budget")}


def hedge_of(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the `settings`; what is given while it is off is kept for later."""
    numbers = {name: cleaned.get(field) for name, field in (("after_ms", AFTER), ("budget", BUDGET))}
    given = {name: number for name, number in numbers.items() if number is not None}
    enabled = bool(cleaned.get(ENABLED))
    return {HEDGE: {"enabled": enabled, **given}} if enabled or given else {}
