"""The form that stops the use of a deployment, or of all models of a provider, for a while."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render, resolve_url
from django.views.decorators.http import require_http_methods

from access.models import Role
from engine.core.state import DEPLOYMENT, KEY
from lib.ids import uuids_of
from pages.dialogs import done
from pages.forms import ActionForm, SelectField, attributes
from pages.guards import PersonRequest, requires
from providers.models import LanguageModel, Provider
from usage.health.cooldown_board import groups_behind
from usage.health.tripping import WHY_LENGTH, trip_breaker

PAGE = "providers/stop_using.html"
TIMES = {300: "5 minutes", 900: "15 minutes", 3600: "1 hour", 14_400: "4 hours", 86_400: "1 day", 604_800: "7 days"}


class StopForm(ActionForm):
    """For how long, and why."""

    for_s = SelectField(label="For how long", choices=[*TIMES.items()], initial=900)
    why = forms.CharField(
        label="Why",
        max_length=WHY_LENGTH,
        widget=forms.TextInput(attributes()),
        help_text="Others see it beside the deployment and in the history.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.OPERATOR, to="stop using a deployment or provider")
def cooldown_trip(request: PersonRequest, breaker: str) -> HttpResponse:
    """No group asks it for a while, in any process."""
    row, ids = _behind(breaker)
    form = StopForm(request.POST if request.method == "POST" else None)
    if form.accepted(lambda: _tripped(request, form, ids)):
        return done(request, f"{_name(row)} is not used for {TIMES[int(form.cleaned_data['for_s'])]}.")
    back = request.POST.get("next") or resolve_url(*_page_of(row))
    groups = [name for name, _ in groups_behind([breaker])[breaker]]
    context = {"form": form, "name": _name(row), "breaker": breaker, "groups": groups, "back": back}
    return render(request, PAGE, context, status=form.status)


def _tripped(request: PersonRequest, form: StopForm, ids: dict[str, UUID]) -> Any:
    return trip_breaker(by=request.user, for_s=int(form.cleaned_data["for_s"]), why=form.cleaned_data["why"], **ids)


def _behind(breaker: str) -> tuple[LanguageModel | Provider, dict[str, UUID]]:
    kind, _, key = breaker.partition(":")
    for found in uuids_of([key]):
        if kind + ":" == DEPLOYMENT:
            rows = LanguageModel.objects.select_related("provider")
            return get_object_or_404(rows, pk=found), {"deployment_id": found}
        if kind + ":" == KEY:
            return get_object_or_404(Provider, pk=found), {"provider_id": found}
    raise Http404("There is no deployment or provider of this name.")


def _name(row: LanguageModel | Provider) -> str:
    return f"{row.name} of {row.provider.name}" if isinstance(row, LanguageModel) else row.name


def _page_of(row: LanguageModel | Provider) -> tuple[str, Any]:
    return ("model-detail" if isinstance(row, LanguageModel) else "provider-detail"), row.pk
