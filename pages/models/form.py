"""The forms of the models: a model, and the filters of the list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from pages.forms import PriceField, WholeNumberField, WordsField, attributes, blame
from providers.actions import ModelFields
from providers.catalog.price_map import CAPABILITIES
from providers.catalog.search import MODES
from providers.models import UPSTREAM_NAME, LanguageModel, Provider

OWN = (
    *("name", "display_name", "input_cost_per_million", "output_cost_per_million", "cached_input_cost_per_million"),
    *("cache_write_cost_per_million", "context_length", "capabilities", "quality", "enabled"),
)
FROM_CATALOG = "Empty: what the catalog says."


class ModelForm(forms.Form):
    """A model. Empty fields come from LiteLLM's price map, if it has the model."""

    name = forms.CharField(
        label="Model name",
        max_length=256,
        validators=[UPSTREAM_NAME],
        widget=forms.TextInput(attributes(placeholder="gpt-4o-mini")),
        help_text="The provider's name for it.",
        error_messages={"required": "Give the name by which the provider knows the model."},
    )
    display_name = forms.CharField(
        label="Display name", required=False, max_length=128, widget=forms.TextInput(attributes())
    )
    input_cost_per_million = PriceField(label="Input, $ per 1M tokens", help_text=FROM_CATALOG)
    output_cost_per_million = PriceField(label="Output, $ per 1M tokens", help_text=FROM_CATALOG)
    cached_input_cost_per_million = PriceField(label="Cached input, $ per 1M tokens", help_text=FROM_CATALOG)
    cache_write_cost_per_million = PriceField(label="Cache writes, $ per 1M tokens", help_text=FROM_CATALOG)
    context_length = WholeNumberField(label="Context, tokens", help_text=FROM_CATALOG)
    capabilities = WordsField(
        label="Capabilities",
        required=False,
        max_length=64,
        widget=forms.TextInput(attributes(placeholder="chat, tools, vision")),
        help_text=FROM_CATALOG,
    )
    quality = forms.IntegerField(
        label="Quality, 0 to 100",
        required=False,
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attributes(inputmode="numeric")),
        help_text="Empty: guessed from the price.",
    )
    enabled = forms.BooleanField(label="Enabled: groups may send requests to it", required=False, initial=True)

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")

    @classmethod
    def of(cls, model: LanguageModel) -> ModelForm:
        """The form of a stored model."""
        return cls(initial={name: getattr(model, name) for name in OWN})

    def model_fields(self) -> ModelFields:
        """The valid fields except the name, as arguments of the actions."""
        said = self.cleaned_data
        return {
            "display_name": said["display_name"],
            "input_cost_per_million": said["input_cost_per_million"],
            "output_cost_per_million": said["output_cost_per_million"],
            "cached_input_cost_per_million": said["cached_input_cost_per_million"],
            "cache_write_cost_per_million": said["cache_write_cost_per_million"],
            "context_length": said["context_length"],
            "capabilities": said["capabilities"] or None,
            "quality": said["quality"],
            "enabled": said["enabled"],
        }

    def blame(self, error: ValidationError) -> None:
        """Shows an action's errors beside their fields."""
        blame(self, error, places={})


class NewModelForm(ModelForm):
    """A new model of a provider."""

    provider = forms.ModelChoiceField(
        Provider.objects.order_by("name"),
        label="Provider",
        empty_label="Choose a provider",
        widget=forms.Select({"class": "input"}),
        error_messages={"required": "Choose the provider of the model.", "invalid_choice": "This provider is gone."},
    )


class ModelFilterForm(forms.Form):
    """The filters of the list of models; invalid values are ignored."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=128,
        widget=forms.TextInput({"class": "input", "type": "search", "placeholder": "Search models by name"}),
    )
    provider = forms.ModelChoiceField(
        Provider.objects.order_by("name"),
        label="Provider",
        required=False,
        empty_label="Every provider",
        widget=forms.Select({"class": "input"}),
    )
    capability = forms.ChoiceField(
        label="Capability",
        required=False,
        choices=[("", "Any capability"), *((word, word) for word in (*MODES, *CAPABILITIES.values()))],
        widget=forms.Select({"class": "input"}),
    )
    status = forms.ChoiceField(
        label="Status",
        required=False,
        choices=[("", "Enabled or not"), ("enabled", "Enabled"), ("disabled", "Disabled")],
        widget=forms.Select({"class": "input"}),
    )
    sort = forms.CharField(required=False, max_length=32)

    @property
    def chosen(self) -> dict[str, Any]:
        """The current filters and order."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def is_narrowing(self) -> bool:
        return bool(self.chosen.keys() - {"sort"})
