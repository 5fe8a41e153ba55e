"""Your usage: the usage of the signed-in person."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from access.credits import summary_of
from access.models import Role
from pages.guards import PersonRequest, requires
from pages.traffic import panels
from pages.traffic.figures import core_figures
from pages.traffic.usage_form import PERIODS, UsageForm, before
from usage.analytics import UsageReport
from usage.analytics import totals as totals_of
from usage.models import Grain, RequestRecord

MOST_REQUESTS = 10


@require_safe
@requires(Role.STRANGER, to="see your usage")
def my_usage(request: PersonRequest) -> HttpResponse:
    """The person's requests, tokens and cost, with the balance and the newest requests."""
    form = UsageForm({"period": request.GET.get("period", "")})
    asked = form.asked_by(request.user)
    report = UsageReport(asked, latency="none")
    totals, hourly = report.totals(), report.window.grain == Grain.HOUR
    earlier = before(asked, form.period_chosen)
    old, over = (totals_of(earlier[0]), earlier[1]) if earlier else (None, 1.0)
    points = report.over_time()
    context = {
        "form": form,
        "periods": PERIODS.items(),
        "totals": totals,
        "figures": core_figures(totals, old, over),
        "compared_with": PERIODS[form.period_chosen] if old else "",
        "panels": (
            panels.over_time(points, hourly=hourly),
            panels.spending(points, hourly=hourly),
            panels.popular_models(report.by("model")),
        ),
        "newest": RequestRecord.objects.filter(owner=request.user.username).defer("attempts")[:MOST_REQUESTS],
        "credits": summary_of(request.user),
    }
    return render(request, "traffic/my_usage.html", context, status=200 if form.is_valid() else 422)
