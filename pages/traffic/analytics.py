"""The page of usage: figures compared with the previous period, charts, and charts as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role, Theme
from pages.forms import no_file
from pages.guards import PersonRequest, requires
from pages.parts import page_or_part, wants_part
from pages.traffic import panels
from pages.traffic.chart_files import svg_of
from pages.traffic.figures import figures_of
from pages.traffic.usage_form import FILTERS, PERIODS, UsageForm, before
from providers.models import Provider
from usage.analytics import Dimension, FilterOption, UsageReport, choices
from usage.analytics import totals as totals_of
from usage.analytics.asked import COLUMNS, TOLD_BY_ID
from usage.models import Grain, UsageSeries

MOST = 30


def suggestions(dimension: Dimension, typed: str) -> list[FilterOption]:
    """The first matches with the text in their name, or at the start of their id; one query."""
    name, pk = COLUMNS[dimension]
    if dimension not in TOLD_BY_ID:
        found = UsageSeries.objects.filter(**{f"{name}__icontains": typed}).exclude(**{name: ""})
        return [
            FilterOption(text, text) for text in found.order_by(name).values_list(name, flat=True).distinct()[:MOST]
        ]
    found = UsageSeries.objects.filter(Q(**{f"{name}__icontains": typed}) | Q(**{f"{pk}__startswith": typed}))
    rows = found.exclude(**{pk: ""}).order_by(name, pk).values_list(pk, name).distinct()[:MOST]
    return [FilterOption(value, text or value) for value, text in rows]


PAGE = "traffic/analytics.html"
reader = requires(Role.VIEWER, to="see what happened")


def _types() -> dict[str, str]:
    return dict(Provider.objects.values_list("name", "type"))


# Each chart by its name in URLs, in the order of the page.
PANELS: dict[str, Callable[[UsageReport], panels.Panel]] = {
    "requests": lambda report: panels.over_time(report.over_time(), hourly=report.window.grain == Grain.HOUR),
    "cost": lambda report: panels.cost_by_provider(report.by("provider"), _types()),
    "success": lambda report: panels.success_by_provider(report.by("provider")),
    "models": lambda report: panels.popular_models(report.by("model")),
    "latency": lambda report: panels.latency_by_model(report.by("model")),
    "teams": lambda report: panels.cost_by("team", report.by("team")),
    "users": lambda report: panels.cost_by("user", report.by("owner")),
}


@require_safe
@vary_on_headers("HX-Request")
@reader
def usage(request: PersonRequest) -> HttpResponse:
    """All usage of a period, narrowed by the filters; htmx gets the part below the filters."""
    form = UsageForm(request.GET)
    if not wants_part(request):
        form.offer(choices())
    report = UsageReport(form.asked, latency="model")
    context = {
        "form": form,
        "filters": [form[name] for name in FILTERS],
        "ranges": _ranges(form),
        **_counted(report, form),
    }
    return page_or_part(request, PAGE, "usage", context, status=200 if form.is_valid() else 422)


@require_safe
@reader
def usage_chart(request: PersonRequest, slug: str) -> HttpResponse:
    """One chart as an SVG file, in the colours of `theme`."""
    form = UsageForm(request.GET)
    if slug not in PANELS:
        raise Http404("There is no such chart.")
    if not form.is_valid():
        return no_file(form)
    theme = request.GET.get("theme", "")
    chosen = Theme(theme) if theme in Theme.values else Theme.LIGHT
    svg = svg_of(PANELS[slug](UsageReport(form.asked, latency="model")), about=form.about, theme=chosen)
    headers = {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Content-Disposition": f'inline; filename="usage-{slug}-{form.file_part}.svg"',
    }
    return HttpResponse(svg, content_type="image/svg+xml", headers=headers)


@require_safe
@reader
def usage_suggestions(request: PersonRequest) -> HttpResponse:
    """Options for a filter with too many values for a list: `of` names it, and its own parameter has the typed text."""
    name = request.GET.get("of", "")
    if name not in FILTERS:
        raise Http404("There is no such filter.")
    found = suggestions(FILTERS[name], request.GET.get(name, "")[:512])
    return render(request, f"{PAGE}#suggestions", {"suggestions": found})


def _counted(report: UsageReport, form: UsageForm) -> dict[str, Any]:
    totals = report.totals()
    if not totals.requests and not totals.attempts:
        return {"is_new": not form.chosen and not UsageSeries.objects.exists()}
    earlier = before(report.asked, form.period_chosen)
    old, over = (totals_of(earlier[0]), earlier[1]) if earlier else (None, 1.0)
    return {
        "figures": figures_of(totals, old, over, of_attempts=report.asked.is_of_upstreams),
        "compared_with": PERIODS[form.period_chosen] if old else "",
        "panels": [build(report) for build in PANELS.values()],
    }


def _ranges(form: UsageForm) -> list[dict[str, Any]]:
    """The buttons: each keeps the filters."""
    return [
        {
            "name": name,
            "query": UsageForm({**form.chosen, "period": word}).query,
            "is_current": word == form.period_chosen,
        }
        for word, name in PERIODS.items()
    ]
