"""The list of models, the page of one model, and the figures that load after the rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F, TextField
from django.db.models.functions import Cast
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from engine.core.state import DEPLOYMENT
from pages.guards import PersonRequest
from pages.models.catalog_news import updates_now
from pages.models.form import ModelFilterForm
from pages.parts import ids_in, page_of, page_or_part
from pages.providers.cards import row_of
from pages.providers.page_rights import readers_only, rights
from pages.table_columns import Column, headers
from providers import rules
from providers.models import LanguageModel, LanguageModelQuerySet
from usage.health.response_times import response_times

ENABLED = {"enabled": True, "disabled": False}
SORTS = {
    "name": "name",
    "provider": "provider__name",
    "input": "input_cost_per_million",
    "output": "output_cost_per_million",
    "cached": "cached_input_cost_per_million",
    "context": "context_length",
    "status": "enabled",
}
DEFAULT_SORT = "provider"


def narrowed(chosen: dict[str, Any]) -> LanguageModelQuerySet:
    """The models that match these filters (`q`, `provider`, `capability`, `status`), with their providers."""
    rows = LanguageModel.objects.select_related("provider").matching(
        q=chosen.get("q", ""), enabled=ENABLED.get(chosen.get("status", ""))
    )
    if provider := chosen.get("provider"):
        rows = rows.filter(provider=provider)
    return with_capability(rows, chosen["capability"]) if "capability" in chosen else rows


def with_capability(rows: LanguageModelQuerySet, word: str) -> LanguageModelQuerySet:
    """The models whose list of capabilities has this word; searched as text, because SQLite can't search JSON."""
    return rows.annotate(words=Cast("capabilities", TextField())).filter(words__contains=f'"{word}"')


def sort_in(chosen: dict[str, Any]) -> str:
    """The requested order, or the default for an unknown one."""
    sort = str(chosen.get("sort", ""))
    return sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT


def sorted_by(rows: LanguageModelQuerySet, sort: str) -> LanguageModelQuerySet:
    """The models in an order of SORTS; `-` before it reverses the order. Unknown values come last in both."""
    field = F(SORTS[sort.removeprefix("-")])
    first = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(nulls_last=True)
    return rows.order_by(first, "name", "pk")


PAGE = "models/model_list.html"
PAGE_SIZE = 50
COLUMNS = (
    Column("Model", "name"),
    Column("Provider", "provider"),
    Column("Input", "input"),
    Column("Output", "output"),
    Column("Cached", "cached"),
    Column("Context", "context"),
    Column("Quality"),
    Column("Latency"),
    Column("Enabled", "status"),
)


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def model_list(request: PersonRequest) -> HttpResponse:
    """The catalog; the URL has search, filters, order and page."""
    form = ModelFilterForm(request.GET)
    sort = sort_in(form.chosen)
    page = page_of(request, sorted_by(narrowed(form.chosen), sort), PAGE_SIZE)
    context = {
        "form": form,
        "page": page,
        "rows": [row_of(model) for model in page],
        "headers": headers(sort, COLUMNS),
        "sort": "" if sort == DEFAULT_SORT else sort,
        "query": form.query,
        **rights(request),
    }
    return page_or_part(request, PAGE, "model-rows", context)


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def model_figures(request: PersonRequest) -> HttpResponse:
    """The response times of the models in `id`, and the number of models with price updates; loaded after the rows."""
    models = LanguageModel.objects.select_related("provider").filter(pk__in=ids_in(request, most=PAGE_SIZE))
    times = response_times()
    lines = [(model, times.get(str(model.pk))) for model in models]
    context = {"lines": lines, "news": len(updates_now())}
    return page_or_part(request, "models/model_figures.html", "figures-cells", context)


@require_safe
@readers_only
def model_detail(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """One model: prices, abilities, their sources, and the groups that use it."""
    model = get_object_or_404(LanguageModel.objects.select_related("provider"), pk=model_id)
    context = {
        "model": model,
        "row": row_of(model),
        "breaker": f"{DEPLOYMENT}{model.pk}",
        "groups": rules.groups_using(model=model),
        "times": response_times().get(str(model.pk)),
        **rights(request),
    }
    return render(request, "models/model_detail.html", context)
