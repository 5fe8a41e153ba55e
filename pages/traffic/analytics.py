"""The pages of usage and of cost: figures compared with the previous period, charts, and charts as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
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
from usage.analytics.asked import COLUMNS, TOLD_BY_ID
from usage.analytics.report import Latency
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
# The page of cost has these, and two of the same.
COST_PANELS: dict[str, Callable[[UsageReport], panels.Panel]] = {
    "spending": lambda report: panels.spending(report.over_time(), hourly=report.window.grain == Grain.HOUR),
    "cost": PANELS["cost"],
    "groups": lambda report: panels.cost_by("group", report.by("group")),
    "costs-of-models": lambda report: panels.cost_by_model(report.by("model")),
    "teams": PANELS["teams"],
    "users": PANELS["users"],
}
COST_FIGURES = ("Cost", "Requests", "Tokens", "Saved by BYOK")


@require_safe
@vary_on_headers("HX-Request")
@reader
def usage(request: PersonRequest) -> HttpResponse:
    """All usage of a period, narrowed by the filters; htmx gets the part below the filters."""
    return _page(request, "usage", PANELS)


@require_safe
@vary_on_headers("HX-Request")
@reader
def usage_cost(request: PersonRequest) -> HttpResponse:
    """The same for money: what was spent over time, and on what."""
    return _page(request, "usage-cost", COST_PANELS)


def _page(request: PersonRequest, name: str, shown: Mapping[str, Any]) -> HttpResponse:
    form = UsageForm(request.GET)
    if not wants_part(request):
        form.offer(choices())
    report = _report(form, shown)
    context = {
        "here": reverse(name),
        "is_cost": name == "usage-cost",
        "form": form,
        "filters": [form[name] for name in FILTERS],
        "ranges": _ranges(form),
        **_counted(report, form, shown),
    }
    return page_or_part(request, PAGE, "usage", context, status=200 if form.is_valid() else 422)


@require_safe
@reader
def usage_chart(request: PersonRequest, slug: str) -> HttpResponse:
    """One chart as an SVG file, in the colours of `theme`."""
    form = UsageForm(request.GET)
    build = PANELS.get(slug) or COST_PANELS.get(slug)
    if build is None:
        raise Http404("There is no such chart.")
    if not form.is_valid():
        return no_file(form)
    theme = request.GET.get("theme", "")
    chosen = Theme(theme) if theme in Theme.values else Theme.LIGHT
    svg = svg_of(build(_report(form, PANELS if slug in PANELS else COST_PANELS)), about=form.about, theme=chosen)
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


def _report(form: UsageForm, shown: Mapping[str, Any]) -> UsageReport:
    """With the latencies that the charts show: none for the page of cost."""
    if shown is COST_PANELS:
        return UsageReport(form.asked, latency="none", is_brief=True)
    return UsageReport(form.asked, latency="model", measured=panels.MOST_ROWS, is_brief=True)


def _counted(report: UsageReport, form: UsageForm, shown: Mapping[str, Any]) -> dict[str, Any]:
    totals = report.totals()
    if not totals.requests and not totals.attempts:
        return {"is_new": not form.chosen and not UsageSeries.objects.exists()}
    earlier = before(report.asked, form.period_chosen)
    latency: Latency = "none" if shown is COST_PANELS else "totals"
    old, over = (
        (UsageReport(earlier[0], latency=latency, is_brief=True).totals(), earlier[1]) if earlier else (None, 1.0)
    )
    figures = figures_of(totals, old, over, of_attempts=report.asked.is_of_upstreams)
    if shown is COST_PANELS:
        figures = tuple(
            sorted((f for f in figures if f.name in COST_FIGURES), key=lambda f: COST_FIGURES.index(f.name))
        )
    return {
        "figures": figures,
        "compared_with": PERIODS[form.period_chosen] if old else "",
        "panels": [build(report) for build in shown.values()],
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
