"""Step 2: which models of the provider are served. One of them is asked for a token before the provider is on."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from engine.probes.findings import Finding
from lib.exceptions import DomainError
from pages.guards import PersonRequest
from pages.providers.offers import MOST_LISTED, Checklist
from pages.start.key_step import admins_only
from pages.start.step_page import go_on, step_page
from pages.start.wizard_steps import WhyNot, chat_models, suggested, why_not
from providers import actions, secrets
from providers.health import connection_check, probe_schedule
from providers.models import Provider

PAGE = "start/models_step.html"
NONE_TICKED = WhyNot("No model is selected.", "Select at least one; with two, the second answers when the first fails.")


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def models_step(request: PersonRequest, provider_id: UUID) -> HttpResponseBase:
    """The provider's models to tick; POST tries one, and switches the provider on."""
    provider = get_object_or_404(Provider.objects.select_related("key"), pk=provider_id)
    if request.method != "POST":
        return _offered(request, provider)
    checklist = Checklist.in_form(request.POST, type=provider.type)
    if _is_search(request.POST):
        return _page(request, provider, checklist)
    trouble = _saved(request, provider, checklist) if checklist.ticked else NONE_TICKED
    if trouble:
        return _page(request, provider, checklist, trouble)
    return go_on(request, reverse("start-group", args=[provider.pk]))


def _is_search(data: QueryDict) -> bool:
    """Without JavaScript the search posts the form, too."""
    return (data.get("do") or ("find" if data.get("q") else "save")) == "find"


def _offered(request: PersonRequest, provider: Provider) -> HttpResponse:
    finding = connection_check.models_of(provider)
    present = tuple(provider.models.order_by("name").values_list("name", flat=True))
    listed = finding.models[:MOST_LISTED]
    ticked = present or suggested(provider.type, listed)
    checklist = Checklist(type=provider.type, ticked=ticked, present=present, listed=listed)
    return _page(request, provider, checklist, why_not(finding, provider.name), is_refused=False)


def _saved(request: PersonRequest, provider: Provider, checklist: Checklist) -> WhyNot | None:
    """Saves the ticked models and switches the provider on; or says why neither is done."""
    existing = list(provider.models.values_list("name", flat=True))
    names = checklist.names_now(existing)
    try:
        finding = _tried(provider, names)
        if trouble := why_not(finding, provider.name):
            return trouble
        actions.update_provider(by=request.user, provider=provider, models=names, enabled=True)
    except ValidationError as error:
        return WhyNot("These models can't be saved.", " ".join(error.messages))
    except DomainError as error:
        return WhyNot("These models can't be saved.", str(error))
    probe_schedule.record(provider_id=provider.pk, finding=finding)
    return None


def _tried(provider: Provider, names: list[str]) -> Finding:
    """A token of the cheapest model that chats shows what a list does not: that there is credit."""
    held = secrets.read(provider.key) if hasattr(provider, "key") else connection_check.NOTHING_HELD
    target = connection_check.unsaved_target(
        type=provider.type, api_base=provider.api_base, settings=provider.settings, held=held
    )
    model = next(iter(chat_models(provider.type, names)), None)
    return connection_check.check(replace(target, model=model))


def _page(
    request: PersonRequest,
    provider: Provider,
    checklist: Checklist,
    trouble: WhyNot | None = None,
    *,
    is_refused: bool = True,
) -> HttpResponse:
    context = {"provider": provider, "checklist": checklist, "trouble": trouble}
    done = [reverse("start-provider", args=[provider.pk])]
    return step_page(request, PAGE, 2, done, context, is_refused=is_refused and trouble is not None)
