"""Step 1: the key of a provider. It is tested first; only a key with models is kept, for a provider that is off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from access.models import Role
from engine.probes.findings import Finding
from pages.forms import ActionForm, SecretField, attributes
from pages.guards import PersonRequest, requires
from pages.overview.demo_card import demo_context, demo_now
from pages.start.step_page import go_on, step_page
from pages.start.wizard_steps import WhyNot, why_not
from providers import actions, secrets
from providers.health import connection_check
from providers.models import Provider, check_base_url
from providers.presets import ROWS, Preset, preset_of
from providers.secrets import Credentials

PAGE = "start/key_step.html"
# What a key alone is enough for, or an address.
TYPES = [(row.type, row.display_name) for row in ROWS if not row.fields]
NEEDS = "models to serve: choose them in the guided start"
admins_only = requires(Role.ADMIN, to="connect a provider")


class KeyStepForm(ActionForm):
    """A provider's type, address and key; with `provider`, a stored one, whose type stays and whose key may stay."""

    type = forms.ChoiceField(label="Provider", choices=TYPES, initial="openai", widget=forms.Select({"class": "input"}))
    api_key = SecretField(label="Key")
    api_base = forms.CharField(
        label="Base URL",
        required=False,
        max_length=512,
        validators=[check_base_url],
        widget=forms.TextInput(attributes(inputmode="url", placeholder="https://llm.example.com/v1")),
        help_text="Empty: the provider's own address. vLLM, Ollama and Custom need one.",
    )

    def __init__(self, data: Any = None, *, provider: Provider | None = None) -> None:
        said = {"type": provider.type, "api_base": provider.api_base} if provider else {}
        super().__init__(data, initial=said)
        self.provider = provider
        if provider:
            kind: Any = self.fields["type"]
            kind.disabled, kind.choices = True, [(provider.type, preset_of(provider.type).display_name)]
        held = secrets.hints_of(provider).get(secrets.API_KEY) if provider else None
        self.fields["api_key"].help_text = (
            f"Stored: {held}. Empty: unchanged."
            if held
            else "It is encrypted when it is stored, and never shown again."
        )

    @property
    def preset(self) -> Preset:
        """The chosen type's."""
        return preset_of(str(self["type"].value() or ""))

    @property
    def title(self) -> str:
        """The provider's name, for messages."""
        return self.provider.name if self.provider else preset_of(self.cleaned_data["type"]).display_name

    @property
    def typed_key(self) -> str | None:
        """The typed key; None keeps the stored one."""
        return self.cleaned_data["api_key"] or (None if self.provider else "")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def key_step(request: PersonRequest, provider_id: UUID | None = None) -> HttpResponseBase:
    """The form; POST tests the key, and stores it if the provider lists models for it."""
    rows = Provider.objects.select_related("key")
    provider = get_object_or_404(rows, pk=provider_id) if provider_id else None
    if request.method != "POST":
        return _page(request, KeyStepForm(provider=provider))
    form = KeyStepForm(request.POST, provider=provider)
    trouble = _trouble(form)
    stored = None if trouble or form.errors else form.accepted(lambda: _stored(request, form))
    if stored is None:
        return _page(request, form, trouble)
    return go_on(request, reverse("start-models", args=[stored.pk]))


@sensitive_variables()
def _trouble(form: KeyStepForm) -> WhyNot | None:
    """Why the key is not to be stored; what is wrong with a field is an error of the form instead."""
    if not form.is_valid():
        return None
    try:
        return why_not(_tested(form), form.title)
    except ValidationError as error:
        form.blame(error)
        return None


@sensitive_variables()
def _tested(form: KeyStepForm) -> Finding:
    provider = form.provider
    held = secrets.read(provider.key) if provider and hasattr(provider, "key") else Credentials()
    target = connection_check.unsaved_target(
        type=form.cleaned_data["type"],
        api_key=form.typed_key,
        api_base=form.cleaned_data["api_base"],
        settings=provider.settings if provider else None,
        held=held,
    )
    return connection_check.check(target)


@sensitive_variables()
def _stored(request: PersonRequest, form: KeyStepForm) -> Provider:
    api_base = form.cleaned_data["api_base"]
    if form.provider:
        return actions.update_provider(
            by=request.user, provider=form.provider, api_key=form.typed_key, api_base=api_base
        )
    return actions.create_waiting_provider(
        by=request.user,
        type=form.cleaned_data["type"],
        needs=[NEEDS],
        api_key=form.typed_key or "",
        api_base=api_base,
    )


def _page(request: PersonRequest, form: KeyStepForm, trouble: WhyNot | None = None) -> HttpResponse:
    context = {
        "form": form,
        "trouble": trouble,
        "provider": form.provider,
        "waiting": [] if form.provider else Provider.objects.filter(enabled=False, models=None).exclude(key=None)[:5],
        **demo_context(request, demo_now()),
    }
    return step_page(request, PAGE, 1, [], context, is_refused=bool(trouble or form.errors))
