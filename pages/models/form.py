"""The forms of the models: a model, and the filters of the list."""

from __future__ import annotations

from django import forms

from pages.forms import (
    ActionForm,
    FilterForm,
    PriceField,
    SearchField,
    SelectField,
    UsdField,
    WholeNumberField,
    WordsField,
    attributes,
)
from providers.actions import ModelFields
from providers.catalog.price_map import CAPABILITIES
from providers.catalog.search import MODES
from providers.models import UPSTREAM_NAME, LanguageModel, LimitName, Provider, SystemRole, Unit

OWN = (
    *("name", "display_name", "input_cost_per_million", "output_cost_per_million", "cached_input_cost_per_million"),
    *("cache_write_cost_per_million", "unit", "price_per_unit", "context_length", "max_output_tokens", "base_model"),
    *("limit_name", "system_role"),
    *("capabilities", "quality", "enabled"),
)
FROM_CATALOG = "Empty: what the catalog says."


class ModelForm(ActionForm):
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
    unit = SelectField(
        label="Charged by, besides tokens",
        required=False,
        choices=[("", "What the catalog says"), *Unit.choices],
    )
    price_per_unit = UsdField(
        label="Price of one of these, $",
        required=False,
        min_value=0,
        max_digits=16,
        decimal_places=10,
        help_text=FROM_CATALOG,
    )
    context_length = WholeNumberField(label="Context, tokens", help_text=FROM_CATALOG)
    max_output_tokens = WholeNumberField(
        label="Longest answer, tokens", help_text=f"{FROM_CATALOG} Requests for more are sent with this limit."
    )
    base_model = forms.CharField(
        label="Base model",
        required=False,
        max_length=256,
        validators=[UPSTREAM_NAME],
        widget=forms.TextInput(attributes(placeholder="gpt-4o")),
        help_text="The catalog's name of the model, if the provider's is your own, as an Azure deployment's is. "
        "Prices, limits and rules for parameters come from it.",
    )
    limit_name = SelectField(
        label="Name of its limit of output tokens",
        required=False,
        choices=[("", "Either, or learned from a refusal"), *LimitName.choices],
    )
    system_role = SelectField(
        label="Role of its system messages",
        required=False,
        choices=[("", "Either, or learned from a refusal"), *SystemRole.choices],
    )
    capabilities = WordsField(
        label="Capabilities",
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
            "unit": said["unit"] or None,
            "price_per_unit": said["price_per_unit"],
            "context_length": said["context_length"],
            "max_output_tokens": said["max_output_tokens"],
            "base_model": said["base_model"],
            "limit_name": said["limit_name"],
            "system_role": said["system_role"],
            "capabilities": said["capabilities"] or None,
            "quality": said["quality"],
            "enabled": said["enabled"],
        }


class NewModelForm(ModelForm):
    """A new model of a provider."""

    provider = forms.ModelChoiceField(
        Provider.objects.order_by("name"),
        label="Provider",
        empty_label="Choose a provider",
        widget=forms.Select({"class": "input"}),
        error_messages={"required": "Choose the provider of the model.", "invalid_choice": "This provider is gone."},
    )


class ModelFilterForm(FilterForm):
    """The filters of the list of models."""

    q = SearchField(placeholder="Search models by name")
    provider = forms.ModelChoiceField(
        Provider.objects.order_by("name"),
        label="Provider",
        required=False,
        empty_label="Every provider",
        widget=forms.Select({"class": "input"}),
    )
    capability = SelectField(
        label="Capability",
        required=False,
        choices=[("", "Any capability"), *((word, word) for word in (*MODES, *CAPABILITIES.values()))],
    )
    status = SelectField(
        label="Status",
        required=False,
        choices=[("", "Enabled or not"), ("enabled", "Enabled"), ("disabled", "Disabled")],
    )
    sort = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)
