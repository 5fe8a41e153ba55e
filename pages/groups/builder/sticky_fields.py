"""The builder's fields for conversations that stay at one deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from engine.spec import STICKY_S
from groups.config_checks import HEADER, STICKY, STICKY_TTL
from groups.versions.effective import STICKY_WORDS
from pages.forms import attributes

BY, NAME, TTL = f"{STICKY}-by", f"{STICKY}-header", f"{STICKY}-ttl_s"
BY_HEADER = "header"


def sticky_fields() -> Iterator[tuple[str, forms.Field]]:
    """The fields by name."""
    choices = [("", "no (default)"), *STICKY_WORDS.items(), (BY_HEADER, "those with the same header, named below")]
    yield (
        BY,
        forms.ChoiceField(
            label="Conversations that stay at one deployment",
            choices=choices,
            required=False,
            widget=forms.Select({"class": "input"}),
            help_text="While it can be asked, the deployment that answered a conversation last answers it again, in "
            "whichever tier it is: its prompt cache is warm.",
        ),
    )
    yield NAME, forms.CharField(label="Name of the header", required=False, widget=forms.TextInput(attributes()))
    yield (
        TTL,
        forms.FloatField(
            label="Until so long after the last answer, seconds",
            required=False,
            min_value=STICKY_TTL.low,
            max_value=STICKY_TTL.high,
            widget=forms.NumberInput(attributes(inputmode="decimal", placeholder=f"{STICKY_S:g}")),
            help_text=f"Default: {STICKY_S:g} s",
        ),
    )


def initial_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields for stored `settings`."""
    sticky = settings.get(STICKY) or {}
    by = str(sticky.get("by", ""))
    name = by.removeprefix(HEADER) if by.startswith(HEADER) else ""
    return {BY: BY_HEADER if name else by, NAME: name, TTL: sticky.get("ttl_s")}


def sticky_of(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the `settings`; a header without a name is refused by the group's own checks."""
    if not (by := cleaned.get(BY)):
        return {}
    name = cleaned.get(NAME) or ""
    ttl_s = cleaned.get(TTL)
    kept = {} if ttl_s is None else {"ttl_s": ttl_s}
    return {STICKY: {"by": HEADER + name if by == BY_HEADER else by, **kept}}
