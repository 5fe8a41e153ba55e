"""Fields that forms of several pages share."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError


def attributes(**more: Any) -> dict[str, Any]:
    """The attributes of every text widget."""
    return {"class": "input", "autocomplete": "off", "spellcheck": "false", **more}


class SecretField(forms.CharField):
    """A secret: its value is never sent back to the page."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attributes(autocomplete="new-password"), render_value=False)
        super().__init__(**{"required": False, "max_length": 4096, "widget": widget, **options})


class WholeNumberField(forms.IntegerField):
    """An optional number from 1 up."""

    def __init__(self, **options: Any) -> None:
        widget = forms.NumberInput(attributes(inputmode="numeric"))
        limits = {"min_value": 1, "max_value": 1_000_000_000}
        super().__init__(**{"required": False, "widget": widget, **limits, **options})


class PriceField(forms.DecimalField):
    """US dollars per million tokens; empty means the catalog's price."""

    def __init__(self, **options: Any) -> None:
        widget = forms.NumberInput(attributes(inputmode="decimal", step="any"))
        limits = {"min_value": 0, "max_digits": 14, "decimal_places": 6}
        super().__init__(**{"required": False, "widget": widget, **limits, **options})

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


class WordsField(forms.CharField):
    """Words between spaces, commas or line ends; the value is a list, each word once."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return list(dict.fromkeys(str(value or "").replace(",", " ").split()))

    def run_validators(self, value: Any) -> None:
        for word in value:
            super().run_validators(word)


def blame(form: forms.Form, error: ValidationError, *, places: Mapping[str, str]) -> None:
    """Shows an action's errors beside their fields.

    `places` maps fields to the form's own names; errors without a field stand above the form.
    """
    found = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    for field, messages in found.items():
        place = places.get(field, field)
        for message in messages:
            form.add_error(place if place in form.fields else None, message)
