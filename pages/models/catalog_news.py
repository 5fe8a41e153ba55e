"""Updates of the price map: its current values beside the accepted ones, to accept or decline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from pages.formats import usd
from pages.forms import complaints
from pages.guards import PersonRequest
from pages.parts import page_of, way_back
from pages.providers.page_rights import editors_only, readers_only, rights
from providers import actions, config_version
from providers.catalog import price_map, updates
from providers.models import LanguageModel

PAGE_SIZE = 50
LABELS = {
    "input_cost_per_million": "Input, per 1M tokens",
    "output_cost_per_million": "Output, per 1M tokens",
    "cached_input_cost_per_million": "Cached input, per 1M tokens",
    "cache_write_cost_per_million": "Cache writes, per 1M tokens",
    "unit": "Charged by, besides tokens",
    "price_per_unit": "Price of one of these",
    "context_length": "Context, tokens",
    "max_output_tokens": "Longest answer, tokens",
    "capabilities": "Capabilities",
}


class DecisionForm(forms.Form):
    """The ticked models, and the decision about their updates."""

    ids = forms.ModelMultipleChoiceField(
        LanguageModel.objects.all(),
        error_messages={
            "required": "Tick the models first.",
            "invalid_choice": "One of these models is gone; look again.",
        },
    )
    do = forms.ChoiceField(
        choices=[("accept", "Accept"), ("decline", "Decline")],
        error_messages={"required": "Choose whether to accept or to keep what you have."},
    )


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one model, in words."""

    label: str
    accepted: str
    today: str


@require_http_methods(["GET", "HEAD", "POST"])
def catalog_news(request: PersonRequest) -> HttpResponseBase:
    """The differences, in pages; POST decides about the ticked ones."""
    return _decide(request) if request.method == "POST" else _show(request)


@readers_only
def _show(request: PersonRequest) -> HttpResponse:
    page = page_of(request, updates_now(), PAGE_SIZE)
    lines = [(update.model, [_difference(change) for change in update.changes]) for update in page]
    return render(request, "models/catalog_news.html", {"page": page, "lines": lines, **rights(request)})


@editors_only
def _decide(request: PersonRequest) -> HttpResponse:
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, complaints(form))
        return redirect(way_back(request))
    ids: list[UUID] = [model.pk for model in form.cleaned_data["ids"]]
    if form.cleaned_data["do"] == "accept":
        settled = actions.accept_catalog_updates(by=request.user, ids=ids)
        messages.success(request, f"{_models(len(settled))} brought up to date.")
    else:
        settled = actions.decline_catalog_updates(by=request.user, ids=ids)
        messages.success(request, f"{_models(len(settled))} left as they were.")
    return redirect(way_back(request))


def updates_now() -> tuple[updates.CatalogUpdate, ...]:
    """All differences. Comparing 10,000 models takes a while, so it is done once per configuration."""
    return _updates_at(config_version.current())


@lru_cache(maxsize=1)
def _updates_at(version: int) -> tuple[updates.CatalogUpdate, ...]:
    return tuple(updates.updates_of(LanguageModel.objects.all())[0])


def _models(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"


def _difference(change: updates.CatalogChange) -> FieldChange:
    return FieldChange(LABELS[change.field], _words(change.field, change.accepted), _words(change.field, change.today))


def _words(field: str, value: Any) -> str:
    value = price_map.restored(field, value)
    if value is None:
        return "unknown"
    if price_map.is_price(field):
        return usd(value)
    if isinstance(value, str):
        return value or "nothing"
    return ", ".join(value) if isinstance(value, list) else f"{value:,}"
