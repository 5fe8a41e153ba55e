"""Fields that forms of several pages share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables

from lib.exceptions import Conflict, DomainError

T = TypeVar("T")


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


class UsdField(forms.DecimalField):
    """US dollars, shown without trailing zeros."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": forms.NumberInput(attributes(inputmode="decimal", step="any")), **options})

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


class PriceField(UsdField):
    """US dollars per million tokens; empty means the catalog's price."""

    def __init__(self, **options: Any) -> None:
        limits = {"min_value": 0, "max_digits": 14, "decimal_places": 6}
        super().__init__(**{"required": False, **limits, **options})


class ObjectField(forms.JSONField):
    """A JSON object in a box; empty means none."""

    def __init__(self, *, example: str, **options: Any) -> None:
        widget = forms.Textarea(attributes(rows=2, placeholder=example))
        errors = {"invalid": f"Give a JSON object, such as {example}."}
        super().__init__(**{"required": False, "widget": widget, "error_messages": errors, **options})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else super().prepare_value(value) if value else ""

    def clean(self, value: Any) -> Any:
        return super().clean(value) or {}


class WordsField(forms.CharField):
    """Several words in one box; the value is a list, each word once. `max_length` and validators apply to each word.

    `between` is the pattern of the separator, `glue` the separator that is shown.
    """

    def __init__(self, *, between: str = r"[,\s]", glue: str = ", ", **options: Any) -> None:
        super().__init__(**{"required": False, **options})
        self.between, self.glue = between, glue

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {}

    def prepare_value(self, value: Any) -> Any:
        return self.glue.join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        words = (word.strip() for word in re.split(self.between, str(value or "")))
        return list(dict.fromkeys(word for word in words if word))

    def run_validators(self, value: Any) -> None:
        for word in value:
            super().run_validators(word)


class SearchField(forms.CharField):
    """The search words of a list."""

    def __init__(self, *, placeholder: str) -> None:
        widget = forms.TextInput({"class": "input", "type": "search", "placeholder": placeholder})
        super().__init__(label="Search", required=False, max_length=128, widget=widget)


class SelectField(forms.ChoiceField):
    """A select."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": forms.Select({"class": "input"}), **options})


def complaints(form: forms.BaseForm) -> str:
    """All errors of a form in one line, for a message."""
    return " ".join(str(text) for errors in form.errors.values() for text in errors)


def no_file(form: forms.BaseForm) -> HttpResponse:
    """The answer to the URL of a file with invalid parameters."""
    return HttpResponse(form.errors.as_text(), status=400, content_type="text/plain; charset=utf-8")


class FilterForm(forms.Form):
    """The filters of a list, from the URL; invalid values are ignored.

    The template `_components/filters.html` shows the visible fields; `q` is the search.
    """

    # Fields for the order, which do not filter.
    orders: ClassVar[tuple[str, ...]] = ("sort",)

    @property
    def chosen(self) -> dict[str, Any]:
        """The current filters and order."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def is_narrowing(self) -> bool:
        return bool(self.chosen.keys() - set(self.orders))

    @property
    def query(self) -> str:
        """The current filters and order as a query string, without the page."""
        return urlencode({name: getattr(value, "pk", value) for name, value in self.chosen.items()})

    @property
    def trigger(self) -> str:
        """The events on which htmx loads the list again."""
        chosen = [f"change from:#{field.id_for_label}" for field in self.visible_fields() if field.name != "q"]
        return ", ".join(["input delay:250ms from:#id_q", *chosen, "submit"])


class ActionForm(forms.Form):
    """A form for an action. It shows the action's errors like its own."""

    # The action's names of fields -> the form's own.
    places: Mapping[str, str] = {}

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **{"label_suffix": "", **options})

    @sensitive_variables()
    def accepted(self, act: Callable[[], T], *, refusals: type[DomainError] = Conflict) -> T | None:
        """The result of the action; None without data, if the form is invalid, and if the action refuses it.

        The form then shows validation errors beside their fields, and `refusals` above them. Other errors are raised.
        """
        if not self.is_valid():
            return None
        try:
            return act()
        except ValidationError as error:
            self.blame(error)
        except refusals as error:
            self.add_error(None, str(error))
        return None

    @property
    def status(self) -> int:
        """The HTTP status of a page with the form."""
        return 422 if self.errors else 200

    @sensitive_variables()
    def blame(self, error: ValidationError) -> None:
        """Shows an action's errors beside their fields; errors without a field stand above the form."""
        found = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
        for field, messages in found.items():
            place = self.places.get(field, field)
            for message in messages:
                self.add_error(place if place in self.fields else None, message)
