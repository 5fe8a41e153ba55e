"""Add, configure and delete a provider. Each dialog also works as a page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from pages.dialogs import came_from, dialog, done, refusals_told
from pages.guards import PersonRequest
from pages.parts import Question, ask, way_back
from pages.providers import connection_test
from pages.providers.form import DEFAULT_TYPE, ProviderForm, type_in
from pages.providers.offers import Checklist
from pages.providers.page_rights import editors_only
from pages.providers.protocols import heard
from providers import actions, rules
from providers.health.connection_check import check_saved
from providers.models import Provider

PAGE = "providers/provider_form.html"
MOST_NAMED = 30


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def provider_new(request: PersonRequest) -> HttpResponseBase:
    """An empty form; POST adds the provider."""
    if request.method == "POST":
        return _posted(request, None)
    return _page(request, ProviderForm(), Checklist(type=DEFAULT_TYPE), None)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def provider_edit(request: PersonRequest, provider_id: UUID) -> HttpResponseBase:
    """A stored provider as a form; POST saves it."""
    provider = get_object_or_404(Provider.objects.select_related("key"), pk=provider_id)
    if request.method == "POST":
        return _posted(request, provider)
    names = tuple(provider.models.order_by("name").values_list("name", flat=True)[: actions.MAX_MODELS_AT_ONCE])
    checklist = Checklist(type=provider.type, ticked=names, present=names)
    return _page(request, ProviderForm.of(provider), checklist, provider)


@require_POST
@editors_only
def type_fields(request: PersonRequest) -> HttpResponse:
    """The fields of the chosen type, with the input of the others."""
    form = ProviderForm.typed(request.POST)
    checklist = Checklist(type=form.preset.type, ticked=(), present=())
    return render(request, f"{PAGE}#type-fields", {"form": form, "checklist": checklist, "is_switched": True})


@require_POST
@editors_only
def provider_offers(request: PersonRequest) -> HttpResponse:
    """The checklist of models, filtered by its search words."""
    checklist = Checklist.in_form(request.POST, type=type_in(request.POST))
    return render(request, f"{PAGE}#offers", {"checklist": checklist})


@require_POST
@editors_only
def provider_delete(request: PersonRequest, provider_id: UUID) -> HttpResponse:
    """Asks, naming what will be lost; with `sure` it deletes."""
    provider = get_object_or_404(Provider, pk=provider_id)
    with refusals_told(request):
        rules.check_can_delete_provider(provider)
        if "sure" not in request.POST:
            return ask(request, _question(provider, back=way_back(request)))
        actions.delete_provider(by=request.user, provider=provider)
        messages.success(request, f"{provider.name} is deleted.")
    return redirect(way_back(request))


def _posted(request: PersonRequest, provider: Provider | None) -> HttpResponseBase:
    """Saves; a browser without JavaScript also posts the form to change the type, to search and to test."""
    data = request.POST
    do = data.get("do") or ("find" if data.get("q") else "save")
    if do == "save":
        return _saved(request, provider)
    form, checklist = ProviderForm.typed(data, provider), _checklist(data, provider)
    if do != "test":
        return _page(request, form, checklist, provider)
    finding = connection_test.tried(request, provider)
    told = {"finding": finding, "heard": heard(finding.spoken)}
    return _page(request, form, connection_test.listed_in(checklist, finding), provider, **told)


def _checklist(data: QueryDict, provider: Provider | None) -> Checklist:
    return Checklist.in_form(data, type=provider.type if provider else type_in(data))


def _saved(request: PersonRequest, provider: Provider | None) -> HttpResponse:
    form, checklist = ProviderForm(request.POST, provider=provider), _checklist(request.POST, provider)
    saved = form.accepted(lambda: _stored(request, form, checklist, provider))
    if saved is None:
        return _page(request, form, checklist, provider)
    doubt = _doubt(form, saved, provider)
    return done(request, f"{saved.name} is saved{doubt}", is_good=doubt == ".")


@sensitive_variables()
def _doubt(form: ProviderForm, saved: Provider, before: Provider | None) -> str:
    """The end of the message: a full stop, or what keeps an enabled provider from answering.

    It is tested if it may have begun to answer otherwise: where it is, its secrets, or that it is enabled.
    """
    if not saved.enabled:
        return "."
    has_changed = before is None or form.new_key is not None or bool(form.new_credentials)
    if has_changed or _place_of(saved) != _place_of(before):
        finding = check_saved(Provider.objects.select_related("key").get(pk=saved.pk))
        if not finding.is_ok:
            return f", but its test failed: {finding.error.rstrip('.')}. Requests to it will fail until that is mended."
    if not saved.models.exists():
        return ", but has no models, so nobody can call it. Tick some in Configure."
    return "."


def _place_of(provider: Provider | None) -> tuple[object, ...]:
    return (provider.api_base, provider.settings, provider.enabled) if provider else ()


@sensitive_variables()
def _stored(request: PersonRequest, form: ProviderForm, checklist: Checklist, provider: Provider | None) -> Provider:
    fields = form.provider_fields()
    if provider is None:
        names = list(dict.fromkeys((*checklist.ticked, *form.cleaned_data["other_models"])))
        return actions.create_provider(
            by=request.user,
            type=form.preset.type,
            api_key=form.new_key or "",
            credentials=form.new_credentials,
            models=names,
            **fields,
        )
    existing = list(provider.models.order_by("name").values_list("name", flat=True))
    names = list(dict.fromkeys((*checklist.names_now(existing), *form.cleaned_data["other_models"])))
    return actions.update_provider(
        by=request.user,
        provider=provider,
        api_key=form.new_key,
        credentials=form.new_credentials,
        models=names if set(names) != set(existing) else None,
        **fields,
    )


def _page(
    request: PersonRequest, form: ProviderForm, checklist: Checklist, provider: Provider | None, **more: Any
) -> HttpResponse:
    context = {
        "form": form,
        "checklist": checklist,
        "provider": provider,
        "action": resolve_url("provider-edit", provider.pk) if provider else resolve_url("provider-new"),
        "next": came_from(request, resolve_url("provider-list")),
        **more,
    }
    return dialog(request, PAGE, "provider", context, status=form.status)


def _question(provider: Provider, *, back: str) -> Question:
    names = list(provider.models.order_by("name").values_list("name", flat=True)[: MOST_NAMED + 1])
    more = provider.models.count() - MOST_NAMED
    models = [f"the model {name}" for name in names[:MOST_NAMED]]
    rest = [f"and {more} more models"] if more > 0 else []
    return Question(
        title=f"Delete {provider.name}?",
        lost=(f"the provider {provider.name}, with its stored key and its history", *models, *rest),
        consequence="No routing group uses it. Requests that name its models fail from then on. This can't be undone.",
        button="Delete provider",
        back=back,
        fields=(("next", back),),
    )
