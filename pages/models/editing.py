"""Add, edit, switch and delete models, one or, from the checklist of a provider, many."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.views.decorators.http import require_http_methods, require_POST

from pages.dialogs import came_from, dialog, done, refusals_told
from pages.guards import PersonRequest
from pages.models.form import ModelForm, NewModelForm
from pages.parts import Question, ask, way_back
from pages.providers.connection_test import listed_in
from pages.providers.offers import Checklist
from pages.providers.page_rights import editors_only
from providers import actions, rules
from providers.health import connection_check
from providers.models import LanguageModel, Provider

FORM, CHECKLIST = "models/model_form.html", "models/model_checklist.html"


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def model_new(request: PersonRequest) -> HttpResponseBase:
    """A new model by name, with typed prices if the price map has none."""
    if request.method != "POST":
        return _form_page(request, NewModelForm(initial={"provider": request.GET.get("provider")}), None)
    form = NewModelForm(request.POST)
    added = form.accepted(
        lambda: actions.create_model(
            by=request.user,
            provider=form.cleaned_data["provider"],
            name=form.cleaned_data["name"],
            **form.model_fields(),
        )
    )
    return done(request, f"{added} is added.") if added else _form_page(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def model_edit(request: PersonRequest, model_id: UUID) -> HttpResponseBase:
    """A stored model as a form; POST saves it."""
    model = get_object_or_404(LanguageModel.objects.select_related("provider"), pk=model_id)
    if request.method != "POST":
        return _form_page(request, ModelForm.of(model), model)
    form = ModelForm(request.POST)
    saved = form.accepted(
        lambda: actions.update_model(
            by=request.user, model=model, name=form.cleaned_data["name"], **form.model_fields()
        )
    )
    return done(request, f"{saved} is saved.") if saved else _form_page(request, form, model)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def models_add(request: PersonRequest, provider_id: UUID) -> HttpResponseBase:
    """A provider's checklist: the models of the price map, or of the provider's own list."""
    provider = get_object_or_404(Provider.objects.select_related("key"), pk=provider_id)
    if request.method != "POST":
        return _checklist_page(request, provider, Checklist(type=provider.type))
    checklist = Checklist.in_form(request.POST, type=provider.type)
    do = request.POST.get("do") or ("find" if checklist.text else "save")
    if do == "ask":
        finding = connection_check.models_of(provider)
        return _checklist_page(request, provider, listed_in(checklist, finding), finding=finding)
    return _add(request, provider, checklist) if do == "save" else _checklist_page(request, provider, checklist)


@require_POST
@editors_only
def model_switch(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Turns one model on or off, by the pressed button."""
    model = get_object_or_404(LanguageModel, pk=model_id)
    is_on = request.POST.get("enabled") == "1"
    actions.update_model(by=request.user, model=model, enabled=is_on)
    messages.success(request, f"{model.name} is {'enabled' if is_on else 'disabled'}.")
    return redirect(way_back(request))


@require_POST
@editors_only
def model_delete(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Asks; with `sure` deletes."""
    model = get_object_or_404(LanguageModel.objects.select_related("provider"), pk=model_id)
    with refusals_told(request):
        rules.check_can_delete_model(model)
        if "sure" not in request.POST:
            return ask(request, _question(model, back=way_back(request)))
        actions.delete_model(by=request.user, model=model)
        messages.success(request, f"{model} is deleted.")
    return redirect(way_back(request))


def _add(request: PersonRequest, provider: Provider, checklist: Checklist) -> HttpResponse:
    """Adds the ticked models; a model that was added in the meantime is not an error."""
    existing = list(provider.models.values_list("name", flat=True))
    new = [name for name in checklist.ticked if name not in existing]
    if not new:
        return _checklist_page(request, provider, checklist, error="Tick the models to add first.", status=422)
    try:
        actions.update_provider(by=request.user, provider=provider, models=[*existing, *new])
    except ValidationError as error:
        return _checklist_page(request, provider, checklist, error=" ".join(error.messages), status=422)
    return done(request, f"{len(new)} model{'s are' if len(new) > 1 else ' is'} added to {provider.name}.")


def _form_page(request: PersonRequest, form: ModelForm, model: LanguageModel | None) -> HttpResponse:
    context = {
        "form": form,
        "model": model,
        "action": resolve_url("model-edit", model.pk) if model else resolve_url("model-new"),
        "next": came_from(request, resolve_url("model-list")),
    }
    return dialog(request, FORM, "model", context, status=form.status)


def _checklist_page(
    request: PersonRequest, provider: Provider, checklist: Checklist, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "provider": provider,
        "checklist": checklist,
        "action": resolve_url("models-add", provider.pk),
        "next": came_from(request, resolve_url("model-list")),
        **more,
    }
    return dialog(request, CHECKLIST, "checklist", context, status=status)


def _question(model: LanguageModel, *, back: str) -> Question:
    return Question(
        title=f"Delete {model.name}?",
        lost=(f"the model {model}, with its prices and quality",),
        consequence="No routing group uses it. Requests that name it fail from then on. This can't be undone.",
        button="Delete model",
        back=back,
        fields=(("next", back),),
    )
