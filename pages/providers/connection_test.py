"""Test Connection: for a card, and for an unsaved form."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from engine.probes.findings import Finding, Trouble
from lib.exceptions import DomainError
from lib.ids import uuid_of
from pages.guards import PersonRequest
from pages.parts import wants_part, way_back
from pages.providers.form import ProviderForm, type_in
from pages.providers.offers import MOST_LISTED, Checklist
from pages.providers.page_rights import editors_only, testers_only
from pages.providers.protocols import heard
from providers import secrets
from providers.health import connection_check
from providers.models import Provider

RESULT = "providers/_connection.html"


@require_POST
@testers_only
def provider_test(request: PersonRequest, provider_id: UUID) -> HttpResponse:
    """Tests a saved provider; the result is shown on its card, or in a toast."""
    provider = get_object_or_404(Provider.objects.select_related("key"), pk=provider_id)
    finding = connection_check.check_saved(provider)
    if not wants_part(request):
        tell = messages.success if finding.is_ok else messages.error
        tell(request, f"{provider.name}: {_sentence(finding)}")
        return redirect(way_back(request))
    return trigger_client_event(
        render(request, RESULT, {"finding": finding, "heard": heard(finding.spoken)}), "providers-changed"
    )


@sensitive_post_parameters()
@require_POST
@editors_only
def connection_test(request: PersonRequest) -> HttpResponse:
    """Tests the input of the form; the models that the provider lists appear in the checklist."""
    provider = _provider(request)
    finding = tried(request, provider)
    type = provider.type if provider else type_in(request.POST)
    checklist = listed_in(Checklist.in_form(request.POST, type=type), finding)
    context = {"finding": finding, "heard": heard(finding.spoken), "checklist": checklist, "is_tried": True}
    return render(request, "providers/provider_form.html#connection", context)


@sensitive_variables()
def tried(request: PersonRequest, provider: Provider | None) -> Finding:
    """Tests the typed connection, with the stored secrets where none were typed; an error in the form is a finding."""
    form = ProviderForm(request.POST, provider=provider)
    form.is_valid()
    for name in ("type", "api_base", "api_key"):
        if form.errors.get(name):
            return _refused(" ".join(map(str, form.errors[name])))
    try:
        target = connection_check.unsaved_target(
            type=form.preset.type,
            api_key=form.new_key,
            api_base=form.cleaned_data["api_base"],
            settings=form.settings,
            credentials=form.new_credentials,
            held=secrets.read(provider.key) if provider and hasattr(provider, "key") else connection_check.NOTHING_HELD,
        )
        return connection_check.check(target)
    except ValidationError as error:
        return _refused(" ".join(error.messages))
    except DomainError as error:
        return _refused(str(error))


def listed_in(checklist: Checklist, finding: Finding) -> Checklist:
    """The checklist with the models that the provider listed."""
    return replace(checklist, listed=finding.models[:MOST_LISTED]) if finding.models else checklist


def _provider(request: PersonRequest) -> Provider | None:
    """The provider of the form, None for a new one."""
    found = uuid_of(request.POST.get("provider", ""))
    return get_object_or_404(Provider.objects.select_related("key"), pk=found) if found else None


def _refused(why: str) -> Finding:
    return Finding(0.0, trouble=Trouble.UNUSABLE, error=why)


def _sentence(finding: Finding) -> str:
    if not finding.is_ok:
        return finding.error
    return f"answers in {finding.latency_ms:.0f} ms, {len(finding.models)} models."
