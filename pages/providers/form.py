"""The form of one provider, with the fields that its type needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from pages.forms import ActionForm, ObjectField, SecretField, WholeNumberField, WordsField, attributes
from pages.providers.protocols import UNTRIED, answer_of
from providers import secrets
from providers.actions import ProviderFields
from providers.adaptations.allowed_extras import check_extra_body, check_extra_headers
from providers.adaptations.usual_dialects import usual_dialects
from providers.models import NAME, UPSTREAM_NAME, Provider, check_base_url
from providers.presets import BY_TYPE, ROWS, Field, Preset, litellm_providers, preset_of
from providers.rules import DIALECTS

DEFAULT_TYPE = "openrouter"
SETTING, CREDENTIAL = "settings-", "credentials-"
OWN = (
    *("name", "api_base", "priority", "auto_fallback", "proves_standby", "enabled", "rpm", "tpm"),
    *("dialects", "extra_headers", "extra_body"),
)
SPOKEN = {
    "chat": "Chat Completions (OpenAI's protocol), directly",
    "responses": "Responses (OpenAI's), directly",
    "messages": "Messages (Anthropic's), directly",
    "litellm": "Through LiteLLM",
}
RETYPE = "What is typed here is never sent back: after an error, type it again."


# Chosen for a type without a preset, which is then typed.
OTHER = "other"


def other_types() -> list[str]:
    """LiteLLM's providers without a preset."""
    return sorted(litellm_providers() - set(BY_TYPE))


def type_in(data: Mapping[str, Any]) -> str:
    """The type in a posted form, empty if it is another one and not typed yet."""
    chosen = str(data.get("type") or DEFAULT_TYPE)
    return str(data.get("other_type", "")).strip().lower() if chosen == OTHER else chosen


class TypeSelect(forms.Select):
    """The types with a preset, and one entry for all others, whose name is typed beside it."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str:
        return type_in(data)


class ProviderForm(ActionForm):
    """A new provider or, with `provider`, an existing one: then the type stays, and empty secrets stay as they are."""

    type = forms.ChoiceField(
        label="Type",
        initial=DEFAULT_TYPE,
        widget=TypeSelect({"class": "input"}),
        error_messages={
            "required": "Choose the provider's type, or type the name that LiteLLM has for it.",
            "invalid_choice": "LiteLLM knows no provider '%(value)s'. Choose one from the list.",
        },
    )
    name = forms.CharField(
        label="Name", required=False, max_length=64, validators=[NAME], widget=forms.TextInput(attributes())
    )
    api_base = forms.CharField(
        label="Base URL",
        required=False,
        max_length=512,
        validators=[check_base_url],
        widget=forms.TextInput(attributes(inputmode="url")),
    )
    api_key = SecretField(label="API key")
    remove_key = forms.BooleanField(label="Remove the stored key", required=False)
    priority = forms.IntegerField(
        label="Priority",
        min_value=1,
        max_value=100,
        initial=50,
        widget=forms.NumberInput(attributes()),
        help_text="1 to 100. Lower numbers come first.",
        error_messages={"required": "Give a priority from 1 to 100."},
    )
    auto_fallback = forms.BooleanField(label="Enable automatic fallback to this provider", required=False, initial=True)
    proves_standby = forms.BooleanField(label="Ask idle deployments for one token", required=False, initial=True)
    enabled = forms.BooleanField(label="Enabled: requests may go there", required=False, initial=True)
    rpm = WholeNumberField(label="Requests a minute", help_text="Per deployment. Empty: no limit.")
    tpm = WholeNumberField(label="Tokens a minute", help_text="Per deployment. Empty: no limit.")
    dialects = forms.MultipleChoiceField(
        label="Protocols spoken with it",
        required=False,
        choices=[(name, SPOKEN[name]) for name in DIALECTS],
        widget=forms.CheckboxSelectMultiple,
    )
    extra_headers = ObjectField(
        label="Extra headers of requests to it",
        example='{"HTTP-Referer": "https://shop.example"}',
        validators=[check_extra_headers],
        help_text="They win over the client's. No secrets: everybody who may read providers reads them.",
    )
    extra_body = ObjectField(
        label="Extra fields of requests to it",
        example='{"provider": {"data_collection": "deny"}}',
        validators=[check_extra_body],
        help_text="In the provider's words. They win over the client's, whose value is then named as left out.",
    )
    other_models = WordsField(
        label="Models by name",
        max_length=256,
        validators=[UPSTREAM_NAME],
        widget=forms.Textarea(attributes(rows=2)),
        help_text="For models that are not in the list: their names, one per line.",
    )

    def __init__(self, data: Any = None, *, provider: Provider | None = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.provider = provider
        self.hints = secrets.hints_of(provider) if provider else {}
        types: Any = self.fields["type"]
        others = [*other_types(), *([provider.type] if provider else [])]
        types.choices = [*((row.type, row.display_name) for row in ROWS), *((name, name) for name in others)]
        if provider:
            types.required, types.disabled, self.initial["type"] = False, True, provider.type
        self.preset: Preset = preset_of(str(self["type"].value()))
        self.places = self._places()
        self.fields.update(self._of_the_type())
        self._say_what_is_needed()

    @classmethod
    def of(cls, provider: Provider) -> ProviderForm:
        """The form of a stored provider."""
        settings = {SETTING + name: value for name, value in provider.settings.items()}
        return cls(provider=provider, initial={**settings, **{name: getattr(provider, name) for name in OWN}})

    @classmethod
    def typed(cls, data: QueryDict, provider: Provider | None = None) -> ProviderForm:
        """The unchecked input so far, without secrets."""
        draft = cls(provider=provider, initial={"type": type_in(data)})
        for name, field in draft.fields.items():
            if not isinstance(field, SecretField) and name != "type":
                draft.initial[name] = field.widget.value_from_datadict(data, {}, name)
        return draft

    @property
    def presets(self) -> list[tuple[str, str]]:
        """The types to choose from at once."""
        return [(row.type, row.display_name) for row in ROWS]

    @property
    def other_types(self) -> list[str]:
        """The others, to search in."""
        return other_types()

    @property
    def is_other(self) -> bool:
        """Whether the type is one that is typed."""
        return self.preset.type not in BY_TYPE

    def _of_the_type(self) -> Iterator[tuple[str, forms.Field]]:
        for field in self.preset.settings:
            widget = forms.TextInput(attributes(placeholder=field.example))
            help_text = f"Empty: {field.default}." if field.default else ""
            setting = forms.CharField(
                label=field.label, required=False, max_length=256, widget=widget, help_text=help_text
            )
            yield SETTING + field.name, setting
        for field in self.preset.credentials:
            yield CREDENTIAL + field.name, SecretField(label=field.label, help_text=self._secret_hint(field.name))

    def _say_what_is_needed(self) -> None:
        preset, fields = self.preset, self.fields
        fields["name"].help_text = "Empty: that of the type." if self.provider is None else "Empty: unchanged."
        fields["api_base"].widget.attrs["placeholder"] = preset.base_url or preset.example_url
        fields["api_base"].help_text = (
            "Needed for this type." if preset.needs_base_url else "Empty: the provider's own address."
        )
        fields["dialects"].help_text = f"None selected: what is usual for the type{self.usual_dialects}. {UNTRIED}"
        dialects: Any = fields["dialects"]
        said = self.provider.dialects_probed if self.provider else {}
        dialects.choices = [(name, f"{SPOKEN[name]}{answer_of(said.get(name))}") for name in DIALECTS]
        fields["api_key"].help_text = self._secret_hint(secrets.API_KEY)
        fields["api_key"].widget.attrs["placeholder"] = "sk-…"
        if secrets.API_KEY not in self.hints:
            del fields["remove_key"]

    @property
    def usual_dialects(self) -> str:
        """What is spoken with a stored provider where nothing is ticked."""
        if self.provider is None:
            return ""
        usual = usual_dialects(self.preset, self.provider.api_base)
        return f", {', '.join(SPOKEN[name].partition(' (')[0] for name in DIALECTS if name in usual)}"

    def _secret_hint(self, name: str) -> str:
        return f"Stored: {self.hints[name]}. Empty: unchanged. {RETYPE}" if name in self.hints else RETYPE

    @property
    def about_proofs(self) -> str:
        """What the test requests to standbys are for, and what they cost."""
        if not settings.STANDBY_PROOF_HOURS > 0:
            return "Nobody is asked: STANDBY_PROOF_HOURS is 0."
        return (
            f"Those that have answered nothing for {settings.STANDBY_PROOF_HOURS:g} hours, to find a dead fallback "
            "before it is needed. Its provider charges for them: a few cents a year."
        )

    @property
    def has_more(self) -> bool:
        """Whether a folded field is set or invalid."""
        return any(self[name].errors or self[name].value() for name in ("dialects", "extra_headers", "extra_body"))

    @property
    def settings_fields(self) -> list[forms.BoundField]:
        return self._bound(SETTING, self.preset.settings)

    @property
    def credential_fields(self) -> list[forms.BoundField]:
        return self._bound(CREDENTIAL, self.preset.credentials)

    def _bound(self, prefix: str, fields: Iterable[Field]) -> list[forms.BoundField]:
        return [self[prefix + field.name] for field in fields]

    @property
    def new_key(self) -> str | None:
        """The key to set, '' to remove it, None to leave it."""
        said = self.cleaned_data
        return said.get("api_key") or ("" if said.get("remove_key") or self.provider is None else None)

    @property
    def new_credentials(self) -> dict[str, str]:
        """The other typed secrets, by LiteLLM's names."""
        return self._said(CREDENTIAL, self.preset.credentials)

    @property
    def settings(self) -> dict[str, str]:
        return self._said(SETTING, self.preset.settings)

    def _said(self, prefix: str, fields: Iterable[Field]) -> dict[str, str]:
        return {field.name: value for field in fields if (value := self.cleaned_data.get(prefix + field.name))}

    def provider_fields(self) -> ProviderFields:
        """The valid fields, as arguments of the actions."""
        said = self.cleaned_data
        return {
            "name": said["name"],
            "api_base": said["api_base"],
            "priority": said["priority"],
            "auto_fallback": said["auto_fallback"],
            "proves_standby": said["proves_standby"],
            "enabled": said["enabled"],
            "rpm": said["rpm"],
            "tpm": said["tpm"],
            "settings": self.settings,
            "dialects": said["dialects"],
            "extra_headers": said["extra_headers"],
            "extra_body": said["extra_body"],
        }

    def _places(self) -> dict[str, str]:
        """The fields beside which errors are shown: those of the type beside the first of its fields."""
        settings, credentials = self.preset.settings, self.preset.credentials
        places = {"models": "other_models"}
        places |= {"settings": SETTING + settings[0].name} if settings else {}
        places |= {"credentials": CREDENTIAL + credentials[0].name} if credentials else {}
        return places
